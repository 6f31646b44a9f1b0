"""`dslc check`."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from dslc.cli import _options
from dslc.cli._outcome import FINE, HAS_ERRORS, read, show, sources

if TYPE_CHECKING:
    from dslc.compiler import Options
    from dslc.errors.base import Problems
    from dslc.resolve import Program


def check(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="`.net` files.")],
    settings: _options.Set = None,
    dims: _options.Dim = None,
    data: _options.Data = None,
    as_json: _options.Json = False,
) -> int:
    """Say everything that is wrong with a file, before anything runs."""
    options = _options.options(settings=settings, dims=dims, data=data)
    return max(_one(file, options, as_json) for file in files)


def _one(file: str, options: "Options", as_json: bool) -> int:
    program, problems = _survey(file, options)
    if as_json:
        from dslc.errors.render import to_json  # noqa: PLC0415

        typer.echo(json.dumps(to_json(file, problems, sources)))
    else:
        show(problems)
        if program is not None and not problems.errors:
            typer.echo(f"{file}: {_declared(program)}, {_judgement(problems)}")
    return HAS_ERRORS if problems.errors else FINE


def _survey(file: str, options: "Options") -> "tuple[Program | None, Problems]":
    from dslc import compiler  # noqa: PLC0415  # `dslc --help` does without it
    from dslc.errors.base import Failed  # noqa: PLC0415

    try:
        return compiler.survey(read(file), options)
    except Failed as failed:
        return None, failed.problems


def _declared(program: "Program") -> str:
    blocks = len(program.blocks) - len(program.models)
    counts = {"model": program.models, "block": range(blocks), "variant": program.variants, "train block": program.trains}
    return ", ".join(f"{len(found)} {what}{'s' * (len(found) != 1)}" for what, found in counts.items() if found) or "nothing"


def _judgement(problems: "Problems") -> str:
    from dslc.errors.render import count  # noqa: PLC0415

    return count(problems) or "no problems"
