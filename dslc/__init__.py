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
__all__ = ["FileHasErrors", "Model", "__version__", "load"]


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
    from dslc import api  # noqa: PLC0415  # `import dslc` is instant

    return api.load(
        str(path), model, variant, dict(settings or {}), dict(dims or {}), tuple(Path(folder) for folder in data)
    )


def __getattr__(name: str) -> Any:
    if name in ("FileHasErrors", "Model"):
        from dslc import api  # noqa: PLC0415

        return getattr(api, name)
    raise AttributeError(f"module 'dslc' has no attribute {name!r}")
