"""Problems as text for a person, and as JSON for a program."""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TextIO

from dslc.errors.base import Fix, Problem
from dslc.errors.paint import PLAIN, Paint, brief, fill, visible
from dslc.errors.snippet import is_option, marks, snippet
from dslc.source import Source, Span, by_name

WIDTH = 80
NARROWEST, WIDEST = 40, 160
SEVERITIES = ("error", "warning", "note")


@dataclass(frozen=True)
class _Remark:
    """What a problem says about one place."""

    span: Span
    text: str
    style: str
    primary: bool


def render(problem: Problem, sources: Mapping[str, Source], columns: int = WIDTH, paint: Paint = PLAIN) -> str:
    """One problem: headline, place, the lines that matter, and the way out."""
    sources = by_name(sources.values())
    shown, unplaced = _remarks(problem, sources)
    gutter = max((len(str(_line_of(remark.span.end, sources[remark.span.file]))) for remark in shown), default=1)
    lines = [paint(problem.severity, f"{problem.severity}[{problem.code}]")]
    lines[0] += paint("headline", f": {visible(brief(problem.headline()))}")
    if problem.span.file:
        lines.append(f"{' ' * gutter}{paint('frame', '-->')} {_place(problem.span, sources)}")
    for file in dict.fromkeys(remark.span.file for remark in shown):
        here = [remark for remark in shown if remark.span.file == file]
        if file != problem.span.file:
            lines.append(f"{' ' * gutter}{paint('frame', ':::')} {_place(here[0].span, sources)}")
        source = sources[file]
        placed = [mark for one in here for mark in marks(source, one.span, one.text, one.style, one.primary)]
        lines += snippet(source, placed, gutter, columns, paint)
    for remark in unplaced:
        lines += _said("note", remark.text, gutter, columns, paint)
    lines += _said("help", problem.help() or "", gutter, columns, paint)
    return "\n".join(lines)


def _remarks(problem: Problem, sources: Mapping[str, Source]) -> tuple[list[_Remark], list[_Remark]]:
    """What can be shown in the source, the place of the problem first, and what can only be said."""
    style = "help" if problem.severity == "note" else problem.severity
    found = [_Remark(problem.span, problem.label(), style, True)]
    notes = dict.fromkeys((*problem.notes(), *problem.via))
    found += [_Remark(note.span, note.text, "note", False) for note in notes]
    shown = [one for one in found if one.span.file in sources and one.span.end > one.span.start]
    return shown, [one for one in found if one not in shown and one.text]


def _line_of(offset: int, source: Source) -> int:
    return source.position(min(offset, len(source.text)))[0]


def _place(span: Span, sources: Mapping[str, Source]) -> str:
    name = visible(span.file)
    if span.file not in sources or span.end <= span.start or is_option(span.file):
        return name
    line, column = sources[span.file].position(span.start)
    return f"{name}:{line}:{column}"


def _said(kind: str, text: str, gutter: int, columns: int, paint: Paint) -> Iterator[str]:
    """Text below the source; its further lines stand under the first."""
    lead = f"{' ' * (gutter + 1)}= {kind}: "
    for number, line in enumerate(fill(visible(brief(text)), max(20, columns - len(lead)))):
        yield (
            " " * len(lead) + line
            if number
            else f"{' ' * (gutter + 1)}{paint('frame', '=')} {paint('help', kind)}: {line}"
        )


def report(
    problems: Iterable[Problem], sources: Mapping[str, Source], columns: int = WIDTH, paint: Paint = PLAIN
) -> str:
    """All the problems, then how many there are; empty when there is none."""
    found = list(problems)
    if not found:
        return ""
    messages = [render(problem, sources, columns, paint) for problem in found]
    return "\n\n".join((*messages, count(found))) + "\n"


def count(problems: Iterable[Problem]) -> str:
    """`2 errors, 1 warning`."""
    found = [problem.severity for problem in problems]
    numbers = {severity: found.count(severity) for severity in SEVERITIES}
    return ", ".join(f"{number} {severity}{'s' * (number != 1)}" for severity, number in numbers.items() if number)


def columns_of(stream: TextIO) -> int:
    """How wide text may be: what `COLUMNS` says, or the terminal, within reason; 80 where there is none."""
    asked = os.environ.get("COLUMNS", "")
    try:
        columns = int(asked) if asked.isdecimal() else os.get_terminal_size(stream.fileno()).columns
    except (OSError, ValueError, AttributeError):
        return WIDTH
    return max(NARROWEST, min(WIDEST, columns))


def to_json(file: str, problems: Iterable[Problem], sources: Mapping[str, Source]) -> dict[str, Any]:
    """Lines and columns count from 1, in the file that a problem names; the end is the place after the last character."""
    known = by_name(sources.values())
    return {"file": file, "problems": [_to_json(file, problem, known) for problem in problems]}


def _to_json(file: str, problem: Problem, sources: Mapping[str, Source]) -> dict[str, Any]:
    source = sources.get(problem.span.file, Source("", ""))
    (line, column), (end_line, end_column) = (
        source.position(min(offset, len(source.text))) for offset in (problem.span.start, problem.span.end)
    )
    label = problem.label()
    found = {
        "code": problem.code,
        "severity": problem.severity,
        "file": problem.span.file or file,
        "message": brief(f"{problem.headline()}: {label}" if label else problem.headline()),
        "line": line,
        "column": column,
        "end_line": end_line,
        "end_column": end_column,
        "help": problem.help(),
    }
    fix = problem.fix()
    return found if fix is None else {**found, "fix": _fix_to_json(fix, sources)}


def _fix_to_json(fix: Fix, sources: Mapping[str, Source]) -> dict[str, Any]:
    """Edits in the order of their places; `message` is there where the help of the problem does not say it."""
    edits = [
        {**_ends(edit.span, sources), "replacement": edit.replacement}
        for edit in sorted(fix.edits, key=lambda edit: edit.span.start)
    ]
    return ({"message": fix.message} if fix.message else {}) | {"safe": fix.safe, "edits": edits}


def _ends(span: Span, sources: Mapping[str, Source]) -> dict[str, int]:
    source = sources.get(span.file, Source("", ""))
    (line, column), (end_line, end_column) = (
        source.position(min(offset, len(source.text))) for offset in (span.start, span.end)
    )
    return {"start_line": line, "start_column": column, "end_line": end_line, "end_column": end_column}
