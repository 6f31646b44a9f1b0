"""`dslc fmt`."""

import sys
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Annotated

import typer

STREAM, NAMELESS = "-", "<stdin>"


def fmt(
    files: Annotated[
        list[str], typer.Argument(metavar="FILE", help="`.net` files; `-` for standard input.", show_default=False)
    ],
    check: Annotated[bool, typer.Option("--check", help="Write nothing, list what would change.")] = False,
) -> int:
    """Lay files out in the one canonical way; comments stay."""
    return max(_one(file, check) for file in files)


def _one(file: str, check: bool) -> int:
    """Format a file; one that has errors of syntax is left alone."""
    from dslc import compiler
    from dslc.cli._outcome import FINE, HAS_ERRORS, read, show, sources
    from dslc.errors.base import Failed
    from dslc.errors.paint import visible
    from dslc.format import formatted

    try:
        if file == STREAM:
            given = sys.stdin.buffer.read(compiler.LARGEST + 1)
            source = sources[NAMELESS] = compiler.decoded(NAMELESS, given)
        else:
            source = read(file)
            given = Path(file).read_bytes()
        made = formatted(source).encode()
        if check and made != given:
            sys.stdout.write(f"{visible(file)}: would change\n")
        elif not check and file == STREAM:
            sys.stdout.buffer.write(made)
        elif made != given:
            _write(file, made)
            sys.stdout.write(f"{visible(file)}: formatted\n")
    except Failed as failed:
        show(failed.problems)
        return HAS_ERRORS
    return HAS_ERRORS if check and made != given else FINE


def _write(file: str, data: bytes) -> None:
    """Write beside the file and rename, so that it is whole at every moment; a link stays a link.

    Raises:
        Failed: when that is not possible.
    """
    from dslc.errors.base import Failed, Problems
    from dslc.errors.data import FileProblem
    from dslc.source import Span

    path = Path(file).resolve()
    beside = None
    try:
        with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as stream:
            beside = Path(stream.name)
            stream.write(data)
        beside.chmod(path.stat().st_mode & 0o7777)
        beside.replace(path)
    except OSError as error:
        if beside is not None:
            beside.unlink(missing_ok=True)
        problems = Problems()
        what = f"cannot be written: {(error.strerror or str(error)).lower()}"
        problems.add(FileProblem(Span(file, 0, 0), file, what, "check the permissions of the folder"))
        raise Failed(problems) from None
