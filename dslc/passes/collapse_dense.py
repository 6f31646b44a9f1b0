"""Makes one dense layer of two with nothing between them."""

from dataclasses import dataclass

from dslc.graph import Graph, Node, Ref
from dslc.ops.arithmetic.add import Add
from dslc.ops.arithmetic.matmul import Matmul
from dslc.ops.linear.dense import Dense
from dslc.passes._edit import Edit, changed
from dslc.passes.base import Fact, Optimization, ReadElsewhere, Refused, Rewritten, Sample, optimization


@dataclass(frozen=True)
class Cheaper(Fact):
    """Floating point operations for each row, as two layers and as one."""

    apart: int
    joined: int

    def __str__(self) -> str:
        return f"{self.joined:,} instead of {self.apart:,} FLOPs a row"


@dataclass(frozen=True)
class Bottleneck(Fact):
    """Two layers that cost less than the one that they amount to."""

    middle: int
    apart: int
    joined: int

    def __str__(self) -> str:
        return (
            f"the {self.middle} units between the layers are a bottleneck: "
            f"{self.apart:,} FLOPs a row, and {self.joined:,} as one layer"
        )


@optimization
class CollapseDense(Optimization):
    """Makes one dense layer of two that have nothing between them, where that takes fewer operations.

    Before: `(x @ A + a) @ B + b`
    After: `x @ (A @ B) + (a @ B + b)`
    Saves: `2 * (in * mid + mid * out - in * out)` FLOPs a row. `A @ B` depends on weights alone: `prepare` computes it
    once, not with each call.
    Refuses: a bottleneck, where two layers are the cheaper form; a first layer that something else reads.
    """

    phase = "inference"
    claim = "time"
    repeats = True
    samples = (
        Sample(
            """graph wide_middle {
                 x = input("f32", (batch, 3))
                 a.kernel = parameter((3, 16))
                 a.bias = parameter((16,))
                 a = dense(16) x; kernel = a.kernel, bias = a.bias
                 b.kernel = parameter((16, 2))
                 b.bias = parameter((2,))
                 b = dense(2) a; kernel = b.kernel, bias = b.bias
                 output b
               }""",
            """graph wide_middle {
                 x = input("f32", (batch, 3))
                 a.kernel = parameter((3, 16))
                 a.bias = parameter((16,))
                 b.kernel = parameter((16, 2))
                 b.bias = parameter((2,))
                 b.product = matmul() a.kernel, b.kernel  path b
                 b.moved = matmul() a.bias, b.kernel      path b
                 b.offset = add() b.moved, b.bias         path b
                 b = dense(2) x; kernel = b.product, bias = b.offset
                 output b
               }""",
        ),
        Sample(
            """graph bias_in_front {
                 x = input("f32", (batch, 3))
                 a.kernel = parameter((3, 3))
                 a.bias = parameter((3,))
                 a = dense(3) x; kernel = a.kernel, bias = a.bias
                 b.kernel = parameter((3, 3))
                 b = dense(3, bias = false) a; kernel = b.kernel
                 output b
               }""",
            """graph bias_in_front {
                 x = input("f32", (batch, 3))
                 a.kernel = parameter((3, 3))
                 a.bias = parameter((3,))
                 b.kernel = parameter((3, 3))
                 b.product = matmul() a.kernel, b.kernel  path b
                 b.moved = matmul() a.bias, b.kernel      path b
                 b = dense(3, bias = true) x; kernel = b.product, bias = b.moved
                 output b
               }""",
        ),
        Refused(
            """graph bottleneck {
                 x = input("f32", (batch, 64))
                 a.kernel = parameter((64, 4))
                 a = dense(4, bias = false) x; kernel = a.kernel
                 b.kernel = parameter((4, 64))
                 b = dense(64, bias = false) a; kernel = b.kernel
                 output b
               }""",
            "1,024 FLOPs a row, and 8,192 as one layer",
        ),
        Refused(
            """graph tapped {
                 x = input("f32", (batch, 3))
                 a.kernel = parameter((3, 16))
                 a = dense(16, bias = false) x; kernel = a.kernel
                 b.kernel = parameter((16, 2))
                 b = dense(2, bias = false) a; kernel = b.kernel
                 output b
                 output code = a
               }""",
            "`a` is read by `output code` as well",
        ),
    )
    case = """graph wide_middle {
                  x = input("f32", (128, 784))
                  a.kernel = parameter((784, 1024))
                  a.bias = parameter((1024,))
                  a = dense(1024) x; kernel = a.kernel, bias = a.bias
                  b.kernel = parameter((1024, 256))
                  b.bias = parameter((256,))
                  b = dense(256) a; kernel = b.kernel, bias = b.bias
                  output b
                }"""

    def run(self, graph: Graph) -> Rewritten:
        edit = Edit(graph)
        for second in edit:
            first = edit.producer(second.inputs[0]) if isinstance(second.op, Dense) else None
            if first is None or not isinstance(first.op, Dense):
                continue
            fact = _judge(edit, first, second)
            if isinstance(fact, Cheaper):
                _collapse(edit, first, second)
                edit.take(fact, first, second)
            else:
                edit.refuse(fact, first, second)
        return edit.done()


def _judge(edit: Edit, first: Node, second: Node) -> Fact:
    others = edit.others(first, second)
    if others:
        return ReadElsewhere(first.name, others)
    sizes = (*edit.type(first.weights["kernel"]).shape, *edit.type(second.weights["kernel"]).shape[1:])
    before, middle, after = (int(size) for size in sizes)  # pyright: ignore[reportArgumentType]  # weights are of known size
    apart, joined = 2 * (before * middle + middle * after), 2 * before * after
    return Cheaper(apart, joined) if joined < apart else Bottleneck(middle, apart, joined)


def _collapse(edit: Edit, first: Node, second: Node) -> None:
    kernel = second.weights["kernel"]
    weights = {"kernel": edit.put(second, f"{second.name}.product", Matmul(), first.weights["kernel"], kernel)}
    bias = _bias(edit, first, second)
    if bias is not None:
        weights["bias"] = bias
    edit.become(second, changed(second.op, bias=bias is not None), *first.inputs, weights=weights, covers=(first,))


def _bias(edit: Edit, first: Node, second: Node) -> Ref | None:
    """The bias of the first layer as it comes out of the second, and that of the second."""
    if "bias" not in first.weights:
        return second.weights.get("bias")
    moved = edit.put(second, f"{second.name}.moved", Matmul(), first.weights["bias"], second.weights["kernel"])
    if "bias" not in second.weights:
        return moved
    return edit.put(second, f"{second.name}.offset", Add(), moved, second.weights["bias"])
