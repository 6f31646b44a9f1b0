"""Imports that are refused, and what a message about an imported file shows."""

import os
from pathlib import Path

import pytest
from imported import HEAD, IMAGE, NORM, PARTS, message, problems, two_files, write

from dslc import compiler
from dslc.errors.render import to_json
from dslc.resolve import imports


@pytest.fixture(name="tree")
def _tree(tmp_path: Path) -> Path:
    return two_files(tmp_path)


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


def test_a_misspelt_block_of_an_import_is_mended(tree: Path):
    source = compiler.read(str(write(tree, "main.net", f"{HEAD}model m {{ {IMAGE} p.botleneck(3) }}")))
    (problem,) = compiler.check(source)
    fix = problem.fix()
    assert fix is not None and fix.safe
    assert [edit.replacement for edit in fix.edits] == ["p.bottleneck"]


def test_an_import_that_failed_says_so_once(tree: Path):
    found = problems(
        tree, f'net 1\nimport "gone.net"\nmodel m(b = gone.b) {{ {IMAGE} gone.a(3) -> b }}\nvariant v of gone.m(x = 1)'
    )
    assert found == [("E0520", "main.net", 2)]
