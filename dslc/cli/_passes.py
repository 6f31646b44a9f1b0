"""What `dslc compile` says of the passes: what each took and refused, and how large the graph was before and after."""

from collections.abc import Iterator
from pathlib import PurePath
from typing import Any

from dslc.cli._sizes import rounded
from dslc.compilation import Compilation
from dslc.counted import Counted, counted
from dslc.errors.paint import fill
from dslc.optimize import Step
from dslc.passes.base import Place
from dslc.source import Source

INDENT = "  "


def step_facts(step: Step, source: Source) -> dict[str, Any]:
    return {
        "name": step.optimization.name,
        "seconds": round(step.seconds, 6),
        "before": vars(counted(step.before)),
        "after": vars(counted(step.after)),
        "taken": [{"places": _places(match.places, source), "gain": str(match.gain)} for match in step.taken],
        "refused": [{"places": _places(match.places, source), "reason": str(match.reason)} for match in step.refused],
    }


def _places(places: tuple[Place, ...], source: Source) -> list[dict[str, Any]]:
    return [
        {"node": place.name, "path": place.path, "file": place.span.file, "line": source.line_of(place.span)}
        for place in places
    ]


def passes_section(compilation: Compilation, columns: int) -> Iterator[str]:
    yield "passes"
    _, made = compilation.optimize
    for step in made.steps:
        name = step.optimization.name
        for word, matches in (("took", step.taken), ("refused", step.refused)):
            for match in matches:
                reason = getattr(match, "gain", None) or getattr(match, "reason", "")
                line, *more = fill(f"{name} {word} {_named(match.places, compilation.source)}: {reason}", columns - 4)
                yield f"{INDENT}{line}"
                yield from (f"{INDENT * 2}{rest}" for rest in more)
    idle = [step.optimization.name for step in made.steps if not step.taken and not step.refused]
    if idle:
        yield from (f"{INDENT}{line}" for line in fill(f"nothing to do for {', '.join(idle)}", columns - 2))
    for name in made.left_out:
        yield f"{INDENT}{name} does not belong in this program"


def _named(places: tuple[Place, ...], source: Source) -> str:
    found = sorted({(place.span.file, source.line_of(place.span)) for place in places})
    lines = [str(line) for file, line in found if file not in source.imported]
    others = [f"{PurePath(file).name}:{line}" for file, line in found if file in source.imported]
    word = f"{'line' if len(lines) == 1 else 'lines'} " if lines else ""
    names = ", ".join(f"`{place.path or place.name}`" for place in places)
    return f"{names} ({word}{', '.join((*lines, *others))})"


def numbers_section(compilation: Compilation, columns: int) -> Iterator[str]:
    """The size of the graph before and after each pass that changed it."""
    steps = [step for step in compilation.optimize[1].steps if step.taken]
    rows = [(step.optimization.name, counted(step.before), counted(step.after), step.seconds) for step in steps]
    if len(rows) > 1:
        whole = sum(step.seconds for step in compilation.optimize[1].steps)
        rows.append(("all passes", rows[0][1], rows[-1][2], whole))
    cells = [(name, *_compared(before, after), f"{1000 * seconds:,.1f} ms") for name, before, after, seconds in rows]
    heads = ("before and after", "nodes", "FLOPs", "bytes moved", "took")
    widths = [max(map(len, column)) for column in zip(heads, *cells, strict=True)]
    widths[0] += len(INDENT)
    for head, *rest in (heads, *((f"{INDENT}{name}", *others) for name, *others in cells)):
        right = (f"{cell:>{width}}" for cell, width in zip(rest, widths[1:], strict=True))
        yield "  ".join((f"{head:<{widths[0]}}", *right)).rstrip()


def _compared(before: Counted, after: Counted) -> Iterator[str]:
    for name, step in (("nodes", 0), ("flops", 1000), ("bytes", 1024)):
        old, new = (
            str(getattr(one, name)) if not step else rounded(getattr(one, name), step) for one in (before, after)
        )
        yield f"{old.strip()} -> {new.strip()}" if old != new else old.strip()
