"""`dslc check`."""

from typing import Annotated

import typer

from dslc.cli import _options


def check(
    files: Annotated[list[str], typer.Argument(metavar="FILE", help="`.net` files.", show_default=False)],
    settings: _options.Set = None,
    dims: _options.Dim = None,
    data: _options.Data = None,
    as_json: _options.Json = False,
) -> int:
    """Say everything that is wrong with a file, before anything runs."""
    from dslc.cli._checks import check_files  # noqa: PLC0415  # `dslc --help` does without the compiler

    return check_files(files, _options.options(settings=settings, dims=dims, data=data), as_json)
