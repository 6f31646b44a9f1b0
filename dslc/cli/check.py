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
    fix: Annotated[bool, typer.Option("--fix", help="Apply the safe fixes, and say what they change.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with status 1 for warnings, too.")] = False,
) -> int:
    """Say everything that is wrong with a file, before anything runs."""
    from dslc.cli._checks import check_files

    return check_files(files, _options.options(settings=settings, dims=dims, data=data), as_json, fix, strict)
