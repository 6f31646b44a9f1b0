"""Graphs under construction: nodes go into a frame, weights get their paths from a place."""

from dataclasses import dataclass, field
from typing import Any

from dslc.build.values import Tensor
from dslc.graph import Builder, Node, Ref
from dslc.ops.base import OPS, Op, Weight
from dslc.source import NOWHERE, Span
from dslc.types import Type


class Escapes(Exception):
    """A tensor of a region is used outside of it."""


class Frame:
    """The graph that is being built: the outermost, or the body of a region inside of `parent`."""

    def __init__(self, name: str, parent: "Frame | None" = None) -> None:
        self.builder = Builder(name)
        self.parent = parent
        self.captured: dict[Ref, Ref] = {}
        """References of the parent's graph, and the body's inputs that stand for them."""
        self.numbers: dict[tuple[str, str], tuple[Any, ...]] | None = None
        """Of a body that is built for many iterations at once: settings of nodes that are another number in each."""
        self.remade: dict[str, tuple[str, Span]] = {}
        """Kernels by path: the op that the first use of each has it go through (`""`: none), and where that stands."""

    def ref(self, tensor: Tensor) -> Ref:
        """The tensor as this frame's graph sees it, captured through as many regions as lie between.

        Raises:
            Escapes: when it was made in a region that this frame is not inside of.
        """
        if tensor.home is self:
            return tensor.ref
        if self.parent is None:
            raise Escapes
        outer = self.parent.ref(tensor)
        if outer not in self.captured:
            self.captured[outer] = self.input(
                f"{outer.node}.{outer.output}" if outer.output else outer.node, tensor.type
            )
        return self.captured[outer]

    def input(self, name: str, type: Type, span: Span = NOWHERE, bounds: tuple[tuple[str, int], ...] = ()) -> Ref:
        op = OPS["input"](dtype=type.dtype, shape=type.shape, bounds=bounds)  # pyright: ignore[reportCallIssue]
        return self.builder.add(Node(name, op, types=(type,), path=name, span=span))

    def tensor(self, ref: Ref) -> Tensor:
        return Tensor(ref, self.builder.type(ref), self)

    def weight(self, kind: str, name: str, weight: Weight, span: Span, trainable: bool = True) -> Ref:
        """The `parameter` or `state` node of that name, made when it is not there."""
        if name in self.builder.nodes:
            return Ref(name)
        made: Any = OPS[kind]
        more = {"trainable": trainable} if kind == "parameter" else {}
        op: Op = made(
            shape=weight.shape, dtype=weight.dtype, init=weight.init, fan_in=weight.fan_in, fan_out=weight.fan_out,
            **more,
        )  # fmt: skip
        return self.builder.add(Node(name, op, types=(Type(weight.shape, weight.dtype),), path=name, span=span))


@dataclass
class Place:
    """Where weights stand: a path in one frame, and how often each name was given out below it."""

    frame: Frame
    path: str = ""
    counts: dict[str, int] = field(default_factory=dict[str, int])

    def name(self, name: str) -> str:
        """The path of the next thing called `name` here: `dense`, then `dense_2`."""
        self.counts[name] = count = self.counts.get(name, 0) + 1
        return self.join(name if count == 1 else f"{name}_{count}")

    def join(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path and name else self.path or name

    def child(self, name: str) -> "Place":
        """A place below this one, under a path of its own."""
        return Place(self.frame, self.name(name))

    def again(self) -> "Place":
        """The same place, counted from the start: a second use of a shared layer finds the same paths."""
        return Place(self.frame, self.path)
