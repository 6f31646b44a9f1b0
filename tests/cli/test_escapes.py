"""What a stranger wrote is shown, and never acted on by the terminal."""

import io
from pathlib import Path

from cli.commands import Dslc

from dslc.cli.eval import _table
from dslc.errors.paint import shown_on
from dslc.train.progress import Lines

RED, TURNED = "\x1b[31m", "\u202e"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_names_of_files_are_escaped(dslc: Dslc, tmp_path: Path):
    name = f"a{RED}{TURNED}.net"
    (tmp_path / name).write_text("net 1\nmodel m{input x:[batch,4] output y=x->dens(3)}")
    for words in (("check",), ("fmt", "--check"), ("fmt",), ("check", "--fix")):
        said = dslc(*words, name)
        assert RED not in said.out + said.err
        assert TURNED not in said.out + said.err
        assert r"a\x1b[31m\u202e.net" in said.out + said.err


def test_strings_of_a_file_are_escaped_in_its_messages(dslc: Dslc, tmp_path: Path):
    text = (
        f'net 1\nmodel m {{ require 1 == 2, "{RED}"  input x: [batch, 4]  output y = x -> rearrange("{TURNED}\x9b") }}'
    )
    (tmp_path / "a.net").write_text(text)
    said = dslc("check", "a.net")
    assert said.status == 1
    assert not {"\x1b", TURNED, "\x9b"} & {*said.err}


def test_data_is_escaped_on_a_terminal_and_exact_elsewhere():
    text = f"first{RED}\n\tsecond\u2066\n"
    assert shown_on(io.StringIO(), text) == text
    assert shown_on(Terminal(), text) == "first\\x1b[31m\n\tsecond\\u2066\n"


def test_names_of_classes_and_notes_are_escaped():
    import numpy as np

    assert RED not in _table(np.eye(2), {"label": [RED, "b"]})
    stream = io.StringIO()
    Lines(stream).note(f"the class {RED} is empty")
    assert stream.getvalue() == "note: the class \\x1b[31m is empty\n"
