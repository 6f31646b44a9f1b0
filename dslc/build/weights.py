"""`weights "gpt2.safetensors" { ... }`: how every weight of a model is made of the tensors of a file."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dslc.build import mappings
from dslc.build.mappings import Recipe, Target
from dslc.catalogue import nearest
from dslc.data.failures import DataBroken, DataFailure, DataMissing, PathRefused
from dslc.data.folders import Folders
from dslc.data.tensors import Tensors, tensors
from dslc.errors.base import Problem, Problems
from dslc.errors.data import from_failure
from dslc.errors.weights import (
    BadMapping,
    MappedTwice,
    NoSuchTensor,
    NoSuchWeight,
    NotMapped,
    NotUsed,
    WeightsMissing,
    WeightsNotThereYet,
    WeightsRefused,
)
from dslc.graph import Graph, Node
from dslc.parse import tree
from dslc.paths import layers, matches, nearest_path, pattern, shape_of, stack_of
from dslc.resolve import Program
from dslc.source import Span
from dslc.types import Type

if TYPE_CHECKING:
    from typing import TypeGuard

LISTS = ("unused", "fresh")


@dataclass(frozen=True)
class Foreign:
    """A section whose names are looked up: recipes by path of the weight."""

    tensors: Tensors
    recipes: Mapping[str, Recipe]
    fresh: int
    """Weights that start anew."""
    unused: int
    """Tensors of the file that are left out."""


@dataclass(frozen=True)
class Sections:
    """The sections of a file that belong to a model or to a train block, and the weights that they may name."""

    program: Program
    stored: tuple[Node, ...]
    """The parameters and states."""
    parts: tuple[tree.WeightsSection, ...]
    places: frozenset[str] = frozenset()
    """Models that a train block applies by hand: their weights stand below their names."""
    prefix: str = ""
    """What the paths of the sections have before those of the graph: the name of the model, in a file of several."""

    def read(self, folders: Folders, problems: Problems, must_be_there: bool) -> tuple[Foreign, ...]:
        """Look up every name; of the files nothing but the heads is read. What does not fit is reported."""
        known = dict(self._known())
        reading = [_Section(self, part, known, problems, folders, must_be_there) for part in self.parts]
        given: dict[str, Span] = {}
        found = [section.read(given) for section in reading]
        if not any(section.misspelt for section in reading):
            covered = {path for section in reading for path in (*section.fresh, *given)}
            left = tuple(path for path in known if path not in covered and self._is_meant(path))
            if left:
                problems.add(NotMapped(self.parts[0].path.span, tuple(map(self._written, left))))
        return tuple(one for one in found if one is not None)

    def _known(self) -> Iterator[tuple[str, Type]]:
        """Every weight and state, layer by layer, by the path that the sections write, with its type."""
        for node in self.stored:
            type = Type(shape_of(node)[len(stack_of(node)) :], node.type.dtype)
            for path, _ in layers(node):
                yield self._written(path), type

    def _written(self, path: str) -> str:
        return f"{self.prefix}{path}"

    def _is_meant(self, path: str) -> bool:
        """Whether a weight has to be mapped: all are of a model of which a section names some."""
        named = {self._place(target.text) for part in self.parts for target in _targets(part)}
        return self._place(path) in (named or {""})

    def _place(self, path: str) -> str:
        """The model that is applied by hand to which a path belongs; empty for the one that the block names."""
        first = path.split(".", maxsplit=1)[0]
        return first if first in self.places else ""


def sections(program: Program, model: str, graph: Graph | None, trained: Graph | None) -> Sections | None:
    """The sections that belong to a model, or to a train block; None: there are none.

    A section whose paths begin with the name of a model belongs to that one, any other to the first train block of the
    file, or to its last model where it has none.

    Args:
        graph: of the model by itself, with all of its weights; None where a train block only applies models by hand.
        trained: of the train block; None: there is none.
    """
    if not program.weights:
        return None
    own = _stored(graph)
    nodes = own | _stored(trained)
    firsts = {name.split(".")[0] for name in nodes}
    places = frozenset(firsts - {name.split(".")[0] for name in own}) & set(program.models)
    plain: list[tree.WeightsSection] = []
    prefixed: list[tree.WeightsSection] = []
    owner = next(iter(program.trains), None) or next(reversed(program.models), None)
    for part in program.weights:
        first = next((target.text.split(".")[0] for target in _targets(part)), "")
        if first in program.models and first not in firsts:
            prefixed += [part] if first == model else []
        elif first in places or model == owner:
            plain.append(part)
    if prefixed:
        return Sections(program, tuple(own.values()), tuple(prefixed), prefix=f"{model}.")
    return Sections(program, tuple(nodes.values()), tuple(plain), places) if plain else None


def _stored(graph: Graph | None) -> dict[str, Node]:
    """Parameters and states by name, but for those that follow others: they start as these do."""
    nodes = [*graph.sources("parameter"), *graph.sources("state")] if graph else []
    return {node.name: node for node in nodes if not getattr(node.op, "follows", "")}


def _targets(part: tree.WeightsSection) -> Iterator[tree.Text]:
    """The paths that a section names, `fresh` ones last."""
    yield from (item.target for item in part.body if isinstance(item, tree.Mapping))
    for item in part.body:
        if _is_list(item) and item.names[0].text == "fresh":
            yield from _strings(item.value)


@dataclass
class _Section:
    """One section while it is read."""

    owner: Sections
    part: tree.WeightsSection
    known: Mapping[str, Type]
    problems: Problems
    folders: Folders
    must_be_there: bool
    misspelt: bool = False
    """A path or a name of it is wrong: what is left over then says nothing new."""
    fresh: set[str] = field(default_factory=set[str])
    used: set[str] = field(default_factory=set[str])
    recipes: dict[str, Recipe] = field(default_factory=dict[str, Recipe])

    def read(self, given: dict[str, Span]) -> Foreign | None:
        """The section, looked up; `given` are the weights that have a value, and where."""
        found, lost = self._open(), self.misspelt
        lists = self._lists()
        for glob in lists["fresh"]:
            self.fresh |= set(self._matched(glob))
        for item in self.part.body:
            if isinstance(item, tree.Mapping):
                self._map(item, found, given, lists["fresh"])
        if found is None or lost:
            return None
        left = [name for name in found.heads if name not in self.used]
        for glob in lists["unused"]:
            if not any(matches(glob.text, name) for name in found.heads):
                _, meant = nearest_path(glob.text, found.heads)
                self._add(NoSuchTensor(glob.span, found.file.name, glob.text, "", meant))
        left = [name for name in left if not any(matches(glob.text, name) for glob in lists["unused"])]
        if left and not self.misspelt:
            self.problems.add(NotUsed(self.part.path.span, found.file.name, tuple(left)))
        return Foreign(found, self.recipes, len(self.fresh), len(found.heads) - len(self.used))

    def _open(self) -> Tensors | None:
        path = self.part.path
        try:
            return tensors(self.folders, path.text)
        except DataFailure as failure:
            self.misspelt = not isinstance(failure, DataMissing)
            self.problems.add(unread(path.span, failure, self.must_be_there))
            return None

    def _lists(self) -> dict[str, list[tree.Text]]:
        found: dict[str, list[tree.Text]] = {name: [] for name in LISTS}
        for item in self.part.body:
            if isinstance(item, tree.Mapping):
                continue
            name = item.names[0].text if isinstance(item, tree.Assign) else ""
            if not _is_list(item):
                near = nearest(name, LISTS) if name not in LISTS else None
                hint = 'a line is `"path" = "tensor"`, `unused = ["..."]` or `fresh = ["..."]`'
                what = f"`{name}` is a list of globs in quotes" if name in LISTS else "this says nothing about weights"
                self._refuse(item.span, what, f"did you mean `{near}`? {hint}" if near else hint)
                continue
            found[name] += _strings(item.value)
        return found

    def _matched(self, glob: tree.Text) -> list[str]:
        paths = [path for path in self.known if matches(glob.text, path)]
        if not paths:
            self.misspelt = True
            self.problems.add(NoSuchWeight(glob.span, glob.text, *nearest_path(glob.text, self.known)))
        return paths

    def _map(
        self, item: tree.Mapping, found: Tensors | None, given: dict[str, Span], fresh: Sequence[tree.Text]
    ) -> None:
        """One line: a recipe for every weight that it means."""
        paths = self._matched(item.target)
        targets = [
            Target(path, self.known[path], _wildcards(item.target, path)) for path in paths if path not in self.fresh
        ]
        if paths and not targets:
            first = next(glob.span for glob in fresh if any(matches(glob.text, path) for path in paths))
            self._add(MappedTwice(item.target.span, paths[0], "fresh", first))
        twice = next((target.path for target in targets if target.path in given), None)
        if twice is not None:
            self._add(MappedTwice(item.target.span, twice, "mapped", given[twice]))
        for target in targets:
            given.setdefault(target.path, item.target.span)
        line = mappings.Line(self.owner.program, item, self.problems)
        what = line.wrong_wildcards()
        if what is not None:
            self._refuse(item.value.span, *what)
        if found is None or what is not None:
            return
        for target in targets:
            lacking = next((name for name in line.names(target) if name.text not in found.heads), None)
            if lacking is not None:
                written = next(str(glob.value) for glob in line.globs if glob.span == lacking.span)
                self._lack(lacking, written, found, target)
                return
            recipe = line.recipe(target, found)
            if recipe is None:
                self.misspelt = True
                return
            self.recipes[target.path.removeprefix(self.owner.prefix)] = recipe
            self.used |= set(recipe.names)

    def _lack(self, name: tree.Text, written: str, found: Tensors, target: Target) -> None:
        """A tensor that the file does not have: the nearest one, with the wildcards that are `written`."""
        near, _ = nearest_path(name.text, found.heads)
        parts, others = written.split("."), (near or "").split(".")
        meant = None
        if len(parts) == len(others):
            meant = ".".join(part if matches(part, other) else other for part, other in zip(parts, others, strict=True))
        self._add(NoSuchTensor(name.span, found.file.name, name.text, target.path, meant or near))

    def _refuse(self, span: Span, what: str, hint: str) -> None:
        self._add(BadMapping(span, what, hint))

    def _add(self, problem: Problem) -> None:
        self.misspelt = True
        self.problems.add(problem)


def unread(span: Span, failure: DataFailure, must_be_there: bool) -> Problem:
    """Why a file of weights is not read, said where the source names it."""
    match failure:
        case DataMissing():
            cls = WeightsMissing if must_be_there else WeightsNotThereYet
            return cls(span, failure.path, tuple(map(str, failure.looked)))
        case DataBroken() | PathRefused():
            return from_failure(span, failure)
        case _:
            return WeightsRefused(span, failure.reason, failure.help or "use a safetensors or an npz file")


def _wildcards(glob: tree.Text, path: str) -> tuple[str, ...]:
    found = pattern(glob.text).fullmatch(path)
    assert found is not None
    return found.groups()


def _is_list(item: tree.Tree) -> "TypeGuard[tree.Assign]":
    """Whether a statement is `unused = [...]` or `fresh = [...]`."""
    if not isinstance(item, tree.Assign) or len(item.names) != 1 or item.names[0].text not in LISTS:
        return False
    value = mappings.bare(item.value)
    return isinstance(value, tree.List) and all(mappings.is_text(mappings.bare(part)) for part in value.items)


def _strings(item: tree.Tree) -> list[tree.Text]:
    value: Any = mappings.bare(item)
    parts = [mappings.bare(part) for part in value.items]
    return [tree.Text(part.span, str(part.value)) for part in parts if isinstance(part, tree.Literal)]
