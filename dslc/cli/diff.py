"""`dslc diff`."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dslc.cli import _options
from dslc.cli._outcome import read
from dslc.cli._sizes import rounded

if TYPE_CHECKING:
    from dslc.compared import Change
    from dslc.summary import Layer, Summary

FIRST = typer.Argument(metavar="A", help="A `.net` file, or FILE:VARIANT.", show_default=False)
SECOND = typer.Argument(metavar="B", help="Another one, or :VARIANT of the same file.", show_default=False)
NUMBERS = (("weights", "parameters", 1000), ("FLOPs", "flops", 1000), ("activation bytes", "activation_bytes", 1024))


def diff(
    first: Annotated[str, FIRST],
    second: Annotated[str, SECOND],
    model: _options.Model = None,
    settings: _options.Set = None,
    dims: _options.Dim = None,
    as_json: _options.Json = False,
) -> None:
    """Say what differs between two files or variants: layers, weights, FLOPs."""
    from dslc import compared, compiler
    from dslc.summary import summarize

    found: list[Summary] = []
    for word in (first, second):
        file, variant = _meant(word, first)
        options = _options.options(model=model, variant=variant, settings=settings, dims=dims)
        source = read(file)
        found.append(summarize(compiler.graph(source, options), source, options.dims))
    changes = list(compared.changes(*found))
    if as_json:
        typer.echo(json.dumps(_facts(found, changes), indent=2))
        return
    for line in _report((first, second), found, changes):
        typer.echo(line)


def _meant(word: str, first: str) -> tuple[str, str | None]:
    """The file and the variant that a word names; `:small` is a variant of the first file."""
    if Path(word).is_file():
        return word, None
    file, colon, variant = word.rpartition(":")
    if not colon:
        return word, None
    return file or _meant(first, first)[0], variant


def _facts(found: "list[Summary]", changes: "list[Change]") -> dict[str, object]:
    numbers = {field: [getattr(one, field) for one in found] for _, field, _ in NUMBERS}
    rows = [
        {
            "path": change.path,
            "before": change.before.to_json() if change.before else None,
            "after": change.after.to_json() if change.after else None,
        }
        for change in changes
    ]
    return {"models": [one.model for one in found], **numbers, "layers": rows}


def _report(words: tuple[str, str], found: "list[Summary]", changes: "list[Change]") -> Iterator[str]:
    rows = [("", *words, "")]
    for label, field, step in NUMBERS:
        old, new = (int(getattr(one, field)) for one in found)
        share = f"{100 * (new - old) / old:+.1f} %" if old and new != old else ""
        rows.append((label, rounded(old, step).strip(), rounded(new, step).strip(), share))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for label, *cells in rows:
        right = (f"{cell:>{width}}" for cell, width in zip(cells, widths[1:], strict=True))
        yield "  ".join((f"{label:<{widths[0]}}", *right)).rstrip()
    yield ""
    if not changes:
        yield "the layers are the same"
    for change in changes:
        yield f"{change.sign} {change.path}"
        yield from (
            f"    {sign} {_said(layer)}" for sign, layer in (("-", change.before), ("+", change.after)) if layer
        )


def _said(layer: "Layer") -> str:
    times = f" x {layer.repeat}" if layer.repeat > 1 else ""
    weights = f", {layer.parameters:,} weights" if layer.parameters else ""
    return f"{layer.op}{times} to {layer.output}{weights}, {rounded(layer.flops, 1000).strip()} FLOPs"
