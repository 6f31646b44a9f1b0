"""What `dslc compile --verify` prints."""

import json

import typer

from dslc.agreement import Compared, compared, disagreement
from dslc.compilation import Compilation


def report(compilation: Compilation, as_json: bool) -> None:
    """Compare, and print a table of it.

    Raises:
        Failed: when something differs, after the table.
    """
    found = compared(compilation)
    typer.echo(json.dumps(_facts(compilation, found), indent=2) if as_json else "\n".join(_table(compilation, found)))
    disagreement(compilation, found)


def _table(compilation: Compilation, found: tuple[Compared, ...]) -> list[str]:
    width = max(len(one.what) for one in found)
    lines = [
        f"{compilation.build.name}: compared in float64 with what the file says, a tensor's largest number being 1"
    ]
    lines.append(f"  {'':<{width}}  tensors  largest difference    bound  of")
    for one in found:
        name = one.worst.removeprefix("gradient of ").removeprefix("next ")
        mark = "" if one.agrees else "   differs"
        lines.append(
            f"  {one.what:<{width}}  {one.tensors:>7}  {one.difference:>18.1e}  {one.bound:>7.1e}  {name}{mark}"
        )
    return lines


def _facts(compilation: Compilation, found: tuple[Compared, ...]) -> dict[str, object]:
    rows = [
        {"what": one.what, "tensors": one.tensors, "worst": one.worst, "difference": one.difference, "bound": one.bound}
        for one in found
    ]
    return {"model": compilation.build.name, "agrees": all(one.agrees for one in found), "compared": rows}
