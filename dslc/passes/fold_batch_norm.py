"""Moves batch normalization into the weights of the layer before it."""

from dataclasses import dataclass

from dslc.dims import Size
from dslc.graph import Graph, Node, Ref
from dslc.ops.arithmetic.add import Add
from dslc.ops.arithmetic.multiply import Multiply
from dslc.ops.arithmetic.subtract import Subtract
from dslc.ops.conv.conv import Conv
from dslc.ops.core.slope import Slope
from dslc.ops.linear.dense import Dense
from dslc.ops.norm.batch_norm import BatchNorm
from dslc.passes._edit import Edit, changed
from dslc.passes.base import Fact, Optimization, ReadElsewhere, Refused, Rewritten, Sample, optimization


@dataclass(frozen=True)
class Folded(Fact):
    """The layer gives what the normalization gave."""

    layer: str
    features: Size

    def __str__(self) -> str:
        return f"{self.layer} gives the {self.features} normalized features itself; XLA needs the same time either way"


@dataclass(frozen=True)
class NoLayer(Fact):
    """A normalization of something that no layer makes by a product with a kernel."""

    before: str

    def __str__(self) -> str:
        return f"{self.before} before it has no kernel to fold into"


@optimization
class FoldBatchNorm(Optimization):
    """Moves the running statistics, scale and bias of batch normalization into the layer before it.

    Before: `((x * W + b) - mean) * s + shift`, with `s = scale / sqrt(var + eps)`
    After: `x * (W * s) + ((b - mean) * s + shift)`
    Saves: a node and its statistics to read and to export. No time: XLA applies the normalization in the
    loop that stores what the layer gives.
    Refuses: a layer whose output something else reads; batch normalization after anything but dense and conv.
    """

    phase = "inference"
    claim = "readability"
    repeats = True
    after = ("collapse_dense",)
    samples = (
        Sample(
            """graph dense_without_bias {
                 x = input("f32", (batch, 3))
                 dense.kernel = parameter((3, 4))
                 dense = dense(4, bias = false) x; kernel = dense.kernel
                 norm.scale = parameter((4,))
                 norm.bias = parameter((4,))
                 norm.mean = state((4,))
                 norm.var = state((4,))
                 norm = batch_norm(0.9, 0.1) dense; scale = norm.scale, bias = norm.bias, mean = norm.mean, var = norm.var
                 output norm
                 update norm.mean = norm[1]
                 update norm.var = norm[2]
               }""",
            """graph dense_without_bias {
                 x = input("f32", (batch, 3))
                 dense.kernel = parameter((3, 4))
                 norm.scale = parameter((4,))
                 norm.bias = parameter((4,))
                 norm.mean = state((4,))
                 norm.var = state((4,))
                 norm.slope = slope(0.1) norm.scale, norm.var     path norm
                 norm.kernel = multiply() dense.kernel, norm.slope  path norm
                 norm.moved = multiply() norm.mean, norm.slope    path norm
                 norm.offset = subtract() norm.bias, norm.moved   path norm
                 norm = dense(4) x; kernel = norm.kernel, bias = norm.offset
                 output norm
                 update norm.mean
                 update norm.var
               }""",
        ),
        Sample(
            """graph convolution {
                 x = input("f32", (batch, 6, 6, 2))
                 conv.kernel = parameter((3, 3, 2, 4))
                 conv.bias = parameter((4,))
                 conv = conv(4, 3, stride = 2) x; kernel = conv.kernel, bias = conv.bias
                 norm.scale = parameter((4,))
                 norm.bias = parameter((4,))
                 norm.mean = state((4,))
                 norm.var = state((4,))
                 norm = batch_norm() conv; scale = norm.scale, bias = norm.bias, mean = norm.mean, var = norm.var
                 relu = relu() norm
                 output relu
                 update norm.mean = norm[1]
                 update norm.var = norm[2]
               }""",
            """graph convolution {
                 x = input("f32", (batch, 6, 6, 2))
                 conv.kernel = parameter((3, 3, 2, 4))
                 conv.bias = parameter((4,))
                 norm.scale = parameter((4,))
                 norm.bias = parameter((4,))
                 norm.mean = state((4,))
                 norm.var = state((4,))
                 norm.slope = slope(1e-05) norm.scale, norm.var    path norm
                 norm.kernel = multiply() conv.kernel, norm.slope  path norm
                 norm.centred = subtract() conv.bias, norm.mean    path norm
                 norm.moved = multiply() norm.centred, norm.slope  path norm
                 norm.offset = add() norm.moved, norm.bias         path norm
                 norm = conv(4, 3, stride = 2) x; kernel = norm.kernel, bias = norm.offset
                 relu = relu() norm
                 output relu
                 update norm.mean
                 update norm.var
               }""",
        ),
        Refused(
            """graph read_twice {
                 x = input("f32", (batch, 4))
                 dense.kernel = parameter((4, 4))
                 dense = dense(4, bias = false) x; kernel = dense.kernel
                 norm.scale = parameter((4,))
                 norm.bias = parameter((4,))
                 norm.mean = state((4,))
                 norm.var = state((4,))
                 norm = batch_norm() dense; scale = norm.scale, bias = norm.bias, mean = norm.mean, var = norm.var
                 add = add() dense, norm
                 output add
               }""",
            "`dense` is read by `add` as well",
        ),
        Refused(
            """graph after_an_activation {
                 x = input("f32", (batch, 4))
                 relu = relu() x
                 norm.scale = parameter((4,))
                 norm.bias = parameter((4,))
                 norm.mean = state((4,))
                 norm.var = state((4,))
                 norm = batch_norm() relu; scale = norm.scale, bias = norm.bias, mean = norm.mean, var = norm.var
                 output norm
               }""",
            "relu before it has no kernel",
        ),
    )
    case = """graph residual_stage {
                  x = input("f32", (8, 32, 32, 64))
                  conv.kernel = parameter((3, 3, 64, 64))
                  conv = conv(64, 3, bias = false) x; kernel = conv.kernel
                  norm.scale = parameter((64,))
                  norm.bias = parameter((64,))
                  norm.mean = state((64,))
                  norm.var = state((64,))
                  norm = batch_norm() conv; scale = norm.scale, bias = norm.bias, mean = norm.mean, var = norm.var
                  relu = relu() norm
                  output relu
                  update norm.mean = norm[1]
                  update norm.var = norm[2]
                }"""

    def run(self, graph: Graph) -> Rewritten:
        edit = Edit(graph)
        for norm in edit:
            if not isinstance(norm.op, BatchNorm) or norm.inputs[0] is None:
                continue
            layer = edit[norm.inputs[0].node]
            others = edit.others(layer, norm)
            if not isinstance(layer.op, Dense | Conv):
                edit.refuse(NoLayer(layer.op.name), layer, norm)
            elif others:
                edit.refuse(ReadElsewhere(layer.name, others), layer, norm)
            else:
                _fold(edit, layer, norm, norm.op.eps)
                edit.take(Folded(layer.op.name, norm.type.shape[-1]), layer, norm)
        return edit.done()


def _fold(edit: Edit, layer: Node, norm: Node, eps: float) -> None:
    slope = edit.put(norm, f"{norm.name}.slope", Slope(eps), norm.weights["scale"], norm.weights["var"])
    kernel = edit.put(norm, f"{norm.name}.kernel", Multiply(), layer.weights["kernel"], slope)
    weights = {"kernel": kernel, "bias": _offset(edit, layer, norm, slope)}
    for name, following in edit.updates.items():
        if following.node == norm.name and following.output:
            edit.updates[name] = Ref(name)  # running statistics stand still at inference
    edit.become(norm, changed(layer.op, bias=True), *layer.inputs, weights=weights, covers=(layer,))


def _offset(edit: Edit, layer: Node, norm: Node, slope: Ref) -> Ref:
    """The bias of the layer and the running mean as they come out of the normalization, and its own bias."""
    mean, shift = norm.weights["mean"], norm.weights["bias"]
    if "bias" not in layer.weights:
        moved = edit.put(norm, f"{norm.name}.moved", Multiply(), mean, slope)
        return edit.put(norm, f"{norm.name}.offset", Subtract(), shift, moved)
    centred = edit.put(norm, f"{norm.name}.centred", Subtract(), layer.weights["bias"], mean)
    moved = edit.put(norm, f"{norm.name}.moved", Multiply(), centred, slope)
    return edit.put(norm, f"{norm.name}.offset", Add(), moved, shift)
