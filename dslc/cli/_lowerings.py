"""What `dslc compile` says of the ways to compute a call: which is taken, and what they take. And `--tune`."""

from collections.abc import Iterator, Mapping, Sequence
from math import isinf
from typing import Any

import typer

from dslc import tuned
from dslc.cli._outcome import show
from dslc.compilation import Compilation
from dslc.errors.paint import fill
from dslc.errors.tuning import NotKept
from dslc.source import NOWHERE
from dslc.tuning import Call, calls, tune

INDENT = "  "
NAMED = 3
"""So many equal calls are named; of more, their number."""


def measure(compilation: Compilation) -> None:
    """Time what the program can compute in several ways, and keep that for later runs; a line for each on standard error."""
    graph, report = compilation.optimize
    found: dict[str, Mapping[str, float]] = {}
    for call, times in tune(graph, report):
        found[call.name] = times
        typer.echo(f"{_named(call, compilation)}: {_times(times)}", err=True)
    if found and tuned.keep(found) is None:
        show([NotKept(NOWHERE, len(found))])


def _times(times: Mapping[str, float]) -> str:
    ordered = sorted(times.items(), key=lambda item: item[1])
    return ", ".join(f"{name} {_said(seconds)}" for name, seconds in ordered)


def _said(seconds: float) -> str:
    return "does not run here" if isinf(seconds) else f"{1e3 * seconds:.3g} ms"


def facts(compilation: Compilation) -> list[dict[str, Any]]:
    """Each call that can be computed in several ways: what is taken, and the seconds of all."""
    return [
        {
            "nodes": [node.path or node.name for node in call.nodes],
            "lines": [compilation.source.line_of(node.span) for node in call.nodes],
            "takes": call.choice.taken.name,
            "measured": call.choice.measured,
            "seconds": {way.name: way.seconds for way in call.choice.ways},
            "left_out": list(call.choice.left_out),
            "called": _named(call, compilation),
        }
        for call in calls(compilation.optimize[0])
    ]


def _named(call: Call, compilation: Compilation) -> str:
    lines = sorted({compilation.source.line_of(node.span) for node in call.nodes})
    names = [f"`{node.path or node.name}`" for node in call.nodes]
    shown = ", ".join(names) if len(names) <= NAMED else f"{names[0]} and {len(names) - 1} like it"
    return f"{shown} ({'line' if len(lines) == 1 else 'lines'} {', '.join(map(str, lines))})"


def section(found: Sequence[Mapping[str, Any]], columns: int) -> Iterator[str]:
    yield "ways to compute"
    for one in found:
        how = "measured here" if one["measured"] else "by the model"
        others = {name: seconds for name, seconds in one["seconds"].items() if name != one["takes"]}
        line = f"{one['called']}: {one['takes']}, {_said(one['seconds'][one['takes']])} {how}; {_times(others)}"
        if one["left_out"]:
            line += f"; without {', '.join(one['left_out'])}, which gives other bits in every run"
        first, *more = fill(line.removesuffix("; "), columns - 4)
        yield f"{INDENT}{first}"
        yield from (f"{INDENT * 2}{rest}" for rest in more)
