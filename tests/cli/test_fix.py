"""`dslc check --fix`."""

import json
import stat
from pathlib import Path

import pytest
from cli.commands import MLP, Dslc


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    file = tmp_path / "bad.net"
    file.write_text(MLP.replace("relu", "rellu").replace("epochs  = 2", "epoch   = 2"))
    return file


def test_what_was_changed_is_said_and_the_rest_is_checked(dslc: Dslc, bad: Path):
    said = dslc("check", "bad.net", "--fix")
    assert (said.status, said.err) == (0, "")
    assert said.out == (
        "bad.net:4: `rellu` is now `relu` [E0201]\n"
        "bad.net:11: `epoch` is now `epochs` [E0401]\n"
        "bad.net: 2 problems fixed\n"
        "bad.net: 1 model, 1 variant, 1 train block, no problems\n"
    )
    assert bad.read_text() == MLP.replace("epochs  = 2", "epochs   = 2")


def test_without_the_option_nothing_is_changed(dslc: Dslc, bad: Path):
    before = bad.read_bytes()
    assert dslc("check", "bad.net").status == 1
    assert bad.read_bytes() == before


def test_a_fix_that_would_make_the_file_worse_is_taken_back_and_said(dslc: Dslc, tmp_path: Path):
    text = "net 1\nmodel m {\n  input x: [batch, 4]\n  z = x -> dens(5)\n  output y = z + x\n}\n"
    (tmp_path / "bad.net").write_text(text)
    said = dslc("check", "bad.net", "--fix")
    assert said.status == 1
    assert said.out == (
        "bad.net:4: `dens` is left: as `dense` it gives another error: "
        "`+` needs equal shapes, or shapes that broadcast\n"
    )
    assert (tmp_path / "bad.net").read_text() == text


def test_ends_of_lines_and_permissions_stay(dslc: Dslc, bad: Path):
    bad.write_bytes(b"\xef\xbb\xbf" + bad.read_bytes().replace(b"\n", b"\r\n"))
    bad.chmod(0o640)
    assert dslc("check", "bad.net", "--fix").status == 0
    assert (
        bad.read_bytes() == b"\xef\xbb\xbf" + MLP.replace("epochs  = 2", "epochs   = 2").replace("\n", "\r\n").encode()
    )
    assert stat.S_IMODE(bad.stat().st_mode) == 0o640
    assert [file.name for file in bad.parent.iterdir() if file.name.startswith(".")] == []


def test_json_carries_the_edits(dslc: Dslc, bad: Path):
    (report,) = map(json.loads, dslc("check", "bad.net", "--json").out.splitlines())
    assert [problem["fix"] for problem in report["problems"]] == [
        {
            "safe": True,
            "edits": [{"start_line": 4, "start_column": 48, "end_line": 4, "end_column": 53, "replacement": "relu"}],
        },
        {
            "safe": True,
            "edits": [{"start_line": 11, "start_column": 3, "end_line": 11, "end_column": 8, "replacement": "epochs"}],
        },
    ]


def test_json_after_fixes_tells_what_is_left(dslc: Dslc, bad: Path):
    said = dslc("check", "bad.net", "--json", "--fix")
    assert (said.status, json.loads(said.out)) == (0, {"file": "bad.net", "problems": []})
    assert "epochs   = 2" in bad.read_text()


def test_a_file_that_is_not_there_is_said_once(dslc: Dslc):
    said = dslc("check", "missing.net", "--fix")
    assert said.status == 1
    assert said.err.count("is not there") == 1


def test_warnings_count_where_they_are_told_to(dslc: Dslc, tmp_path: Path):
    (tmp_path / "old.net").write_text(MLP.removeprefix("net 1\n"))
    assert dslc("check", "old.net").status == 0
    assert dslc("check", "old.net", "--strict").status == 1
    assert dslc("check", "old.net", "--fix", "--strict").status == 0
    assert (tmp_path / "old.net").read_text().startswith("net 1\n\n")
