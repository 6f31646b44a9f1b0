"""Random graphs whose types fit: ops of the catalogue by way of their samples, regions, sharing, and what passes look for."""

import random
from collections.abc import Sequence
from dataclasses import fields, replace
from functools import cache
from math import prod
from typing import Any, Literal, get_args, get_origin

from handmade import Net
from samples import bound, input_types, op_of

from dslc.dims import Dim, symbols
from dslc.graph import Graph, Ref
from dslc.ops.base import OPS, Mismatch, Op, Sample, Weight
from dslc.types import Type

FLOATS = (0.1, 0.5, 0.9, 1.5)
LARGEST = 600
"""Elements of a tensor: to find a wrong number takes few of them."""
NARROW = ("f16", "bf16")
"""Floats whose rounding would hide what is looked for."""
Picked = tuple[Op, tuple[Type | None, ...]]


@cache
def catalogue() -> tuple[Picked, ...]:
    """Every op with the settings and the types of each of its samples; combinators make several nodes, so files draw them."""
    found: list[Picked] = []
    for kind in OPS:
        if kind.family not in ("combinator", "metric"):
            good = [sample for sample in kind.samples if isinstance(sample, Sample)]
            found += [(op_of(sample.text), input_types(sample.inputs)) for sample in good]
    return tuple(found)


class Drawer:
    """Draws nodes into a net; `pool` are the tensors that are there to be read."""

    def __init__(self, draw: random.Random, net: Net, sizes: Sequence[int], depth: int = 0) -> None:
        self.draw, self.net, self.sizes, self.depth = draw, net, sizes, depth
        self.pool: list[Ref] = []
        self.parts = 0
        """How many whole graphs have been put in."""
        self.whole: list[tuple[Ref, Ref]] = []
        """In the body of a scan: inputs that stand for weights around it, and these."""
        self.around: Drawer | None = None

    # What is there.

    def chance(self, share: float) -> bool:
        return self.draw.random() < share

    def size(self) -> int:
        return self.draw.choice(self.sizes)

    def type(self, ref: Ref) -> Type:
        return self.net.builder.type(ref)

    def shape(self, ref: Ref) -> tuple[int, ...]:
        return self.type(ref).shape  # type: ignore[return-value]

    def of(self, dtype: str = "f32", rank: int | None = None, shape: Any = None) -> list[Ref]:
        """The tensors of a kind."""
        types = ((ref, self.type(ref)) for ref in self.pool)
        return [
            ref for ref, type in types
            if type.dtype == dtype and rank in (None, type.rank) and shape in (None, type.shape)
        ]  # fmt: skip

    def input(self, type: Type) -> Ref:
        """A tensor from outside, or inside of a region one from around it."""
        if self.depth:
            return self.made(type)
        ref = self.net.input(self.net.builder.fresh("x"), type)
        self.pool.append(ref)
        return ref

    def made(self, type: Type) -> Ref:
        """A tensor of a type without anything from outside."""
        kind = {"bool": "ones", "f32": "full"}.get(type.dtype, "full")
        if not type.is_float:
            zeros = self.net.call("zeros", shape=type.shape)
            return self.net.call("cast", zeros, dtype=type.dtype)
        value = {"value": self.draw.choice((0.5, -1.5, 2.0))} if kind == "full" else {}
        return self.net.call(kind, shape=type.shape, **value)

    def some(self, rank: int | None = None, least: int = 0) -> Ref:
        """A float tensor of at least a rank, rather a recent one."""
        found = [ref for ref in self.of(rank=rank) if self.type(ref).rank >= least]
        if not found:
            return self.input(Type(tuple(self.size() for _ in range(rank or max(least, self.draw.randint(1, 3))))))
        return found[-1] if self.chance(0.5) else self.draw.choice(found)

    def like(self, type: Type) -> Ref:
        """A tensor of this type."""
        found = self.of(type.dtype, shape=type.shape)
        if found and self.chance(0.8):
            return found[-1] if self.chance(0.5) else self.draw.choice(found)
        if type.is_float and self.of("f32") and self.chance(0.7 if not self.depth else 1):
            return self.fitted(self.some(), type)
        return self.input(type)

    def fitted(self, ref: Ref, type: Type) -> Ref:
        """A tensor made into another type by dense and reshape."""
        now = self.type(ref)
        if now == type:
            return ref
        if now.rank == type.rank and now.shape[:-1] == type.shape[:-1] and type.rank:
            return self.net.call("dense", ref, units=type.shape[-1])
        flat = self.net.call("reshape", ref, shape=(-1,))
        wide = self.net.call("dense", flat, units=prod(type.shape))  # type: ignore[arg-type]
        return self.net.call("reshape", wide, shape=type.shape)

    # One node.

    def add(self, op: Op, *inputs: Ref | None) -> list[Ref]:
        """Put an op into the net, now and then with the weights of another layer; gives its outputs."""
        if not any(parameter.kind is parameter.VAR_POSITIONAL for parameter in op.inputs()):
            inputs = (*inputs, *[None] * (len(op.inputs()) - len(inputs)))
        types = [None if ref is None else self.type(ref) for ref in inputs]
        outputs = op.infer(*types)
        outputs = outputs if isinstance(outputs, tuple) else (outputs,)
        wanted = op.weights(*types)
        if any(not isinstance(size, int) or size < 1 for type in (*outputs, *wanted.values()) for size in type.shape):
            raise Mismatch("a size of zero")
        if sum(prod(type.shape) for type in (*outputs, *wanted.values())) > LARGEST:  # type: ignore[misc]
            raise Mismatch("too large")
        if any(type.dtype in NARROW for type in outputs):
            raise Mismatch("too narrow")
        weights = {role: given for role, weight in wanted.items() if (given := self.weight(weight))}
        found = self.net.add(op, *inputs, weights=weights)
        found = [found] if isinstance(found, Ref) else list(found)
        self.pool += found
        return found

    def weight(self, weight: Weight) -> Ref | None:
        """A weight that is there already: of another layer, computed, or from around a scan; none for one of its own."""
        if self.around is not None:
            return self.from_around(weight)
        nodes = self.net.builder.nodes.values()
        known = [Ref(node.name) for node in nodes if node.op.name == "parameter" and node.type.shape == weight.shape]
        if known and self.chance(0.12):
            ref = self.draw.choice(known)
            return ref if self.chance(0.7) else self.net.call("tanh", ref)
        if len(weight.shape) == 2 and self.chance(0.05):  # tied: `it @ table.T`
            turned = [Ref(n.name) for n in nodes if n.op.name == "parameter" and n.type.shape == weight.shape[::-1]]
            if turned:
                return self.net.call("transpose", self.draw.choice(turned))
        return None

    def from_around(self, weight: Weight) -> Ref:
        assert self.around is not None
        net = self.around.net
        outside = net.source("parameter", net.builder.fresh(f"{self.net.prefix}w"), weight)
        inside = self.net.input(f"{self.net.prefix}whole.{len(self.whole)}", self.around.type(outside))
        self.whole.append((inside, outside))
        return inside

    def call(self, name: str, *inputs: Ref | None, **settings: Any) -> Ref:
        """The first output of an op by name."""
        return self.add(OPS[name](**settings), *inputs)[0]

    def add_split(self, x: Ref) -> list[Ref]:
        """The two halves of a tensor."""
        return self.add(OPS["split"](2), x)

    def any_op(self) -> None:
        """An op of the catalogue on tensors that fit, or that are made to fit."""
        op, types = self.draw.choice(catalogue())
        names = sorted({name for one in (op, *types) if one is not None for name in _names(one)})
        dims = {name: self.size() for name in names}
        op = bound(op, dims)
        types = tuple(type and type.bind(dims) for type in types)
        if self.chance(0.3):
            op = self.varied(op)
        if len(types) > 1 and len({*types}) == 1 and any(p.kind is p.VAR_POSITIONAL for p in op.inputs()):
            types = types[:1] * self.draw.randint(1, 4)
        if sum(prod(type.shape) for type in types if type) > LARGEST:  # type: ignore[misc]
            return
        for exact in (False, True):
            inputs = [type and (self.like(type) if exact else self.near(type)) for type in types]
            try:
                self.add(op, *inputs)
            except Mismatch:
                continue
            return

    def near(self, type: Type) -> Ref:
        """A tensor of this dtype and rank."""
        found = self.of(type.dtype, type.rank)
        return self.draw.choice(found) if found and self.chance(0.8) else self.like(type)

    def varied(self, op: Op) -> Op:
        """The op with another value in one of its settings."""
        hints, changed = type(op).setting_types(), {}
        for setting in fields(op):
            hint, value = hints.get(setting.name), getattr(op, setting.name)
            choices: tuple[Any, ...] = ()
            if get_origin(hint) is Literal:
                choices = get_args(hint)
            elif isinstance(value, bool):
                choices = (True, False)
            elif isinstance(value, float):
                choices = FLOATS
            elif isinstance(value, int):
                choices = (value, max(1, value - 1), value + 1)
            if choices and self.chance(0.4):
                changed[setting.name] = self.draw.choice(choices)
        return replace(op, **changed)


def _names(value: Any) -> set[str]:
    if isinstance(value, Op):
        return {name for setting in fields(value) for name in _names(getattr(value, setting.name))}
    if isinstance(value, Type):
        return _names(value.shape)
    if isinstance(value, tuple):
        return {name for part in value for name in _names(part)}
    return set(symbols(value)) if isinstance(value, Dim) else set()


def with_loss(graph: Graph) -> Graph:
    """The graph with a float scalar that depends on every element of every output of floats in a way of its own.

    The outputs are weighed by inputs named `probe`: a plain sum would miss what adds up to the same (softmax).
    """
    net = Net(graph.name)
    net.builder.nodes.update(graph.nodes)
    net.builder.updates.update(graph.updates)
    parts: list[Ref] = []
    for place, ref in enumerate(graph.outputs.values()):
        if graph.type(ref).dtype == "f32":
            probe = net.input(net.builder.fresh(f"probe.{place}"), Type(graph.type(ref).shape))
            parts.append(net.call("mean", net.call("multiply", ref, probe)))
    if not parts:
        return graph
    return net.graph(**graph.outputs, loss=parts[0] if len(parts) == 1 else net.call("add", *parts))
