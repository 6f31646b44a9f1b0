"""`dslc summary`."""

import json
from typing import TYPE_CHECKING, Any

import typer

from dslc.cli import _forecast, _options
from dslc.cli._outcome import read
from dslc.cli._sizes import rounded

if TYPE_CHECKING:
    from typing import Literal

    from dslc.compiler import Options
    from dslc.source import Source
    from dslc.summary import Layer, Summary

    Justify = Literal["left", "right"]

NARROWEST, ROOMY = 80, 100
"""Columns that the table needs, and columns with which it need not be tight."""
WIDEST_OUTPUT = 26
LEAST_PATH = 14


def summary(
    file: _options.File,
    model: _options.Model = None,
    variant: _options.Variant = None,
    settings: _options.Set = None,
    dims: _options.Dim = None,
    data: _options.Data = None,
    memory: _options.Memory = None,
    as_json: _options.Json = False,
) -> None:
    """Print what a model is made of: shapes, weights, FLOPs, memory."""
    from dslc import compiler
    from dslc.summary import summarize

    options = _options.options(model=model, variant=variant, settings=settings, dims=dims, data=data, memory=memory)
    source = read(file)
    found = summarize(compiler.graph(source, options), source, options.dims)
    training = _training(source, options)
    if as_json:
        typer.echo(json.dumps({**found.to_json(), **({"training": training} if training else {})}, indent=2))
        return
    _print(found)
    title, *lines = _forecast.section(training)
    if lines:
        typer.echo("\n".join(("", title, *lines)))


def _training(source: "Source", options: "Options") -> dict[str, Any] | None:
    """What training takes; None where the file does not train the model, or its data is not known."""
    from dslc import compiler
    from dslc.errors.base import Failed, Problems
    from dslc.estimate import speeds
    from dslc.estimate.forecast import forecast

    problems = Problems()
    program = compiler.front(source, problems, options)
    name = compiler.trained(program, options, problems)
    if name not in program.trains:
        return None
    try:
        plan = compiler.plan_of(program, options, problems, must_have_data=False)
    except Failed:
        if problems.errors:
            raise
        return None  # Of data that is not there not even the fields are known.
    return forecast(plan, source.name, options.data, speeds.known()).to_json()


def _print(found: "Summary") -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from dslc.summary import type_text

    console = Console(highlight=False)
    console = Console(highlight=False, width=max(NARROWEST, console.width))
    inputs, outputs = (
        ", ".join(f"{name} {type_text(type)}" for name, type in ends.items()) for ends in (found.inputs, found.outputs)
    )
    console.print(Text.assemble((found.model, "bold"), f": {inputs} -> {outputs}\n"))
    gap = 2 if console.width >= ROOMY else 1
    table = Table(
        box=None, pad_edge=False, padding=(0, gap, 0, 0), header_style="bold", show_footer=True, footer_style="bold"
    )
    rows = [_cells(layer) for layer in found.layers]
    columns = _columns(found)
    widths = [max(map(len, (title, total, *(row[at] for row in rows)))) for at, (title, _, total) in enumerate(columns)]
    widths[2] = min(widths[2], WIDEST_OUTPUT)
    room = console.width - sum(widths[1:]) - gap * len(widths)
    for (title, justify, total), width in zip(columns, (None, *widths[1:]), strict=True):
        table.add_column(title, total, justify=justify, min_width=width, overflow="fold")
    for path, *others in rows:
        table.add_row(*map(Text, (_broken(path, max(LEAST_PATH, room)), *others)))
    console.print(table)
    console.print(Text(f"\n{_closing(found)}"))


def _broken(path: str, width: int) -> str:
    """A path in lines of a width, broken after its dots."""
    lines = [""]
    for part in path.replace(".", ".\n").split("\n"):
        if lines[-1] and len(lines[-1]) + len(part) > width:
            lines.append("")
        lines[-1] += part
    return "\n".join(lines)


def _columns(found: "Summary") -> "tuple[tuple[str, Justify, str], ...]":
    return (
        ("layer", "left", f"{len(found.layers)} layers"),
        ("op", "left", ""),
        ("output", "left", ""),
        ("weights", "right", f"{found.parameters:,}"),
        ("FLOPs", "right", rounded(found.flops, 1000)),
        ("memory", "right", f"{rounded(found.activation_bytes, 1024)}B"),
    )


def _cells(layer: "Layer") -> tuple[str, ...]:
    from dslc.errors.paint import visible

    op = layer.op if layer.repeat == 1 else f"{layer.op} \N{MULTIPLICATION SIGN} {layer.repeat}"
    weights = f"{layer.parameters:,}" if layer.parameters else ""
    flops = rounded(layer.flops, 1000) if layer.flops else ""
    return (
        visible(layer.path),
        op,
        layer.output,
        weights,
        flops,
        f"{rounded(layer.bytes, 1024)}B" if layer.bytes else "",
    )


def _closing(found: "Summary") -> str:
    parts = [f"{found.parameters:,} weights"]
    if found.statistics:
        parts.append(f"{found.statistics:,} numbers of statistics")
    sizes = ", ".join(f"{name} = {size}" for name, size in found.to_json()["dims"].items())
    return f"{', '.join(parts)}; FLOPs and memory of one forward pass{f' with {sizes}' * bool(sizes)}"
