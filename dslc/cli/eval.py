"""`dslc eval`."""

import json
from typing import Any

import typer

from dslc.cli import _options
from dslc.errors.paint import visible


def eval(  # the name of the command
    run: _options.Run, data: _options.Data = None, device: _options.Device = None, as_json: _options.Json = False
) -> None:
    """Measure a trained model: loss and metrics on the held-out parts of its data."""
    from dslc.cli._runs import opened
    from dslc.train.folder import plain

    found = opened(run, data)
    _options.use(device)
    from dslc.trained.evaluate import evaluate

    values = evaluate(found)
    if as_json:
        typer.echo(json.dumps(plain(values), indent=2))
        return
    for split, numbers in values.items():
        typer.echo(
            f"{split}  {'  '.join(f'{name} {value:.4f}' for name, value in numbers.items() if isinstance(value, float))}"
        )
        for name, value in numbers.items():
            if not isinstance(value, float):
                typer.echo(f"{name}\n{_table(value, found.config.get('names', {}))}")


def _table(value: Any, names: dict[str, list[str]]) -> str:
    """A square table with the names of the classes, or an array as it is."""
    rows = [[f"{cell:g}" for cell in row] for row in value.tolist()] if value.ndim == 2 else []
    labels = next(
        ([*map(visible, found)] for found in names.values() if len(found) == len(rows)),
        [str(i) for i in range(len(rows))],
    )
    if not rows or len(rows) != len(rows[0]):
        return str(value)
    cells = [["", *labels], *([label, *row] for label, row in zip(labels, rows, strict=True))]
    widths = [max(len(row[at]) for row in cells) for at in range(len(cells[0]))]
    return "\n".join(
        "  " + "  ".join(f"{cell:>{width}}" for cell, width in zip(row, widths, strict=True)) for row in cells
    )
