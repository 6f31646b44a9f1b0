"""Imports: what they bring in, and what a run keeps of them."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from imported import HEAD, IMAGE, NORM, PARTS, graph, problems, two_files, write
from nets import parameters

import dslc
from dslc import compiler
from dslc.build import modules
from dslc.data.folders import Folders
from dslc.resolve import imports
from dslc.summary import summarize
from dslc.train import session
from dslc.trained.evaluate import evaluate
from dslc.trained.run import asked, open_run


@pytest.fixture(name="tree")
def _tree(tmp_path: Path) -> Path:
    return two_files(tmp_path)


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


def test_a_tensor_may_have_the_name_of_an_import(tree: Path):
    made = graph(tree, "model m { input p: [batch, 8, 8, 3]  output y = p -> p.bottleneck(3)  output z = p.shape[1] }")
    assert "bottleneck.conv_norm.conv.kernel" in parameters(made)


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


def test_a_build_in_another_file_shares_what_is_being_applied(tree: Path):
    source = compiler.read(str(write(tree, "main.net", f"{HEAD}model m {{ {IMAGE} p.bottleneck(3) }}")))
    found = compiler.Problems()
    program = compiler.front(source, found)
    build = modules.Build(program, found)
    inner = modules.within(build, program.modules["p"], program.imports["p"].span)
    assert inner.active is build.active
    assert modules.within(build, program, program.imports["p"].span) is build
