"""`dslc predict`."""

import csv
import io
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from dslc.cli import _options
from dslc.errors.paint import shown_on, visible

INPUT = typer.Option(
    "--input", "-i", metavar="X", help="Rows to predict from: a csv, npz or npy file.", show_default=False
)
OUT = typer.Option("--output", "-o", metavar="FILE", help="Write a .csv or .json file instead of printing.")


def predict(
    run: _options.Run,
    rows: Annotated[Path, INPUT],
    out: Annotated[Path | None, OUT] = None,
    device: _options.Device = None,
    as_json: _options.Json = False,
) -> None:
    """Ask a trained model about rows of a file: classes with their probabilities, or its outputs."""
    from dslc.cli import _files
    from dslc.cli._runs import opened

    if out is not None and out.suffix.lower() not in (".csv", ".json"):
        raise typer.BadParameter(f"`-o {out}`: the name ends in .csv or .json")
    found = opened(str(run))
    _options.use(device)
    from dslc.trained.predict import predict as answers

    said = answers(found, rows)
    text = _json(said) if as_json or (out is not None and out.suffix.lower() == ".json") else _csv(said)
    if out is None:
        typer.echo(shown_on(sys.stdout, text), nl=False)
    else:
        _files.write(out, text)
        typer.echo(f"{visible(str(out))}: {len(said)} rows")


def _json(said: Sequence[dict[str, Any]]) -> str:
    return json.dumps(said, indent=2, ensure_ascii=False) + "\n"


def _csv(said: Sequence[dict[str, Any]]) -> str:
    rows = [dict(_flat("", row)) for row in said]
    stream = io.StringIO()
    writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()


def _flat(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """A cell for each number: `probability of setosa`, `logits[3]`."""
    if isinstance(value, dict):
        for key, part in value.items():
            lead = "probability of" if name.endswith("probabilities") else name
            yield from _flat(f"{lead} {key}".strip(), part)
    elif isinstance(value, list):
        for place, part in enumerate(value):
            yield from _flat(f"{name}[{place}]", part)
    else:
        yield name, f"{value:.6g}" if isinstance(value, float) else value
