"""`"path" = "tensor" -> stages`: one line of a `weights` section, checked as the pipe that it is."""

import re
from dataclasses import dataclass, field, replace
from typing import Any

from dslc.build import evaluate, models, nodes
from dslc.build.scope import Binding, Build, Env
from dslc.build.values import Skip, Tensor, kind_of
from dslc.data.tensors import DTYPES, Tensors
from dslc.errors.base import Problems
from dslc.errors.weights import BadMapping, WeightUnfit
from dslc.graph import Graph
from dslc.parse import tree
from dslc.paths import WILDCARD, pattern
from dslc.resolve import Program
from dslc.types import Type

OUTPUT = "weight"


@dataclass(frozen=True)
class Target:
    """A weight to be given a value."""

    path: str
    type: Type
    wildcards: tuple[str, ...]
    """What the wildcards of the line's left side stand for."""


@dataclass(frozen=True)
class Recipe:
    """How a weight is made: a graph over tensors of the file, or the one tensor as it is."""

    names: tuple[str, ...]
    """The tensors, in the order of the graph's inputs."""
    graph: Graph | None


@dataclass
class Line:
    """One line while it is read; what it does to tensors of the same types is worked out once."""

    program: Program
    item: tree.Mapping
    problems: Problems
    made: dict[tuple[Type, ...], Graph | None] = field(default_factory=dict[tuple[Type, ...], Graph | None])

    def __post_init__(self) -> None:
        self.globs: list[tree.Literal] = []
        self.value = self._named(self.item.value)

    def wrong_wildcards(self) -> tuple[str, str] | None:
        """What is wrong with the wildcards, and the way out."""
        left = pattern(self.item.target.text).groups
        for glob in self.globs:
            count = pattern(_text(glob)).groups
            if count not in (0, left):
                what = f"there are {left} wildcards on the left, and {count} in `{_text(glob)}`"
                return what, "each `*` on the right stands for what the one in its place on the left does"
        return None

    def names(self, target: Target) -> list[tree.Text]:
        """The tensors of the file that a weight is made of, with the place of each."""
        return [tree.Text(glob.span, _filled(_text(glob), target.wildcards)) for glob in self.globs]

    def recipe(self, target: Target, found: Tensors) -> Recipe | None:
        """How a weight is made; None when that is a problem, which is reported."""
        names = tuple(name.text for name in self.names(target))
        heads = [found.heads[name] for name in names]
        for place, name, head in zip(self.globs, names, heads, strict=True):
            if head.dtype not in DTYPES:
                what = f"tensor `{name}` is {head.dtype}, of which no weight can be made"
                self.problems.add(BadMapping(place.span, what, "convert the file to float32, float16 or bfloat16"))
                return None
        types = tuple(Type(head.shape, DTYPES[head.dtype]) for head in heads)
        if self.is_plain:
            return Recipe(names, None) if self._fits(target, types[0]) else None
        if types not in self.made:
            self.made[types] = self._graph(types)
        graph = self.made[types]
        if graph is None or not self._fits(target, graph.type(graph.outputs[OUTPUT])):
            return None
        return Recipe(names, graph)

    @property
    def is_plain(self) -> bool:
        """The weight is a tensor of the file as it is."""
        return is_text(bare(self.item.value))

    def _fits(self, target: Target, given: Type) -> bool:
        if given.shape == target.type.shape and given.is_float:
            return True
        stage = None
        if not given.is_float:
            stage = f'cast("{target.type.dtype}")'
        elif given.shape[::-1] == target.type.shape:
            stage = "transpose"
        elif given.size == target.type.size:
            stage = f"reshape([{', '.join(map(str, target.type.shape))}])"
        self.problems.add(WeightUnfit(self.item.value.span, target.path, str(target.type), str(given), stage))
        return False

    def _graph(self, types: tuple[Type, ...]) -> Graph | None:
        """The stages as a graph over tensors of these types; None when they do not work (that is reported)."""
        env = models.root(Build(self.program, self.problems), OUTPUT)
        frame = env.frame
        for number, (glob, type) in enumerate(zip(self.globs, types, strict=True)):
            tensor = frame.tensor(frame.input(_input(number), type, glob.span))
            env.scope.names[_input(number)] = Binding(tensor, glob.span, "tensor of the file")
        try:
            value = nodes.force(env, evaluate.value(env, self.value), self.item.value.span)
            self._require_tensor(env, value)
        except Skip:
            return None
        frame.builder.outputs = {OUTPUT: frame.ref(value)}
        return frame.builder.graph()

    def _require_tensor(self, env: Env, value: Any) -> None:
        span = self.item.value.span
        if not isinstance(value, Tensor):
            raise env.fail(
                BadMapping(span, f"a weight is one tensor, and this is {kind_of(value)}", 'name one: `"..."`')
            )
        own = next((node for node in env.frame.builder.nodes.values() if node.op.name in ("parameter", "state")), None)
        drawn = next((node for node in env.frame.builder.nodes.values() if node.op.random), None)
        if own is not None:
            what = f"`{own.name.split('.')[0]}` has weights of its own"
            raise env.fail(BadMapping(own.span, what, "use stages that only move or compute numbers"))
        if drawn is not None:
            what = f"`{drawn.op.name}` draws at random"
            raise env.fail(BadMapping(drawn.span, what, "to start at random, list the weight in `fresh = [...]`"))

    def _named(self, item: tree.Tree) -> Any:
        """The tree with names in place of the strings that stand where tensors do, and these strings in `globs`."""
        match item:
            case tree.Literal(value=str()):
                self.globs.append(item)
                return tree.Name(item.span, _input(len(self.globs) - 1))
            case tree.Pipe():
                return replace(item, stages=tuple(replace(one, value=self._named(one.value)) for one in item.stages))
            case tree.Tuple():
                return replace(item, items=tuple(replace(one, value=self._named(one.value)) for one in item.items))
            case tree.Group() | tree.Index() | tree.Attribute():
                return replace(item, value=self._named(item.value))
            case tree.Unary():
                return replace(item, operand=self._named(item.operand))
            case tree.Binary():
                return replace(item, left=self._named(item.left), right=self._named(item.right))
            case _:
                return item


def bare(item: tree.Tree) -> tree.Tree:
    """What stands in a pipe of one stage."""
    while isinstance(item, tree.Pipe) and len(item.stages) == 1 and item.stages[0].type is None:
        item = item.stages[0].value
    return item


def is_text(item: tree.Tree) -> bool:
    return isinstance(item, tree.Literal) and isinstance(item.value, str)


def _text(glob: tree.Literal) -> str:
    return str(glob.value)


def _input(number: int) -> str:
    """Name of a tensor while the stages are read; no name of the language begins so."""
    return f"tensor {number + 1}"


def _filled(glob: str, wildcards: tuple[str, ...]) -> str:
    """A name on the right with what the wildcards on the left stand for."""
    left = iter(wildcards)
    return re.sub(WILDCARD, lambda _: next(left), glob)
