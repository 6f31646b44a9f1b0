"""Imports: what they bring in, what they refuse, and what a message about an imported file shows."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from imported import HEAD, IMAGE, NORM, PARTS
from nets import parameters

import dslc
from dslc import compiler
from dslc.build import modules
from dslc.data.folders import Folders
from dslc.errors.base import Failed
from dslc.errors.render import render, to_json
from dslc.graph import Graph
from dslc.resolve import imports
from dslc.summary import summarize
from dslc.train import session
from dslc.trained.evaluate import evaluate
from dslc.trained.run import asked, open_run


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A folder with two files to import."""
    write(tmp_path, "blocks/parts.net", PARTS)
    write(tmp_path, "blocks/deeper/norm.net", NORM)
    return tmp_path


def write(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")
    return file


def graph(tree: Path, text: str, **options: object) -> Graph:
    file = write(tree, "main.net", HEAD + text)
    try:
        return compiler.graph(compiler.read(str(file)), compiler.Options(**options))  # type: ignore[arg-type]
    except Failed as failed:
        raise AssertionError([problem.headline() for problem in failed.problems]) from None


def problems(tree: Path, text: str) -> list[tuple[str, str, int]]:
    """Code, file and line of what `check` finds."""
    source = compiler.read(str(write(tree, "main.net", text)))
    found = compiler.check(source)
    return [(one.code, Path(one.span.file).name, source.line_of(one.span)) for one in found]


def message(tree: Path, text: str) -> str:
    source = compiler.read(str(write(tree, "main.net", text)))
    (problem,) = compiler.check(source)
    return render(problem, {source.name: source}).replace(str(tree), "TREE")


def test_an_imported_block_is_a_stage_with_weights_of_its_own_name(tree: Path):
    made = graph(
        tree, f"model m {{ {IMAGE} p.bottleneck(6) -> residual {{ p.bottleneck(2) }} as more -> p.bottleneck(1) }}"
    )
    shapes = parameters(made)
    assert shapes["bottleneck.conv_norm.conv.kernel"] == (3, 3, 3, 6)
    assert shapes["more.bottleneck.conv_norm_2.conv.kernel"] == (3, 3, 2, 3)
    assert shapes["bottleneck_2.conv_norm.conv.kernel"] == (3, 3, 3, 1)


def test_names_in_an_imported_file_are_its_own(tree: Path):
    # `bottleneck` of this file is another one than that which `net` takes by default.
    own = "block bottleneck(width) = conv(3, 1)  "
    made = graph(tree, f"{own} model m {{ {IMAGE} p.net(depths = [1]) -> dense(2) }}")
    assert "net.repeat.0.repeat.0.conv_norm.conv.kernel" in parameters(made)


def test_settings_are_read_where_they_are_given(tree: Path):
    own = "block mine(width) = conv(width, 5) -> conv(3, 5)  "
    for given in ("p.net(depths = [1], block = mine)", "p.net(block = mine, depths = one)"):
        made = graph(tree, f"{own} model m(one = [1]) {{ {IMAGE} {given} }}")
        assert parameters(made)["net.repeat.0.repeat.0.conv.kernel"] == (5, 5, 3, 4)


def test_an_imported_block_is_a_setting_with_and_without_settings_of_its_own(tree: Path):
    for default, use in (
        ("p.bottleneck", "block(7)"),
        ("p.bottleneck(7)", "block"),
        ("p.bottleneck(7, act = silu)", "block"),
    ):
        made = graph(tree, f"model m(block = {default}) {{ {IMAGE} {use} }}")
        assert parameters(made)["bottleneck.conv_norm.conv.kernel"] == (3, 3, 3, 7)
        assert any(node.op.name == ("silu" if "silu" in default else "relu") for node in made)


def test_a_variant_of_an_imported_model_has_its_settings(tree: Path):
    text = f"model m {{ {IMAGE} p.bottleneck(2) }}  variant big of p.net(depths = [3, 4])"
    made = graph(tree, text, variant="big")
    assert made.name == "net"
    # A turn has 3 * 3 * 3 * 4 and 3 * 3 * 4 * 3 weights of two kernels, and 2 * 4 + 2 * 3 of the norms.
    assert sum(int(node.type.size) for node in made.sources("parameter")) == 7 * (108 + 108 + 14) + 40  # type: ignore[arg-type]
    assert parameters(graph(tree, text, model="p.net")).keys() != parameters(made).keys()


def test_a_variant_of_an_imported_model_is_trained_like_a_model_of_the_file(tree: Path, tmp_path: Path):
    parts = PARTS.replace("input  image: [batch, 8, 8, 3]", "input  image: [batch, 8, 8, 1]")
    write(tree, "blocks/parts.net", parts)
    text = (
        f"{HEAD}import std.mlp\nblock gate(n) = mlp.gated(n)\nvariant big of p.net(depths = [1], block = gate)\n"
        "train big { data = digits() -> split(0.8, 0.2)  loss = (logits, label) -> cross_entropy  steps = 2  batch = 16 }"
    )
    file = write(tree, "main.net", text)
    source = compiler.read(str(file))
    assert not compiler.check(source).errors
    for options in (compiler.Options(), compiler.Options(variant="big"), compiler.Options(model="big")):
        plan = compiler.plan(source, options)
        assert plan.model == "big"
        assert "repeat.0.repeat.0.gated.gate.kernel" in parameters(plan.graph)
        assert parameters(plan.graph) == parameters(compiler.graph(source, options))
    plan = compiler.plan(source, compiler.Options(settings={"depths": "[2, 1]", "batch": "8"}))
    assert "repeat.1.repeat.0.gated.gate.kernel" in parameters(plan.graph)

    options = compiler.Options(variant="big")
    plan = compiler.plan(source, options)
    kept = asked(str(file), options, plan, Folders(tree))
    result = session.train(plan, source, Folders(tree), tmp_path / "run", options=kept)
    shutil.rmtree(tree / "blocks")
    run = open_run(tmp_path / "run")
    assert {other.name for other in run.source.imported.values()} == set()
    assert evaluate(run)["test"]["loss"] == pytest.approx(result.values["test"]["loss"], rel=1e-6)  # the same program
    names = {Path(name).name for name in run.source.imported}
    assert names == {"parts.net", "norm.net", "mlp.net"}
    assert all(name.startswith(str(tmp_path / "run")) for name in run.source.imported)


def test_a_file_is_read_once_and_a_shared_one_is_shared(tree: Path, monkeypatch: pytest.MonkeyPatch):
    read: list[str] = []
    monkeypatch.setattr(
        imports, "parse", lambda source, found: read.append(source.name) or compiler.parse(source, found)
    )
    text = f'{HEAD}import "blocks/deeper/norm.net"\nmodel m {{ {IMAGE} p.bottleneck(3) -> norm.conv_norm(3) }}'
    assert not problems(tree, text)
    assert [Path(name).name for name in read] == ["parts.net", "norm.net"]


def test_a_train_block_of_an_imported_file_is_left_alone(tree: Path):
    assert not problems(tree, f"{HEAD}model m {{ {IMAGE} p.bottleneck(3) }}")


def test_the_name_of_an_import_is_that_of_its_file_or_the_one_given(tree: Path):
    write(tree, "parts.net", NORM)
    text = 'net 1\nimport "parts.net"\nimport std.mlp\nimport std.mlp as feed\n'
    assert not problems(tree, f"{text}model m {{ {IMAGE} parts.conv_norm(3) -> mlp.gated(5) -> feed.gated(6) }}")


def test_a_path_may_climb_inside_of_the_tree(tree: Path):
    write(tree, "blocks/deeper/up.net", 'net 1\nimport "../../other.net"\nblock b() = other.conv_norm(2)\n')
    write(tree, "other.net", NORM)
    assert not problems(tree, f'net 1\nimport "blocks/./deeper/up.net"\nmodel m {{ {IMAGE} up.b }}')


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ('import "blocks/part.net"', "E0520"),
        ('import "/blocks/parts.net"', "E0521"),
        ('import "C:/blocks/parts.net"', "E0521"),
        ('import "../main.net"', "E0521"),
        ('import "blocks/../../parts.net"', "E0521"),
        ('import "blocks"', "E0521"),
        ('import "blocks\\\\parts.net"', "E0521"),
        ('import "blocks/parts\\x00.net"', "E0521"),
        ('import "blocks/parts.py"', "E0521"),
        (f'import "{"long" * 100}.net"', "E0522"),
        (f'import "{"deep/" * 2_000}x.net"', "E0522"),
        ('import "blocks/parts.net/x.net"', "E0520"),
        ('import "folder.net"', "E0522"),
        ('import "binary.net"', "E0522"),
        ('import "link.net"', "E0521"),
        ('import "way/parts.net"', "E0521"),
        ('import "loop.net"', "E0522"),
        ('import "no-name.net"', "E0224"),
        ('import "none.net"', "E0224"),
        ("import std", "E0221"),
        ("import std.nothing", "E0221"),
        ("import math", "E0221"),
        ("import std.mlp.gated", "E0221"),
        ('import "main.net"', "E0222"),
        ('import "blocks/parts.net" as m', "E0207"),
        ('import "blocks/deeper/norm.net"\nimport std.mlp as norm', "E0207"),
    ],
)
def test_an_import_is_refused(tree: Path, line: str, code: str):
    outside = write(tree.parent / "outside", "parts.net", NORM)
    for name in ("no-name.net", "none.net"):
        write(tree, name, NORM)
    (tree / "folder.net").mkdir()
    (tree / "binary.net").write_bytes(b"net 1 \xff")
    (tree / "link.net").symlink_to(outside)
    (tree / "way").symlink_to(outside.parent)
    (tree / "loop.net").symlink_to(tree / "loop.net")
    found = problems(tree, f"net 1\n{line}\nmodel m {{ {IMAGE} dense(2) }}\n")
    assert [(at, file) for at, file, _ in found] == [(code, "main.net")]


@pytest.mark.parametrize(
    ("stage", "code"),
    [
        ("p.bottlneck(3)", "E0220"),
        ("p.norm", "E0220"),
        ("p", "E0223"),
        ("p(3)", "E0223"),
        ("dense(p)", "E0223"),
        ("dense(p.bottleneck)", "E0204"),
        ("p { relu }", "E0223"),
        ("p.bottleneck { relu }", "E0241"),
        ("(it + p)", "E0223"),
        ("(it + p.bottleneck(3))", "E0202"),
        ("p.net.head", "E0444"),
        ("p.bottleneck(widht = 3)", "E0203"),
        ("p.bottleneck", "E0205"),
    ],
)
def test_what_is_no_block_of_the_import_is_refused(tree: Path, stage: str, code: str):
    assert [at for at, *_ in problems(tree, f"{HEAD}model m {{ {IMAGE} {stage} }}")] == [code]
    assert [at for at, *_ in problems(tree, f"{HEAD}block unused() = {stage}\nmodel m {{ {IMAGE} dense(2) }}")] in (
        [code],
        [],
    )


def test_a_tensor_may_have_the_name_of_an_import(tree: Path):
    made = graph(tree, "model m { input p: [batch, 8, 8, 3]  output y = p -> p.bottleneck(3)  output z = p.shape[1] }")
    assert "bottleneck.conv_norm.conv.kernel" in parameters(made)


def test_a_message_calls_an_imported_block_by_its_name(tree: Path):
    text = f"{HEAD}model m(n = p.bottleneck(3)) {{ {IMAGE} dense(n) }}"
    assert "takes an int, and this is a layer, `p.bottleneck`" in message(tree, text)


def test_a_circle_is_shown_whole(tree: Path):
    write(tree, "b.net", 'net 1\nimport "c.net"\n')
    write(tree, "c.net", 'net 1\n\nimport "main.net"\n')
    assert message(tree, f'net 1\nimport "b.net"\nmodel m {{ {IMAGE} dense(2) }}') == (
        "error[E0222]: imports in a circle: `TREE/main.net` -> `TREE/b.net` -> `TREE/c.net` -> `TREE/main.net`\n"
        " --> TREE/c.net:3:1\n"
        "  |\n"
        '3 | import "main.net"\n'
        "  | ^^^^^^^^^^^^^^^^^ this closes the circle\n"
        " ::: TREE/main.net:2:1\n"
        "  |\n"
        '2 | import "b.net"\n'
        "  | -------------- imported here\n"
        " ::: TREE/b.net:2:1\n"
        "  |\n"
        '2 | import "c.net"\n'
        "  | -------------- imported here\n"
        "  = help: move what both files need into a third one, and import that in both"
    )


def test_a_problem_in_an_imported_file_shows_that_file_and_where_it_is_used(tree: Path):
    assert message(tree, f"{HEAD}model m {{ {IMAGE} (it, it) -> p.bottleneck(3) }}").count(":::") == 0
    write(tree, "blocks/parts.net", PARTS.replace("norm.conv_norm(c)", "norm.conv_norm(c + 1)"))
    found = message(tree, f"{HEAD}model m {{ {IMAGE} p.bottleneck(3) }}")
    assert "TREE/blocks/parts.net:4:3" in found
    assert found.count("applied here") == 1
    assert "TREE/main.net:3:" in found


def test_a_slip_in_an_imported_file_shows_although_nobody_uses_the_block(tree: Path):
    write(tree, "blocks/deeper/norm.net", NORM + "block loose() = dens(3)\n")
    assert problems(tree, f"{HEAD}model m {{ {IMAGE} p.bottleneck(3) }}") == [("E0201", "norm.net", 3)]


def test_a_syntax_error_of_an_imported_file_is_said_once(tree: Path):
    write(tree, "blocks/parts.net", PARTS.replace("net(depths", "net(= depths"))
    text = f"{HEAD}model m {{ {IMAGE} p.bottleneck(2) -> p.net }}  variant v of p.net(depths = [1])"
    source = compiler.read(str(write(tree, "main.net", text)))
    found = compiler.check(source)
    assert [Path(one.span.file).name for one in found] == ["parts.net"]
    (said,) = to_json("main.net", found, {source.name: source})["problems"]
    assert (Path(said["file"]).name, said["line"]) == ("parts.net", 5)


def test_recursion_through_an_import_is_found(tree: Path):
    text = f"{HEAD}block again(width) = p.net(block = again)\nmodel m {{ {IMAGE} again(3) }}"
    assert [code for code, *_ in problems(tree, text)] == ["E0209"]


def test_chains_files_and_characters_are_bounded(tree: Path, monkeypatch: pytest.MonkeyPatch):
    for number in range(30):
        write(tree, f"n{number}.net", f'net 1\nimport "n{number + 1}.net"\n')
    text = f'net 1\nimport "n0.net"\nmodel m {{ {IMAGE} dense(2) }}'
    assert problems(tree, text) == [("E0225", "n19.net", 2)]
    monkeypatch.setattr(imports, "MOST", 3)
    assert problems(tree, text) == [("E0225", "n2.net", 2)]
    monkeypatch.setattr(imports, "LARGEST", 50)
    assert problems(tree, text) == [("E0225", "n1.net", 2)]


def test_two_files_of_one_folder_linked_in_a_circle_end(tree: Path):
    (tree / "sub").symlink_to(tree)
    text = f'net 1\nimport "sub/main.net"\nmodel m {{ {IMAGE} dense(2) }}'
    assert [code for code, *_ in problems(tree, text)] == ["E0222"]


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="permissions do not bind here")
def test_a_file_that_may_not_be_read_is_said(tree: Path):
    (tree / "blocks/parts.net").chmod(0)
    assert [code for code, *_ in problems(tree, f"{HEAD}model m {{ {IMAGE} dense(2) }}")] == ["E0522"]


def test_a_model_in_a_train_block_is_one_of_the_file(tree: Path):
    text = (
        f"{HEAD}model m {{ input features: [batch, 4]  output logits = features -> dense(3) }}\n"
        "train m { data = iris()  other = zeros([1, 8, 8, 3]) -> p.net  loss = (logits, label) -> cross_entropy }"
    )
    assert [code for code, *_ in problems(tree, text)] == ["E0227"]


def test_python_loads_a_model_with_imports(tree: Path):
    file = write(tree, "main.net", f"{HEAD}model m {{ {IMAGE} p.bottleneck(3) }}")
    model = dslc.load(str(file))
    assert model.parameters == 2 * 81 + 12
    assert {layer.line for layer in model.summary().layers} == {2, 4}
    write(tree, "blocks/deeper/norm.net", NORM.replace("conv(", "cnov("))
    with pytest.raises(ValueError, match=r"norm\.net:2:26"):
        dslc.load(str(file))


def test_a_file_knows_what_it_imports(tree: Path):
    source = compiler.read(str(write(tree, "main.net", f"{HEAD}model m {{ {IMAGE} p.bottleneck(3) }}")))
    node = next(node for node in compiler.graph(source) if node.op.name == "conv")
    assert source.of(node.span).snippet(node.span).startswith("conv(width, 3")
    kept = {other.kept for other in source.imported.values()}
    assert kept == {"files/blocks/parts.net", "files/blocks/deeper/norm.net"}
    assert summarize(compiler.graph(source), source, {}).layers[0].line == 2


def test_imported_cells_and_shared_layers_work_like_those_of_the_file(tree: Path):
    cell = "block cell(n) { input x: [batch, c]  carry h: [batch, n] = zeros  output y = (x, h) -> concat -> dense(n)  next h = y }"
    write(tree, "cells.net", f"net 1\n{cell}\n")
    body = (
        "input x: [batch, 5, 8]  layer shared = t.encoder(2)  a = x -> shared -> shared\n"
        "output y = a -> scan { c.cell(4) } -> frozen { dense(3) }"
    )
    made = graph(tree, f'import "cells.net" as c\nimport std.transformer as t\nmodel m {{ {body} }}')
    shapes = parameters(made)
    assert shapes["cell.dense.kernel"] == (12, 4)
    assert len([name for name in shapes if name.startswith("shared.")]) == 12
    assert sum(node.op.name == "attention" for node in made) == 2


def test_a_misspelt_block_of_an_import_is_mended(tree: Path):
    source = compiler.read(str(write(tree, "main.net", f"{HEAD}model m {{ {IMAGE} p.botleneck(3) }}")))
    (problem,) = compiler.check(source)
    fix = problem.fix()
    assert fix is not None and fix.safe
    assert [edit.replacement for edit in fix.edits] == ["p.bottleneck"]


def test_a_summary_names_the_imported_file_that_a_line_is_in(tree: Path):
    text = f"{HEAD}model m {{ {IMAGE} fork {{ p.bottleneck(3); p.bottleneck(3) }} -> concat }}"
    source = compiler.read(str(write(tree, "main.net", text)))
    made = summarize(compiler.graph(source), source, {}).to_json()["layers"]
    files = [Path(layer.get("file", "main.net")).name for layer in made]
    assert set(files) == {"main.net", "parts.net", "norm.net"}
    assert {layer["line"] for layer, file in zip(made, files, strict=True) if file == "norm.net"} == {2}


def test_what_a_run_keeps_stands_for_what_was_imported(tree: Path, tmp_path: Path):
    text = f"{HEAD}import std.mlp\nmodel m {{ {IMAGE} p.bottleneck(3) -> mlp.gated(4) }}"
    source = compiler.read(str(write(tree, "main.net", text)))
    before = parameters(compiler.graph(source))
    for other in source.imported.values():
        write(tmp_path / "kept", other.kept, other.text)
    moved = replace(source, name="elsewhere/model.net", folder=str(tmp_path / "kept"), imported={})
    assert parameters(compiler.graph(moved)) == before
    assert all(name.startswith(str(tmp_path / "kept")) for name in moved.imported)


def test_an_import_that_failed_says_so_once(tree: Path):
    found = problems(
        tree, f'net 1\nimport "gone.net"\nmodel m(b = gone.b) {{ {IMAGE} gone.a(3) -> b }}\nvariant v of gone.m(x = 1)'
    )
    assert found == [("E0520", "main.net", 2)]


def test_a_build_in_another_file_shares_what_is_being_applied(tree: Path):
    source = compiler.read(str(write(tree, "main.net", f"{HEAD}model m {{ {IMAGE} p.bottleneck(3) }}")))
    found = compiler.Problems()
    program = compiler.front(source, found)
    build = modules.Build(program, found)
    inner = modules.within(build, program.modules["p"], program.imports["p"].span)
    assert inner.active is build.active
    assert modules.within(build, program, program.imports["p"].span) is build
