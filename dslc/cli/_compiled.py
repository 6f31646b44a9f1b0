"""What `dslc compile` reports."""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import typer

from dslc.cli import _forecast, _lowerings, _memory
from dslc.cli._files import write
from dslc.cli._passes import numbers_section, passes_section, step_facts
from dslc.cli._sizes import rounded
from dslc.compilation import Compilation
from dslc.errors.paint import fill, paint_for
from dslc.errors.render import columns_of
from dslc.estimate import calibrate
from dslc.estimate.forecast import forecast
from dslc.recompiled import hits, remember
from dslc.summary import count, summarize
from dslc.text.outline import beside, outline

TWO_COLUMNS = 120
INDENT = "  "


def written(texts: Mapping[str, str | bytes], folder: Path) -> list[str]:
    """Write artifacts into a folder; gives their paths.

    Raises:
        Failed: when that is not possible.
    """
    for name, content in texts.items():
        write(folder / name, content)
    return [str(folder / name) for name in texts]


def report(compilation: Compilation, files: list[str], as_json: bool) -> None:
    """Run all the stages, and print what came of them."""
    facts = _facts(compilation, files)
    if as_json:
        typer.echo(json.dumps(facts, indent=2))
        return
    paint, columns = paint_for(sys.stdout), columns_of(sys.stdout)
    for section in (
        _head(facts, columns),
        passes_section(compilation, columns),
        numbers_section(compilation, columns),
        _lowerings.section(facts["lowerings"], columns),
        _repeats(compilation, columns),
        _ways(facts["remarks"], columns),
        _graphs(compilation, columns),
        _memory.again(facts["again"], columns),
        _forecast.section(facts["training"], facts["xla"]),
        _cost(facts, columns),
        _written(files),
    ):
        title, *lines = section
        if lines:
            typer.echo("\n".join((paint("headline", title), *lines, "")))


def _facts(compilation: Compilation, files: list[str]) -> dict[str, Any]:
    with hits() as found:
        program = compilation.compile
    costs, memory = program.cost_analysis() or {}, program.memory_analysis()
    summary = summarize(compilation.build, compilation.source, {})
    _, passes = compilation.optimize
    return {
        "model": compilation.build.name,
        "kind": "inference" if compilation.plan is None else "training",
        "parameters": count(compilation.build, "parameter"),
        "flops": summary.flops,
        "repeats": [
            {"line": compilation.source.position(span.start)[0], "iteration": iteration, "reason": reason}
            for span, iteration, reason in compilation.build.remarks
        ],
        "lowerings": _lowerings.facts(compilation),
        "passes": [step_facts(step, compilation.source) for step in passes.steps],
        "xla": {
            "flops": int(costs.get("flops", 0)),
            "bytes": int(costs.get("bytes accessed", 0)),
            "arguments": getattr(memory, "argument_size_in_bytes", None),
            "temporary": getattr(memory, "temp_size_in_bytes", None),
        },
        "recompiled": str(remember(compilation, cached=bool(found))),
        "training": _expected(compilation),
        "again": _memory.recomputed(compilation),
        "remarks": compilation.remarks,
        "seconds": {name: round(seconds, 6) for name, seconds in compilation.seconds.items()},
        "files": files,
    }


def _expected(compilation: Compilation) -> dict[str, Any] | None:
    """Memory and time of a training step, by the speeds of this machine, which are kept."""
    plan = compilation.plan
    if plan is None:
        return None
    return forecast(plan, compilation.source.name, compilation.options.data, calibrate.speeds()).to_json()


def _head(facts: Mapping[str, Any], columns: int) -> Iterator[str]:
    kind = "the training loop" if facts["kind"] == "training" else "the function for inference"
    yield f"{facts['model']}: {kind}"
    # A stage and its time stay on one line.
    times = ", ".join(f"{name}~{1000 * seconds:,.0f}~ms" for name, seconds in facts["seconds"].items())
    yield from (f"{INDENT}{line.replace('~', ' ')}" for line in fill(times, columns - 2))
    yield from (f"{INDENT}{line}" for line in fill(facts["recompiled"], columns - 2))


def _repeats(compilation: Compilation, columns: int) -> Iterator[str]:
    """Why iterations stand side by side in the graph."""
    yield "repeats that are not one loop"
    for span, iteration, reason in compilation.build.remarks:
        where = compilation.source.position(span.start)[0]
        line, *more = fill(
            f"line {where}: iteration {iteration} stands apart from those before it: {reason}", columns - 4
        )
        yield f"{INDENT}{line}"
        yield from (f"{INDENT * 2}{rest}" for rest in more)


def _ways(remarks: list[str], columns: int) -> Iterator[str]:
    """What was chosen because of the device."""
    yield "on this device"
    for remark in remarks:
        line, *more = fill(remark, columns - 4)
        yield f"{INDENT}{line}"
        yield from (f"{INDENT * 2}{rest}" for rest in more)


def _graphs(compilation: Compilation, columns: int) -> Iterator[str]:
    before, after = outline(compilation.build), outline(compilation.optimize[0])
    if before == after:
        yield "graph (the passes leave it as it is)"
        yield from (f"{INDENT}{line}" for line in _stacked(before, columns))
    elif columns >= TWO_COLUMNS:
        yield f"{'source graph':<{(columns - 5) // 2}} | optimized graph"
        yield from (f"{INDENT}{line}" for line in beside(before, after, columns - 2))
    else:
        yield "source graph"
        yield from (f"{INDENT}{line}" for line in _stacked(before, columns))
        yield "optimized graph"
        yield from (f"{INDENT}{line}" for line in _stacked(after, columns))


def _stacked(lines: list[str], columns: int) -> Iterator[str]:
    for line in lines:
        yield line if len(line) <= columns - 2 else f"{line[: columns - 5]}..."


def _cost(facts: Mapping[str, Any], columns: int) -> Iterator[str]:
    xla = facts["xla"]
    yield "cost"
    yield f"{INDENT}{facts['parameters']:,} weights; forward pass of a batch: {rounded(facts['flops'], 1000)}FLOPs"
    what = "a step" if facts["kind"] == "training" else "a call"
    sizes = [f"{rounded(xla['flops'], 1000)}FLOPs", f"{rounded(xla['bytes'], 1024)}B moved"]
    if xla["temporary"] is not None:
        sizes += [
            f"{rounded(xla['arguments'], 1024)}B of arguments",
            f"{rounded(xla['temporary'], 1024)}B of temporary memory",
        ]
    yield from (f"{INDENT}{line}" for line in fill(f"XLA counts for {what}: {', '.join(sizes)}", columns - 2))


def _written(files: list[str]) -> Iterator[str]:
    yield "written"
    yield from (f"{INDENT}{file}" for file in files)
