"""Messages as a person sees them: whole, because wording and layout are reviewed like code."""

import io
import json
from dataclasses import dataclass, replace
from textwrap import dedent

import pytest

from dslc.errors.base import Note, Problem
from dslc.errors.paint import Paint, fill, paint_for, visible, width
from dslc.errors.render import columns_of, count, render, report, to_json
from dslc.source import NOWHERE, Source, Span

RESNET = """\
net 1
block bottleneck(width) {
  input  x: [batch, h, w, c]
  y      = x -> conv(width, 3, stride = 2) -> batch_norm




  output out = y + x -> relu
}
"""


@dataclass(frozen=True)
class Said(Problem):
    """A problem that says what it is told to say."""

    code = "E0999"

    head: str = "this does not fit"
    under: str = ""
    seen: tuple[Note, ...] = ()
    way_out: str | None = None

    def headline(self) -> str:
        return self.head

    def label(self) -> str:
        return self.under

    def notes(self) -> tuple[Note, ...]:
        return self.seen

    def help(self) -> str | None:
        return self.way_out


@dataclass(frozen=True)
class Warned(Said):
    severity = "warning"


@dataclass(frozen=True)
class Noted(Said):
    severity = "note"


def span(source: Source, text: str, after: int = 0) -> Span:
    start = source.text.index(text, after)
    return Span(source.name, start, start + len(text))


def shown(problem: Problem, *sources: Source, columns: int = 80) -> str:
    return render(problem, {source.name: source for source in sources}, columns) + "\n"


def expected(text: str) -> str:
    return dedent(text).lstrip("\n")


def test_a_message_shows_the_place_the_origin_and_the_way_out() -> None:
    source = Source("resnet.net", RESNET)
    notes = (Note(span(source, "conv(width, 3, stride = 2)"), "`y` is [batch, 16, 16, 64]"),)
    way_out = "add a projection to the skip: `x -> conv(64, 1, stride = 2)`, or use `residual(project = true)`"
    problem = Said(span(source, "y + x"), "`+` needs equal shapes", "axis 1 differs: 16 and 32", notes, way_out)
    assert shown(problem, source) == expected("""
        error[E0999]: `+` needs equal shapes
         --> resnet.net:9:16
          |
        4 |   y      = x -> conv(width, 3, stride = 2) -> batch_norm
          |                 -------------------------- `y` is [batch, 16, 16, 64]
        ...
        9 |   output out = y + x -> relu
          |                ^^^^^ axis 1 differs: 16 and 32
          = help: add a projection to the skip: `x -> conv(64, 1, stride = 2)`, or use
                  `residual(project = true)`
    """)


def test_notes_stand_in_line_order_and_only_distant_lines_are_left_out() -> None:
    source = Source("a.net", "one\ntwo\nthree\nfour\nfive\nsix\nseven\n")
    notes = (
        Note(span(source, "seven"), "last"),
        Note(span(source, "one"), "first"),
        Note(span(source, "six"), "next to it"),
    )
    assert shown(Said(span(source, "three"), under="here", seen=notes), source) == expected("""
        error[E0999]: this does not fit
         --> a.net:3:1
          |
        1 | one
          | --- first
        3 | three
          | ^^^^^ here
        6 | six
          | --- next to it
        7 | seven
          | ----- last
    """)


def test_several_places_of_one_line_have_a_row_each_the_problem_first() -> None:
    source = Source("a.net", "output y = (a + b) -> relu\n")
    notes = (Note(span(source, "a + "), "left"),)
    assert shown(Said(span(source, "relu"), under="here", seen=notes), source) == expected("""
        error[E0999]: this does not fit
         --> a.net:1:23
          |
        1 | output y = (a + b) -> relu
          |                       ^^^^ here
          |             ---- left
    """)


def test_of_a_span_over_several_lines_the_first_and_the_last_are_marked() -> None:
    text = "train m {\n  a = 1\n  b = 2\n  c = 3\n  d = 4\n}\n"
    assert shown(Said(Span("a.net", 6, len(text)), under="no loss in here"), Source("a.net", text)) == expected("""
        error[E0999]: this does not fit
         --> a.net:1:7
          |
        1 | train m {
          |       ^^^
        ...
        6 | }
          | ^ no loss in here
    """)


def test_tabs_are_widened_and_wide_characters_take_two_columns() -> None:
    source = Source("a.net", "\tx = \u6f22\u5b57\t-> relu\n")
    assert shown(Said(span(source, "relu"), under="here"), source) == expected("""
        error[E0999]: this does not fit
         --> a.net:1:12
          |
        1 |     x = \u6f22\u5b57    -> relu
          |                    ^^^^ here
    """)


def test_control_characters_are_shown_and_never_sent_to_the_terminal() -> None:
    source = Source("a\x1b[2J.net", "x = \x1b[31mred\u202e -> relu # \xa0\n")
    problem = Said(span(source, "relu"), "bad \x07 name", "bell \x07", (), "no \x1b]0;title\x07")
    message = shown(problem, source)
    assert message == expected(r"""
        error[E0999]: bad \x07 name
         --> a\x1b[2J.net:1:18
          |
        1 | x = \x1b[31mred\u202e -> relu # \xa0
          |                          ^^^^ bell \x07
          = help: no \x1b]0;title\x07
    """)
    assert message.replace("\n", "").isprintable()


LONG = "start = 1" + " -> dense(100)" * 12 + " -> dens(7)" + " -> dense(100)" * 12


@pytest.mark.parametrize("columns", [40, 60, 80, 120])
def test_long_lines_are_cut_around_the_place(columns: int) -> None:
    source = Source("a.net", LONG)
    lines = shown(Said(span(source, "dens(7)"), under="there is none"), source, columns=columns).splitlines()
    assert all(len(line) <= columns for line in lines)
    code, carets = lines[3], lines[4]
    assert code[carets.index("^") :].startswith("dens(7)")
    assert carets.count("^") == len("dens(7)")
    assert code.count("...") == 2


def test_a_long_line_whose_start_is_meant_is_cut_at_its_end_alone() -> None:
    source = Source("a.net", LONG)
    assert shown(Said(span(source, "start")), source) == expected("""
        error[E0999]: this does not fit
         --> a.net:1:1
          |
        1 | start = 1 -> dense(100) -> dense(100) -> dense(100) -> dense(100) -> dens...
          | ^^^^^
    """)


def test_a_label_without_room_beside_its_marker_stands_below_it() -> None:
    source = Source("a.net", "x = " + "y" * 60 + " -> relu\n")
    under = "this is much longer than what is left of the line, and so it moves down"
    message = shown(Said(span(source, "relu"), under=under), source)
    assert message == expected(f"""
        error[E0999]: this does not fit
         --> a.net:1:69
          |
        1 | x = {"y" * 60} -> relu
          |                                                                     ^^^^
          |      this is much longer than what is left of the line, and so it moves down
    """)


def test_a_problem_of_the_file_as_a_whole_has_no_lines() -> None:
    problem = Said(Span("model.net", 0, 0), "`model.net` is not there", way_out="check the spelling")
    assert shown(problem) == expected("""
        error[E0999]: `model.net` is not there
         --> model.net
          = help: check the spelling
    """).replace("  = help", "  = help")


def test_an_option_of_the_command_line_is_shown_without_line_numbers() -> None:
    source = Source("--set rate", "variant set of model(\nrate = x\n)")
    assert shown(Said(span(source, "x", 20), under="no number"), source) == expected("""
        error[E0999]: this does not fit
         --> --set rate
          |
          | rate = x
          |        ^ no number
    """)


def test_a_note_in_another_file_has_its_own_lines_and_one_without_a_place_is_said() -> None:
    here, there = Source("a.net", "x -> b\n"), Source("b.net", "\nblock b = relu\n")
    notes = (Note(span(there, "block b"), "written here"), Note(NOWHERE, "made by the compiler"))
    assert shown(Said(span(here, "b"), seen=notes), here, there) == expected("""
        error[E0999]: this does not fit
         --> a.net:1:6
          |
        1 | x -> b
          |      ^
         ::: b.net:2:1
          |
        2 | block b = relu
          | ------- written here
          = note: made by the compiler
    """)


@pytest.mark.parametrize("place", [(6, 6), (5, 6), (3, 40), (6, 7)])
def test_a_place_at_or_behind_the_end_of_the_text_is_shown(place: tuple[int, int]) -> None:
    source = Source("a.net", "x -> y")
    message = shown(Said(Span("a.net", *place)), source)
    assert "a.net" in message
    assert ("^" in message) is (place[1] > place[0])


def test_the_report_ends_with_the_counts() -> None:
    source = Source("a.net", "x -> y\n")
    error, warning, note = (cls(span(source, "y")) for cls in (Said, Warned, Noted))
    text = report([error, warning, replace(error, head="and this"), note], {"a.net": source})
    assert text.endswith("\n\n2 errors, 1 warning, 1 note\n")
    assert text.count("\n\n") == 4
    assert count([warning]) == "1 warning"
    assert report([], {}) == ""


def test_colours_change_nothing_but_the_escapes() -> None:
    source = Source("resnet.net", RESNET)
    problem = Said(span(source, "y + x"), under="here", seen=(Note(span(source, "conv"), "there"),), way_out="do it")
    plain, painted = (render(problem, {"resnet.net": source}, 80, Paint(on)) for on in (False, True))
    assert "\x1b" not in plain
    assert painted != plain
    kept = painted
    for code in ("1;31", "1", "34", "1;34", "1;36", "0"):
        kept = kept.replace(f"\x1b[{code}m", "")
    assert kept == plain


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_colours_are_for_terminals_that_want_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert paint_for(Terminal()).on
    assert not paint_for(io.StringIO()).on
    monkeypatch.setenv("NO_COLOR", "1")
    assert not paint_for(Terminal()).on
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert not paint_for(Terminal()).on


def test_the_width_is_what_columns_says_within_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    assert columns_of(io.StringIO()) == 80
    for asked, given in (("120", 120), ("3", 40), ("9999", 160), ("wide", 80)):
        monkeypatch.setenv("COLUMNS", asked)
        assert columns_of(io.StringIO()) == given


def test_json_counts_lines_and_columns_from_one_and_ends_behind_the_last_character() -> None:
    source = Source("a.net", "net 1\nx -> y\n")
    problem = Said(span(source, "y"), under="here", way_out="do it")
    assert to_json("a.net", [problem, Warned(Span("b.net", 3, 4))], {"a.net": source}) == {
        "file": "a.net",
        "problems": [
            {
                "code": "E0999", "severity": "error", "file": "a.net", "message": "this does not fit: here", "line": 2,
                "column": 6, "end_line": 2, "end_column": 7, "help": "do it",
            },
            {
                "code": "E0999", "severity": "warning", "file": "b.net", "message": "this does not fit", "line": 1, "column": 1,
                "end_line": 1, "end_column": 1, "help": None,
            },
        ],
    }  # fmt: skip
    assert json.loads(json.dumps(to_json("a", [problem], {"a.net": source})))


def test_filling_keeps_code_whole() -> None:
    text = "write `x -> conv(64, 1)` or `y -> dense(3)`, then go on"
    assert fill(text, 24) == ["write `x -> conv(64, 1)`", "or `y -> dense(3)`, then", "go on"]
    assert fill("a`b", 80) == ["a`b"]
    assert fill("", 80) == []


def test_width_and_visibility_of_text() -> None:
    assert width("abc") == 3
    assert width("\u6f22") == 2
    assert width("e\u0301") == 1
    assert visible("plain \u6f22") == "plain \u6f22"
    assert visible("\ud800\u200b") == "\\ud800\\u200b"
