"""Passes that rewrite tiny graphs too: the sizes from which a rewrite pays do not matter for its numbers."""

import pkgutil
from collections.abc import Iterator
from importlib import import_module
from types import ModuleType

import dslc.passes

LIMITS = {"LEAST": 2, "FEWEST_ROWS": 1, "MIB": 1}
"""Names that passes give to the least that is worth the trouble."""


def limits() -> Iterator[tuple[ModuleType, str, int]]:
    """The modules of passes that have such a name, and what to set it to."""
    for found in pkgutil.iter_modules(dslc.passes.__path__):
        module = import_module(f"dslc.passes.{found.name}")
        yield from ((module, name, value) for name, value in LIMITS.items() if hasattr(module, name))


def eager() -> None:
    """Set them, for the rest of the process."""
    for module, name, value in limits():
        setattr(module, name, value)
