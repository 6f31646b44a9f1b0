"""Graphs drawn by hand for the tests of the viewer."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from dslc.graph import Builder, Graph, Node, Ref
from dslc.ops.base import OPS
from dslc.ops.core.parameter import Parameter
from dslc.ops.core.repeat import Repeat
from dslc.source import NOWHERE, Span
from dslc.types import Type


@dataclass
class Sketch:
    """A graph that is being drawn: `add` infers types and makes the weights."""

    name: str
    around: tuple[str, ...] = ()
    builder: Builder = field(init=False)

    def __post_init__(self) -> None:
        self.builder = Builder(self.name)

    @property
    def graph(self) -> Graph:
        return self.builder.graph()

    def source(self, kind: str, name: str, type: str, **settings: Any) -> Ref:
        made = Type.parse(type)
        op = OPS[kind](**{"dtype": made.dtype, "shape": made.shape, **settings})
        return self.builder.add(Node(name, op, (), {}, (op.infer(),), name))

    def input(self, name: str, type: str) -> Ref:
        return self.source("input", name, type)

    def add(self, op: str, *inputs: Ref | None, path: str = "", span: Span = NOWHERE, **settings: Any) -> Ref:
        made = OPS[op](**settings)
        types = [None if ref is None else self.builder.type(ref) for ref in inputs]
        found = made.infer(*types)
        where = ".".join((*self.around[-1:], path or op))
        trained, kept = made.weights(*types), made.state(*types)
        weights = self._weights(where, trained, "parameter") | self._weights(where, kept, "state")
        states = (Type(weight.shape, weight.dtype) for weight in kept.values())
        outputs = (*(found if isinstance(found, tuple) else (found,)), *states)
        return self.builder.add(Node(where, made, inputs, weights, outputs, where, span, (), self.around))

    def _weights(self, where: str, wanted: Mapping[str, Any], kind: str) -> dict[str, Ref]:
        found: dict[str, Ref] = {}
        for role, weight in wanted.items():
            name = f"{where}.{role}"
            type = str(Type(weight.shape, weight.dtype))
            found[role] = Ref(name) if name in self.builder.nodes else self.source(kind, name, type)
        return found

    def region(self, body: Graph, count: int, *inputs: Ref, carried: int = 1, path: str = "blocks") -> Ref:
        """A repeat over stacked weights."""
        weights: dict[str, Ref] = {}
        for node in body.sources("parameter"):
            type = Type((count, *node.type.shape), node.type.dtype)
            op = Parameter(elements(node.type), type.dtype, stack=((0, count),))
            weights[node.name] = self.builder.add(Node(node.name, op, (), {}, (type,), node.name))
        op = Repeat(body, count, carried, len(inputs) - carried)
        types = tuple(body.type(ref) for ref in body.outputs.values())
        return self.builder.add(Node(path, op, inputs, weights, types, path, NOWHERE, (), self.around))

    @contextmanager
    def block(self, path: str) -> Generator[None]:
        """What is added inside stands in this block."""
        before = self.around
        self.around = (*before, ".".join((*before[-1:], path)))
        yield
        self.around = before

    def output(self, name: str, ref: Ref) -> None:
        self.builder.outputs[name] = ref


def elements(type: Type) -> tuple[int, ...]:
    """The shape of a weight, whose sizes are all known."""
    return tuple(size for size in type.shape if isinstance(size, int))


def residual_net(depth: int = 3) -> Graph:
    """Convolutions with skips, in nested blocks."""
    draw = Sketch("resnet")
    x = draw.add("conv", draw.input("image", "[batch, 32, 32, 3]"), filters=16, kernel=3, path="stem")
    for stage, width in enumerate((16, 32, 64)):
        with draw.block(f"stages.{stage}"):
            for at in range(depth):
                with draw.block(f"block_{at + 1}"):
                    x = residual_block(draw, x, width, 2 if stage and not at else 1)
    draw.output("logits", draw.add("dense", draw.add("global_avg_pool", x), units=10, path="head"))
    return draw.graph


def residual_block(draw: Sketch, x: Ref, width: int, stride: int) -> Ref:
    y = draw.add("relu", draw.add("batch_norm", draw.add("conv", x, filters=width, kernel=3, stride=stride)))
    y = draw.add("batch_norm", draw.add("conv", y, filters=width, kernel=3, path="conv_2"), path="batch_norm_2")
    if stride > 1:
        x = draw.add("conv", x, filters=width, kernel=1, stride=stride, path="project")
    return draw.add("relu", draw.add("add", y, x), path="relu_2")


def perceptron() -> Graph:
    draw = Sketch("mlp")
    x = draw.add("flatten", draw.input("image", "[batch, 28, 28, 1]"))
    for at, width in enumerate((256, 128)):
        number = f"_{at + 1}" if at else ""
        x = draw.add("dense", x, units=width, path=f"dense{number}")
        x = draw.add("dropout", draw.add("relu", x, path=f"relu{number}"), rate=0.4, path=f"dropout{number}")
    draw.output("logits", draw.add("dense", x, units=10, path="dense_3"))
    return draw.graph


def u_net(depth: int = 3) -> Graph:
    """Wider and narrower again, with a skip at each width."""
    draw = Sketch("unet")
    x, kept = draw.input("image", "[batch, 64, 64, 3]"), []
    for at in range(depth):
        with draw.block(f"down_{at + 1}"):
            x = draw.add("relu", draw.add("conv", x, filters=16 * 2**at, kernel=3))
        kept.append(x)
        x = draw.add("max_pool", x, size=3, stride=1, padding="same", path=f"pool_{at + 1}")
    x = draw.add("conv", x, filters=128, kernel=3, path="middle")
    for at in reversed(range(depth)):
        x = draw.add("relu", x, path=f"relu_{at + 1}")
        with draw.block(f"up_{at + 1}"):
            x = draw.add("concat", x, kept[at])
            x = draw.add("relu", draw.add("conv", x, filters=16 * 2**at, kernel=3))
    draw.output("mask", draw.add("conv", x, filters=1, kernel=1, path="head"))
    return draw.graph


def siamese() -> Graph:
    """One encoder, used on two inputs."""
    draw = Sketch("siamese")
    found: list[Ref] = []
    for name in ("left", "right"):
        x = draw.input(name, "[batch, 28, 28]")
        with draw.block("encoder"):
            x = draw.add("relu", draw.add("dense", draw.add("flatten", x), units=64))
            found.append(draw.add("dense", x, units=16, path="dense_2"))
    apart = draw.add("square", draw.add("subtract", *found))
    draw.output("distance", draw.add("sum", apart, axis=-1))
    return draw.graph


def chain(length: int) -> Graph:
    """Layers without any block."""
    draw = Sketch("chain")
    x = draw.input("x", "[batch, 8]")
    for at in range(length):
        x = draw.add("relu", draw.add("dense", x, units=8, path=f"layers.{at}.dense"), path=f"layers.{at}.relu")
    draw.output("y", x)
    return draw.graph


def transformer(count: int = 12, d: int = 64) -> Graph:
    """Blocks in a repeat, with a tied output table and a mask that every block reads."""
    body = Sketch("blocks", ("blocks.*",))
    x, mask = body.input("x", f"[batch, seq, {d}]"), body.input("mask", "[seq, seq]")
    scores = body.add("matmul", body.add("layer_norm", x, path="ln_1"), body.add("transpose", x, axes=(0, 2, 1)))
    seen = body.add("softmax", body.add("add", scores, mask, path="masked"))
    y = body.add("add", x, body.add("matmul", seen, x, path="mix"))
    up = body.add("gelu", body.add("dense", body.add("layer_norm", y, path="ln_2"), units=4 * d, path="up"))
    body.output("0", body.add("add", y, body.add("dense", up, units=d, path="down"), path="add_2"))

    draw = Sketch("gpt")
    tokens = draw.input("tokens", "i32[batch, seq]")
    mask = draw.input("mask", "[seq, seq]")
    x = draw.add("embedding", tokens, vocab=1000, units=d, path="wte")
    x = draw.region(body.graph, count, draw.add("dropout", x, rate=0.1), mask)
    x = draw.add("layer_norm", x, path="ln_f")
    draw.output("logits", draw.add("matmul", x, draw.add("transpose", Ref("wte.table"))))
    return draw.graph
