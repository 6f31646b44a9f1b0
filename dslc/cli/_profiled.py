"""`dslc compile --profile`: the source with the time of every line beside it."""

import json
import sys
from collections.abc import Iterator
from pathlib import PurePath
from typing import Any

import typer

from dslc.compilation import Compilation
from dslc.errors.paint import cells, fill, paint_for
from dslc.errors.render import columns_of
from dslc.profile import Line, Profile, profiled
from dslc.source import Source

APART = 3
"""Lines without time that are shown around those with it; of longer runs nothing is shown."""
UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "us"))


def report(compilation: Compilation, as_json: bool) -> None:
    """Measure the program of a file, and print where its time goes."""
    found = profiled(compilation)
    if as_json:
        typer.echo(json.dumps(_facts(found), indent=2))
        return
    paint, columns = paint_for(sys.stdout), columns_of(sys.stdout)
    step = "step" if compilation.plan is not None else "call"
    typer.echo(paint("headline", f"{compilation.build.name}: {_time(found.seconds)} a {step} on {found.device}"))
    told = f"measured over {found.steps} {step}s; the times of all threads, scaled to that of a {step} on the clock"
    zeros = "; on zeros, for want of data" if found.blank and compilation.plan is not None else ""
    for line in fill(told + zeros, columns - 2):
        typer.echo(f"  {line}")
    typer.echo("")
    for line in _table(found, compilation.source, columns):
        typer.echo(line)


def _facts(found: Profile) -> dict[str, Any]:
    lines = [
        {
            "file": one.line.file,
            "line": one.line.number,
            "part": one.line.name or ("backward" if one.line.backward else "forward"),
            "seconds": one.seconds,
            "share": one.seconds / found.seconds,
        }
        for one in found.spent
    ]
    return {"device": found.device, "steps": found.steps, "seconds": found.seconds, "lines": lines}


def _table(found: Profile, source: Source, columns: int) -> Iterator[str]:
    spent = {one.line: one.seconds for one in found.spent}
    yield f"{'forward':>9} {'backward':>9} {'share':>6}  line"
    for file in (source, *source.imported.values()):
        name = PurePath(file.name).name
        timed = sorted({line.number for line in spent if line.file == name})
        if not timed:
            continue
        if file is not source:
            yield f"{'':>26}  {name}"
        last = 0
        for number in _shown(timed, len(file.text.splitlines()), whole=file is source):
            if number > last + 1:
                yield f"{'':>26}  {'...':>4}"
            last = number
            times = [spent.get(Line(name, number, backward), 0.0) for backward in (False, True)]
            yield _row(times, found.seconds, f"{number:>4}  {''.join(cells(file.line(number))[0])}", columns)
    for line, seconds in spent.items():
        if not line.file:
            yield _row([seconds, 0.0], found.seconds, f"      ({line.name})", columns)


def _shown(timed: list[int], count: int, whole: bool) -> Iterator[int]:
    """The lines that are shown: those with time, and of the file itself those near to them."""
    near = APART if whole else 0
    for number in range(1, count + 1):
        if any(abs(number - one) <= near for one in timed):
            yield number


def _row(times: list[float], whole: float, text: str, columns: int) -> str:
    forward, backward = (f"{_time(seconds) if seconds else '':>9}" for seconds in times)
    share = f"{100 * sum(times) / whole:.1f} %" if sum(times) else ""
    row = f"{forward} {backward} {share:>6}  {text}".rstrip()
    return row if len(row) <= columns else f"{row[: columns - 3]}..."


def _time(seconds: float) -> str:
    size, unit = next(((size, unit) for size, unit in UNITS if seconds >= size), UNITS[-1])
    return f"{seconds / size:.3g} {unit}" if seconds < 1000 * size else f"{seconds / size:,.0f} {unit}"
