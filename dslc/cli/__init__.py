"""The command line. A command is one file of this folder: a function of the file's name, whose parameters are its options."""

import os
import sys
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typer import Typer

COMMANDS = (
    "check",
    "fmt",
    "summary",
    "compile",
    "train",
    "eval",
    "predict",
    "sample",
    "view",
    "diff",
    "layers",
    "explain",
    "test-op",
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command and leave with its exit status: 0 fine, 1 the input has errors, 2 wrong usage, 130 interrupted."""
    from dslc.cli import _outcome

    given = list(sys.argv[1:] if arguments is None else arguments)
    _outcome.settle_streams()
    sys.exit(_outcome.of(lambda: _run(given)))


def _run(given: list[str]) -> object:
    asked = "_DSLC_COMPLETE" in os.environ
    files, words = _plugins(_line() if asked else given)
    if files:
        from dslc import plugins

        for file in files:
            plugins.load(file)
    return _check(words) if _is_plain_check(words) and not asked else _app(words)(args=words, prog_name="dslc")


def _line() -> list[str]:
    """The words of the line in which somebody presses tab: a shell that asks what can follow says them in its own way."""
    return (os.environ.get("_TYPER_COMPLETE_ARGS") or os.environ.get("COMP_WORDS", "")).split()[1:]


def _plugins(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """The files given with `--plugin`, wherever it stands, and the other words: all commands have this option."""
    files: list[str] = []
    others: list[str] = []
    words = iter(arguments)
    for word in words:
        name, equals, value = word.partition("=")
        file = value if equals else next(words, None) if word == "--plugin" else None
        if name != "--plugin" or not file:
            others.append(word)
        else:
            files.append(file)
    return files, others


def _command(name: str) -> Callable[..., int | None]:
    python = name.replace("-", "_")
    return getattr(import_module(f"dslc.cli.{python}"), python)


def _is_plain_check(arguments: Sequence[str]) -> bool:
    """Whether only files are given, and nothing that Typer has to read: it would take half of the time."""
    files = [word for word in arguments[1:] if word != "--json"]
    return arguments[:1] == ["check"] and bool(files) and not any(word.startswith("-") for word in files)


def _check(arguments: Sequence[str]) -> int:
    from dslc.cli._checks import check_files
    from dslc.compiler import Options

    return check_files([word for word in arguments[1:] if word != "--json"], Options(), "--json" in arguments)


def _app(arguments: Sequence[str]) -> "Typer":
    """The application with the command that is called, or with all of them where they have to be listed."""
    import typer

    from dslc.cli import _options, _outcome

    app = typer.Typer(
        pretty_exceptions_enable=False, rich_markup_mode=None, no_args_is_help=True,
        context_settings={"help_option_names": ["-h", "--help"]},
    )  # fmt: skip
    app.callback()(_options.dslc)
    for name in arguments[:1] if arguments[:1] and arguments[0] in COMMANDS else COMMANDS:
        app.command(name)(_outcome.guarded(_command(name)))
    return app
