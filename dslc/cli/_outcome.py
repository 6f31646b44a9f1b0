"""What comes of a command: messages on standard error, an exit status, and never a traceback."""

import os
import sys
from collections.abc import Callable, Iterable
from functools import wraps
from pathlib import Path
from typing import Any, NoReturn, ParamSpec

from dslc.errors.base import Failed, Problem
from dslc.errors.internal import InternalError
from dslc.errors.paint import paint_for
from dslc.errors.render import columns_of, report
from dslc.source import NOWHERE, Source

FINE, HAS_ERRORS, WRONG_USAGE, INTERRUPTED, PIPE_CLOSED = 0, 1, 2, 130, 141
P = ParamSpec("P")

sources: dict[str, Source] = {}
"""What the command has read, by name: messages show lines of it."""


def read(path: str) -> Source:
    """The text of a file, kept for the messages about it.

    Raises:
        Failed: when it cannot be read.
    """
    from dslc import compiler

    source = compiler.read(path)
    sources[source.name] = source
    return source


def show(problems: Iterable[Problem]) -> None:
    """Print problems to standard error."""
    sys.stdout.flush()
    sys.stderr.write(report(problems, sources, columns_of(sys.stderr), paint_for(sys.stderr)))


def guarded(command: Callable[P, int | None]) -> Callable[P, None]:
    """A command that leaves with an exit status, whatever happens in it, before Typer sees an exception."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        from typer import Abort, BadParameter, Exit

        raise Exit(of(lambda: command(*args, **kwargs), (Abort, BadParameter, Exit)))

    return run


def of(action: Callable[[], Any], passed: tuple[type[Exception], ...] = ()) -> int:
    """Exit status of an action; what it raises is said on standard error, but for what is `passed` on to Typer."""
    try:
        status = action()
        sys.stdout.flush()
    except BrokenPipeError:
        return _pipe_closed()
    except SystemExit as end:
        return _last_words(end)
    except KeyboardInterrupt:
        sys.stderr.write("\ninterrupted\n")
        return INTERRUPTED
    except Failed as failed:
        show(failed.problems)
        return HAS_ERRORS
    except passed:
        raise
    except Exception as error:  # noqa: BLE001  # whatever it is, a person gets a message
        return _unforeseen(error)
    return status or FINE


def _last_words(end: SystemExit) -> int:
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        return _pipe_closed()
    return end.code if isinstance(end.code, int) else FINE if end.code is None else HAS_ERRORS


def _pipe_closed() -> int:
    """Whoever read our output has gone: nothing to say, and nothing left for the interpreter to flush."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return PIPE_CLOSED


def _unforeseen(error: Exception) -> int:
    if os.environ.get("DSLC_TRACEBACK") == "1":
        from traceback import print_exception

        print_exception(error)
    # Loaded where there is one: the fault may be in the user's own program.
    plugins = sys.modules.get("dslc.plugins")
    theirs = plugins.at_fault(error) if plugins is not None else None
    show([theirs] if theirs is not None else [_internal(error)])
    return HAS_ERRORS


def _internal(error: Exception) -> InternalError:
    return InternalError(NOWHERE, type(error).__name__, str(error).strip().split("\n")[0][:300], _place(error))


def _place(error: Exception) -> str:
    """Where in dslc, or in what it calls, an exception was raised."""
    found = ""
    step = error.__traceback__
    package = Path(__file__).parents[1]
    while step is not None:
        file = Path(step.tb_frame.f_code.co_filename)
        if file.is_relative_to(package) or not found:
            found = f"`{'/'.join(file.parts[-3:])}`, line {step.tb_lineno}"
        step = step.tb_next
    return found


def leave(status: int) -> NoReturn:
    """End at once: XLA's threads, which may be compiling for seconds, are not waited for."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def settle_streams() -> None:
    """Print what the terminal's encoding does not have as an escape, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")  # pyright: ignore[reportAttributeAccessIssue]
