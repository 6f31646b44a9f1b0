"""First weights from a file: those of another run, or of another framework by a `weights` section."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dslc.build.mappings import OUTPUT, Recipe
from dslc.build.start import start
from dslc.build.weights import Foreign, Sections, unread
from dslc.data.failures import DataBroken, DataFailure
from dslc.data.folders import Folders
from dslc.data.tensors import Tensors
from dslc.errors.base import Failed, Problems
from dslc.graph import Graph
from dslc.lazy import np
from dslc.lower import lower
from dslc.paths import layers
from dslc.plan import Plan
from dslc.source import NOWHERE, Span
from dslc.train.checkpoint import FACTS, Damaged, read_arrays
from dslc.train.follow import clocks, followers
from dslc.train.task import failed
from dslc.train.weights import stored

if TYPE_CHECKING:
    from numpy.typing import NDArray

Arrays = dict[str, "NDArray[Any]"]


@dataclass(frozen=True)
class Beginning:
    """Where the first weights of a run come from, when they are not drawn."""

    span: Span = NOWHERE
    """Where the source says so."""
    own: Tensors | None = None
    foreign: tuple[Foreign, ...] = ()
    told: tuple[str, ...] = field(default=())
    """What is said of it when the run begins."""

    @property
    def is_drawn(self) -> bool:
        """Nothing comes from a file."""
        return self.own is None and not self.foreign

    def into(self, drawn: Mapping[str, "NDArray[Any]"], graph: Graph) -> Arrays:
        """Weights and states of a graph by name: those of files, and the drawn ones where there are none.

        Raises:
            Failed: when a file cannot be read.
        """
        found = self._arrays()
        made: Arrays = {}
        copies = followers(graph)
        # What follows another starts as that does.
        for node in sorted(stored(graph), key=lambda node: node.name in copies):
            array = np.array(made[copies[node.name].follows] if node.name in copies else drawn[node.name])
            for path, place in layers(node):
                if path in found and node.name not in clocks(graph):
                    array[place] = found[path]
            made[node.name] = array
        return made

    def lacking(self, graph: Graph) -> frozenset[str]:
        """Weights and states of which some layer is in none of the `weights` sections: these have to be drawn."""
        given = {path for foreign in self.foreign for path in foreign.recipes}
        alone = (node for node in stored(graph) if node.name not in followers(graph))
        counted = clocks(graph)
        return frozenset(
            node.name for node in alone if node.name in counted or not {path for path, _ in layers(node)} <= given
        )

    def _arrays(self) -> Arrays:
        """Arrays of files by path, layer by layer."""
        try:
            if self.own is not None:
                return _own(self.own)
            return {
                path: _made(foreign.tensors, recipe)
                for foreign in self.foreign
                for path, recipe in foreign.recipes.items()
            }
        except DataFailure as failure:
            raise failed(unread(self.span, failure, must_be_there=True)) from failure


Begin = Callable[[], Beginning]
"""Asked for when a run begins anew: one that goes on needs no file."""


def beginning(plan: Plan, folders: Folders) -> Beginning:
    """Look up every name and shape; the data itself is read later.

    Raises:
        Failed: when a file is not there or does not fit.
    """
    problems = Problems()
    own = start(plan, folders, problems, must_be_there=True)
    if problems.errors:
        raise Failed(problems)
    if own is not None:
        span = plan.spans.get("start", plan.span)
        return Beginning(span, own, (), (f"begins with the weights of `{plan.start}`",))
    return Beginning(plan.span) if plan.sections is None else of_sections(plan.sections, folders)


def of_sections(sections: Sections, folders: Folders) -> Beginning:
    """Look up every name and shape of `weights` sections.

    Raises:
        Failed: when a file is not there or does not fit.
    """
    problems = Problems()
    foreign = sections.read(folders, problems, must_be_there=True)
    if problems.errors:
        raise Failed(problems)
    told: list[str] = []
    for one in foreign:
        more = f", {one.fresh:,} start anew" if one.fresh else ""
        left = f"; {one.unused:,} of its tensors are not used" if one.unused else ""
        told.append(f"{len(one.recipes):,} weights come from `{one.tensors.file.name}`{more}{left}")
    return Beginning(sections.parts[0].path.span, None, foreign, tuple(told))


def _own(tensors: Tensors) -> Arrays:
    """The arrays of a file with dslc's own names; one that dslc wrote has a sum, by which damage shows."""
    if FACTS in tensors.facts:
        try:
            return read_arrays(tensors.file)[0]
        except Damaged as problem:
            raise DataBroken(tensors.file, f"is damaged: {problem}") from problem
    return {name: tensors.read(name) for name in tensors.heads}


def _made(tensors: Tensors, recipe: Recipe) -> "NDArray[Any]":
    """A weight from tensors of a file, by the language's own ops."""
    given = [tensors.read(name) for name in recipe.names]
    if recipe.graph is None:
        return given[0]
    inputs = [node.name for node in recipe.graph.sources("input")]
    outputs, _ = lower(recipe.graph)({}, {}, dict(zip(inputs, given, strict=True)))
    return np.asarray(outputs[OUTPUT])
