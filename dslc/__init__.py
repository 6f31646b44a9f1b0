"""dslc compiles a model written as text into a program that trains.

>>> import dslc
>>> model = dslc.load("gpt.net", variant="small")  # doctest: +SKIP
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dslc.api import FileHasErrors, Model

__version__ = "0.1.0"
__all__ = ["FileHasErrors", "Model", "__version__", "load", "plugin"]


def load(
    path: str | Path,
    model: str | None = None,
    variant: str | None = None,
    *,
    settings: Mapping[str, Any] | None = None,
    dims: Mapping[str, int] | None = None,
    data: Sequence[str | Path] = (),
) -> "Model":
    """A model of a `.net` file as pure functions for JAX.

    Args:
        path: the file.
        model: which model of the file; else the one that is trained.
        variant: which variant of it.
        settings: settings of the model or of its train block, as numbers, strings, bools, lists, or text of the language.
        dims: sizes of free dimensions.
        data: folders in which data is looked up first.

    Raises:
        FileHasErrors: with all of them, as `dslc check` shows them.
    """
    from dslc import api

    return api.load(
        str(path), model, variant, dict(settings or {}), dict(dims or {}), tuple(Path(folder) for folder in data)
    )


def plugin(path: str | Path) -> tuple[str, ...]:
    """Take the layers that a file of Python defines into the language, for this process; see `docs/adding-a-layer.md`.

    Returns:
        Their names.

    Raises:
        ValueError: with what is wrong: it does not run, defines no op, or one by a name that the language has.
    """
    from dslc import plugins
    from dslc.errors.base import Failed

    try:
        return tuple(kind.name for kind in plugins.load(path))
    except Failed as failed:
        raise ValueError("; ".join(problem.headline() for problem in failed.problems)) from None


def __getattr__(name: str) -> Any:
    if name in ("FileHasErrors", "Model"):
        from dslc import api

        return getattr(api, name)
    raise AttributeError(f"module 'dslc' has no attribute {name!r}")
