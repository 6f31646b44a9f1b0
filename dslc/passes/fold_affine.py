"""Moves scales and shifts of channels into the layer beside them."""

from collections.abc import Collection
from dataclasses import dataclass

from dslc.graph import Graph, Node, Ref
from dslc.ops.arithmetic.add import Add
from dslc.ops.arithmetic.divide import Divide
from dslc.ops.arithmetic.matmul import Matmul
from dslc.ops.arithmetic.multiply import Multiply
from dslc.ops.arithmetic.negative import Negative
from dslc.ops.arithmetic.subtract import Subtract
from dslc.ops.base import Op
from dslc.ops.conv.conv import Conv
from dslc.ops.core.index import Index
from dslc.ops.linear.dense import Dense
from dslc.ops.shape.broadcast import Broadcast
from dslc.passes._chains import on_weights_alone
from dslc.passes._edit import Edit, changed
from dslc.passes.base import Fact, Optimization, ReadElsewhere, Refused, Rewritten, Sample, optimization
from dslc.types import Type

SCALES, SHIFTS = (Multiply, Divide), (Add, Subtract)


@dataclass(frozen=True)
class Folded(Fact):
    """The layer gives what the arithmetic beside it gave."""

    layer: str
    what: str

    def __str__(self) -> str:
        return f"{self.layer} has the {self.what} in its weights; XLA needs the same time either way"


@dataclass(frozen=True)
class NotOfChannels(Fact):
    """Weights that are more than a number for each channel."""

    type: Type

    def __str__(self) -> str:
        return f"{self.type} is not one number, nor one for each channel"


@dataclass(frozen=True)
class Affine:
    """Arithmetic with something that depends on weights alone."""

    op: Op
    x: Ref
    by: Ref


@optimization
class FoldAffine(Optimization):
    """Moves scales and shifts, by a number or by one for each channel, into the dense layer or convolution beside them.

    Before: `(x @ W + b) * s + t`, and `(x * s + t) @ W + b`
    After: `x @ (W * s) + (b * s + t)`, and `x @ (s * W) + (t @ W + b)`
    Saves: nodes to read and to export. No time: XLA applies them in the loop that stores what the layer gives.
    Refuses: a layer whose output something else reads; weights that differ within a channel. In front of a convolution
    nothing is folded, as its padding is neither scaled nor shifted.
    """

    phase = "inference"
    claim = "readability"
    repeats = True
    after = ("drop_identities", "fold_batch_norm", "collapse_dense", "collapse_products")
    samples = (
        Sample(
            """graph behind {
                 x = input("f32", (batch, 3))
                 dense.kernel = parameter((3, 4))
                 dense.bias = parameter((4,))
                 scale = parameter((4,))
                 dense = dense(4) x; kernel = dense.kernel, bias = dense.bias
                 y = multiply() scale, dense
                 output y
               }""",
            """graph behind {
                 x = input("f32", (batch, 3))
                 dense.kernel = parameter((3, 4))
                 dense.bias = parameter((4,))
                 scale = parameter((4,))
                 y.kernel = multiply() dense.kernel, scale  path y
                 y.bias = multiply() dense.bias, scale      path y
                 y = dense(4) x; kernel = y.kernel, bias = y.bias
                 output y
               }""",
        ),
        Sample(
            """graph convolution {
                 x = input("f32", (batch, 6, 6, 2))
                 conv.kernel = parameter((3, 3, 2, 4))
                 shift = parameter((4,))
                 conv = conv(4, 3, bias = false) x; kernel = conv.kernel
                 two = constant(2.0)
                 half = divide() conv, two
                 y = subtract() half, shift
                 output y
               }""",
            """graph convolution {
                 x = input("f32", (batch, 6, 6, 2))
                 conv.kernel = parameter((3, 3, 2, 4))
                 shift = parameter((4,))
                 two = constant(2.0)
                 half.kernel = divide() conv.kernel, two  path half
                 y.shift = negative() shift               path y
                 y = conv(4, 3) x; kernel = half.kernel, bias = y.shift
                 output y
               }""",
        ),
        Sample(
            """graph in_front {
                 x = input("f32", (batch, 3))
                 mean = state((3,))
                 scale = parameter((3,))
                 dense.kernel = parameter((3, 4))
                 dense.bias = parameter((4,))
                 centred = subtract() x, mean
                 scaled = multiply() centred, scale
                 y = dense(4) scaled; kernel = dense.kernel, bias = dense.bias
                 output y
                 update mean
               }""",
            """graph in_front {
                 x = input("f32", (batch, 3))
                 mean = state((3,))
                 scale = parameter((3,))
                 dense.kernel = parameter((3, 4))
                 dense.bias = parameter((4,))
                 y.column = index(((none, none, none), "none")) scale  path y
                 y.kernel = multiply() dense.kernel, y.column          path y
                 y.moved = matmul() mean, y.kernel                     path y
                 y.bias = subtract() dense.bias, y.moved               path y
                 y = dense(4) x; kernel = y.kernel, bias = y.bias
                 output y
                 update mean
               }""",
        ),
        Refused(
            """graph read_twice {
                 x = input("f32", (batch, 3))
                 dense.kernel = parameter((3, 4))
                 scale = parameter((4,))
                 dense = dense(4, bias = false) x; kernel = dense.kernel
                 scaled = multiply() dense, scale
                 y = add() dense, scaled
                 output y
               }""",
            "`dense` is read by `y` as well",
        ),
        Refused(
            """graph position {
                 x = input("f32", (batch, 5, 3))
                 dense.kernel = parameter((3, 4))
                 place = parameter((5, 4))
                 dense = dense(4, bias = false) x; kernel = dense.kernel
                 y = add() dense, place
                 output y
               }""",
            "[5, 4] is not one number, nor one for each channel",
        ),
    )
    case = """graph scaled_twice {
                  x = input("f32", (8, 32, 32, 64))
                  conv.kernel = parameter((3, 3, 64, 64))
                  scale = parameter((64,))
                  shift = parameter((64,))
                  conv = conv(64, 3, bias = false) x; kernel = conv.kernel
                  scaled = multiply() conv, scale
                  shifted = add() scaled, shift
                  relu = relu() shifted
                  output relu
                }"""

    def run(self, graph: Graph) -> Rewritten:
        edit = Edit(graph)
        once = on_weights_alone(graph)
        for node in edit:
            before = edit.producer(node.inputs[0]) if isinstance(node.op, Dense) else None
            front = None if before is None else _affine(before, once)
            if before is not None and front is not None:
                _try(edit, before, node, front, behind=False)
            behind = _affine(node, once)
            layer = None if behind is None else edit.producer(behind.x)
            if layer is not None and behind is not None and isinstance(layer.op, Dense | Conv):
                _try(edit, layer, node, behind, behind=True)
        return edit.done()


def _affine(node: Node, once: Collection[str]) -> Affine | None:
    """What is scaled or shifted by weights alone."""
    if not isinstance(node.op, SCALES + SHIFTS) or len(node.inputs) != 2:
        return None
    a, b = node.inputs
    assert a is not None
    assert b is not None  # arithmetic has both inputs
    if (a.node in once) == (b.node in once):
        return None
    swapped = a.node in once
    if swapped and isinstance(node.op, Divide | Subtract):
        return None
    return Affine(node.op, b if swapped else a, a if swapped else b)


def _try(edit: Edit, first: Node, second: Node, affine: Affine, *, behind: bool) -> None:
    """Make one layer of a layer and the arithmetic behind it or in front of it."""
    x, by = edit.type(affine.x), edit.type(affine.by)
    others = edit.others(first, second)
    if others:
        edit.refuse(ReadElsewhere(first.name, others), first, second)
    elif by.shape not in ((), x.shape[-1:]) or by.dtype != x.dtype or not (behind or by.rank):
        edit.refuse(NotOfChannels(by), first, second)
    else:
        layer = first if behind else second
        weights = _behind(edit, second, layer, affine) if behind else _in_front(edit, second, affine)
        inputs = layer.inputs if behind else (affine.x,)
        edit.become(second, changed(layer.op, bias="bias" in weights), *inputs, weights=weights, covers=(first,))
        edit.take(Folded(layer.op.name, "scale" if isinstance(affine.op, SCALES) else "shift"), first, second)


def _subtracts(affine: Affine) -> bool:
    return isinstance(affine.op, Subtract)


def _behind(edit: Edit, at: Node, layer: Node, affine: Affine) -> dict[str, Ref]:
    """The weights of a layer whose output is scaled or shifted."""
    kernel, bias = layer.weights["kernel"], layer.weights.get("bias")
    if isinstance(affine.op, SCALES):
        parts = {"kernel": kernel} | ({} if bias is None else {"bias": bias})
        return {role: edit.put(at, f"{at.name}.{role}", affine.op, part, affine.by) for role, part in parts.items()}
    if bias is not None:
        return {"kernel": kernel, "bias": edit.put(at, f"{at.name}.bias", affine.op, bias, affine.by)}
    shift = edit.put(at, f"{at.name}.shift", Negative(), affine.by) if _subtracts(affine) else affine.by
    if not edit.type(shift).rank:
        shift = edit.put(at, f"{at.name}.bias", Broadcast(at.type.shape[-1:]), shift)
    return {"kernel": kernel, "bias": shift}


def _in_front(edit: Edit, layer: Node, affine: Affine) -> dict[str, Ref]:
    """The weights of a dense layer whose input is scaled or shifted by one number for each feature."""
    kernel, bias = layer.weights["kernel"], layer.weights.get("bias")
    if isinstance(affine.op, SCALES):
        column = edit.put(layer, f"{layer.name}.column", Index(((None, None, None), "none")), affine.by)
        scaled = edit.put(layer, f"{layer.name}.kernel", affine.op, kernel, column)
        return {"kernel": scaled} | ({} if bias is None else {"bias": bias})
    moved = edit.put(layer, f"{layer.name}.moved", Matmul(), affine.by, kernel)
    if bias is not None:
        return {"kernel": kernel, "bias": edit.put(layer, f"{layer.name}.bias", affine.op, bias, moved)}
    shift = edit.put(layer, f"{layer.name}.shift", Negative(), moved) if _subtracts(affine) else moved
    return {"kernel": kernel, "bias": shift}
