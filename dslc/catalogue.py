"""Catalogues: folders in which one file is one member, found by its name and loaded when it is used.

`relu` is the file `activation/relu.py` and the class `Relu` in it. The fields of the class are its settings.
"""

import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import Field, dataclass, fields
from difflib import get_close_matches
from functools import cached_property, lru_cache
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar, dataclass_transform, get_type_hints


def first_paragraph(cls: type) -> str:
    """What a class says of itself first, in one line."""
    return (cls.__doc__ or "").strip().split("\n\n")[0].replace("\n", " ")


class Entry:
    """A member of a catalogue: a frozen dataclass whose fields are its settings."""

    name: ClassVar[str] = ""
    family: ClassVar[str] = ""
    aliases: ClassVar[tuple[str, ...]] = ()
    """Names that other frameworks use: offered by did-you-mean, never accepted."""
    open: ClassVar[str] = ""
    """The setting that takes all arguments of other names, as pairs of name and value, where there is one."""

    @classmethod
    def settings(cls) -> tuple[Field[Any], ...]:
        """The settings, in the order in which they may be given by position."""
        return fields(cls)  # pyright: ignore[reportArgumentType]  # every entry is a dataclass

    @classmethod
    def setting_types(cls) -> dict[str, Any]:
        """Annotation of every setting."""
        return _hints(cls)

    @classmethod
    def summary(cls) -> str:
        """First paragraph of the docstring."""
        return first_paragraph(cls)


T = TypeVar("T", bound=Entry)
PLUGINS = "plugin"
"""The package that the modules of plugins are put in."""
LONGEST_SLIP = 100
"""Letters of a name that may be a slip."""

_HINTS: dict[type, dict[str, Any]] = {}


def _hints(cls: type[Entry]) -> dict[str, Any]:
    if cls not in _HINTS:
        hints = get_type_hints(cls)
        _HINTS[cls] = {field.name: hints[field.name] for field in cls.settings()}
    return _HINTS[cls]


@dataclass_transform(frozen_default=True, kw_only_default=False)
def entry(cls: type[T]) -> type[T]:
    """Make a class a member of the catalogue of its folder, named as its file."""
    made = dataclass(frozen=True)(cls)
    module = sys.modules[cls.__module__].__name__.split(".")
    made.name, made.family = module[-1], module[-2]
    if made.family == PLUGINS:
        # A file of a user may hold several: `SquarePlus` is `square_plus`.
        made.name = re.sub(r"(?<!^)(?=[A-Z])", "_", made.__name__).lower()
    return made


@dataclass(frozen=True)
class Catalogue(Generic[T]):
    """Members found in the files below a package, `_`-files and `base.py` left out."""

    package: str
    base: type[T]
    what: str
    hidden: tuple[str, ...] = ()
    """Folders whose members exist for the compiler and have no name in the language."""

    @cached_property
    def _modules(self) -> dict[str, str]:
        root = Path(__file__).parent.joinpath(*self.package.split(".")[1:])
        found: dict[str, str] = {}
        for file in sorted(root.rglob("*.py")):
            if file.stem.startswith("_") or file.stem == "base" or "__pycache__" in file.parts:
                continue
            found[file.stem] = ".".join((self.package, *file.relative_to(root).with_suffix("").parts))
        return found

    def __contains__(self, name: str) -> bool:
        module = self._modules.get(name)
        return module is not None and module.split(".")[-2] not in self.hidden

    def __getitem__(self, name: str) -> type[T]:
        """The class of a member, hidden ones included.

        Raises:
            KeyError: when there is no such member.
        """
        if name not in self._members:
            self._members[name] = self._loaded(name)
        return self._members[name]

    def add(self, member: type[T]) -> None:
        """Take in a member from outside of the package: from now on it is one like all others."""
        self._modules[member.name] = member.__module__
        self._members[member.name] = member
        for derived in ("_names", "_meant"):
            self.__dict__.pop(derived, None)

    @cached_property
    def _members(self) -> dict[str, type[T]]:
        """The classes that have been asked for."""
        return {}

    def _loaded(self, name: str) -> type[T]:
        module = import_module(self._modules[name])
        return next(
            value
            for value in vars(module).values()
            if isinstance(value, type)
            and issubclass(value, self.base)
            and value.__module__ == module.__name__
            and value.name == name
        )

    def names(self) -> tuple[str, ...]:
        """Names usable in the language, sorted."""
        return self._names

    @cached_property
    def _names(self) -> tuple[str, ...]:
        return tuple(name for name in sorted(self._modules) if name in self)

    @cached_property
    def _meant(self) -> dict[str, str]:
        """Members by their names elsewhere, small letters without underscores."""
        found: dict[str, str] = {}
        for member in self:
            for alias in (*member.aliases, member.name):
                found.setdefault(alias.lower().replace("_", ""), member.name)
        return found

    def __iter__(self) -> Iterator[type[T]]:
        return (self[name] for name in self.names())

    def nearest(self, name: str, others: tuple[str, ...] = ()) -> str | None:
        """The member that was probably meant: by the name in another framework, else by spelling."""
        return self._meant.get(name.lower().replace("_", "")) or nearest(name, (*self.names(), *others))


def nearest(name: str, known: Callable[[], tuple[str, ...]] | tuple[str, ...]) -> str | None:
    """The most similar of the known names, or None when none is near."""
    return _nearest(name.lower(), known() if callable(known) else known)


@lru_cache(1024)
def _nearest(name: str, known: tuple[str, ...]) -> str | None:
    # A slip changes some letters; what is much longer or shorter is no slip, and would take long to compare.
    names = [one for one in known if 2 * abs(len(one) - len(name)) <= len(one) + len(name)]
    found = get_close_matches(name, names, n=1, cutoff=0.6) if len(name) <= LONGEST_SLIP else []
    return found[0] if found else None
