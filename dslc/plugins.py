"""Layers of a user's own: a file of Python that the command line or a program names, and no `.net` file ever does."""

import re
import sys
import traceback
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from dslc.catalogue import PLUGINS
from dslc.errors.base import Failed, Problem, Problems
from dslc.errors.data import FileProblem
from dslc.errors.plugins import PluginBroken, PluginFails, PluginNamesTaken
from dslc.ops.base import OPS, Op
from dslc.source import Span

NEEDED = ("infer", "apply", "cost")
"""What a layer has to have."""
_LOADED: dict[Path, tuple[type[Op], ...]] = {}


def load(path: str | Path) -> tuple[type[Op], ...]:
    """Run a file of Python, and take the ops that it defines into the catalogue; a second time it is known already.

    Raises:
        Failed: when it is not there, does not run, defines no op, or one by a name that is taken.
    """
    file = Path(path).resolve()
    if file not in _LOADED:
        _LOADED[file] = _taken(str(path), _run(str(path), file))
    return _LOADED[file]


def _run(shown: str, file: Path) -> list[type[Op]]:
    name = _module_name(file)
    spec = spec_from_file_location(name, file)
    if not file.is_file() or spec is None or spec.loader is None:
        raise _failed(FileProblem(Span(shown, 0, 0), shown, "is no file of Python", "name a `.py` file of layers"))
    module = module_from_spec(spec)
    # Where the settings of a class are looked up.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:  # noqa: BLE001  # it is the user's program
        del sys.modules[name]
        line = max(
            (frame.lineno or 0 for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(file)),
            default=0,
        )
        said = f"{type(error).__name__}: {error}"
        raise _failed(PluginBroken(Span(shown, 0, 0), shown, line or getattr(error, "lineno", 0) or 0, said)) from None
    made = [value for value in vars(module).values() if isinstance(value, type) and issubclass(value, Op)]
    return [kind for kind in made if kind.__module__ == name and "name" in vars(kind)]


def _module_name(file: Path) -> str:
    """One that no other plugin has, though its file may be called the same, and without a dot in it."""
    name = f"{PLUGINS}.{re.sub(r'[^a-zA-Z0-9_]', '_', file.stem)}"
    while name in sys.modules:
        name += "_"
    return name


def _taken(shown: str, kinds: list[type[Op]]) -> tuple[type[Op], ...]:
    clashes = tuple(kind.name for kind in kinds if kind.name in OPS)
    if clashes:
        raise _failed(PluginNamesTaken(Span(shown, 0, 0), shown, clashes))
    names = [kind.name for kind in kinds]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise _failed(PluginBroken(Span(shown, 0, 0), shown, 0, f"two of its classes are the layer `{twice}`"))
    lacking = next(
        (f"`{k.__name__}` has no `{n}`" for k in kinds for n in NEEDED if getattr(k, n) is getattr(Op, n)), None
    )
    if lacking is not None:
        raise _failed(PluginBroken(Span(shown, 0, 0), shown, 0, lacking))
    if not kinds:
        raise _failed(PluginBroken(Span(shown, 0, 0), shown, 0, "it defines no op"))
    for kind in kinds:
        OPS.add(kind)
    return tuple(kinds)


def at_fault(error: BaseException) -> Problem | None:
    """What to say of an exception in the code of a plugin; None where it comes from elsewhere."""
    steps = [(Path(step.filename), step.lineno or 0) for step in traceback.extract_tb(error.__traceback__)]
    place = next((step for step in reversed(steps) if step[0] in _LOADED), None)
    if place is None:
        return None
    said = str(error).strip().split("\n")[0][:300]
    return PluginFails(Span(str(place[0]), 0, 0), place[0].name, place[1], f"{type(error).__name__}: {said}")


def _failed(problem: Problem) -> Failed:
    problems = Problems()
    problems.add(problem)
    return Failed(problems)
