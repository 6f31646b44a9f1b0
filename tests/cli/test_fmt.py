"""`dslc fmt`: what it writes, what it lists, and what it leaves alone."""

import io
import os
import stat
import sys
from pathlib import Path

import pytest
from cli.commands import Dslc

UGLY = "net 1\nmodel m {\ninput x:[batch,4] # four\noutput y=x->dense(3)}"
NEAT = "net 1\n\nmodel m {\n  input  x: [batch, 4]  # four\n  output y = x -> dense(3)\n}\n"


@pytest.fixture
def ugly(tmp_path: Path) -> Path:
    path = tmp_path / "m.net"
    path.write_text(UGLY)
    return path


def test_files_are_formatted_where_they_are(dslc: Dslc, ugly: Path):
    said = dslc("fmt", "m.net")
    assert (said.status, said.out, said.err) == (0, "m.net: formatted\n", "")
    assert ugly.read_text() == NEAT
    assert dslc("fmt", "m.net").out == ""


def test_check_lists_what_would_change_and_writes_nothing(dslc: Dslc, ugly: Path, tmp_path: Path):
    (tmp_path / "neat.net").write_text(NEAT)
    said = dslc("fmt", "--check", "neat.net", "m.net")
    assert (said.status, said.out, said.err) == (1, "m.net: would change\n", "")
    assert ugly.read_text() == UGLY
    assert dslc("fmt", "neat.net", "--check").status == 0


def test_standard_input_goes_to_standard_output(dslc: Dslc, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(UGLY.encode())))
    said = dslc("fmt", "-")
    assert (said.status, said.out) == (0, NEAT)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"model m {")))
    said = dslc("fmt", "-")
    assert (said.status, said.out) == (1, "")
    assert "--> <stdin>:1:9" in said.err


def test_a_file_with_errors_is_reported_and_left_alone_and_the_others_are_formatted(dslc: Dslc, ugly: Path):
    broken = ugly.with_name("broken.net")
    broken.write_text("net 1\nmodel m { output y = x -> }\n")
    said = dslc("fmt", "broken.net", "m.net")
    assert said.status == 1
    assert "error[E0102]" in said.err
    assert said.out == "m.net: formatted\n"
    assert broken.read_text() == "net 1\nmodel m { output y = x -> }\n"


def test_links_permissions_and_line_ends(dslc: Dslc, ugly: Path):
    ugly.chmod(0o640)
    link = ugly.with_name("link.net")
    link.symlink_to(ugly.name)
    assert dslc("fmt", "link.net").status == 0
    assert link.is_symlink()
    assert ugly.read_text() == NEAT
    assert stat.S_IMODE(ugly.stat().st_mode) == 0o640
    ugly.write_bytes(NEAT.replace("\n", "\r\n").encode())
    assert dslc("fmt", "--check", "m.net").status == 1
    assert dslc("fmt", "m.net").status == 0
    assert ugly.read_bytes() == NEAT.encode()
    assert sorted(path.name for path in ugly.parent.iterdir()) == ["link.net", "m.net"]


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may write everywhere")
def test_a_folder_that_cannot_be_written_to(dslc: Dslc, ugly: Path):
    ugly.parent.chmod(0o500)
    try:
        said = dslc("fmt", "m.net")
    finally:
        ugly.parent.chmod(0o700)
    assert said.status == 1
    assert "error[E0501]" in said.err
