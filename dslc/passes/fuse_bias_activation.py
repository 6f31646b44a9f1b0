"""Shows a layer and the activation after it as one node."""

from dataclasses import dataclass

from dslc.graph import Graph, Node
from dslc.ops.conv.conv import Conv
from dslc.ops.core.fused import Fused
from dslc.ops.linear.dense import Dense
from dslc.passes._edit import Edit, draws
from dslc.passes.base import Fact, Optimization, ReadElsewhere, Refused, Rewritten, Sample, optimization

LAYERS = (Dense, Conv)


@dataclass(frozen=True)
class OneNode(Fact):
    """The layer and its activation are one node."""

    layer: str
    activation: str

    def __str__(self) -> str:
        return (
            f"{self.layer} and {self.activation} are one node to read and export; XLA makes one loop of them either way"
        )


@optimization
class FuseBiasActivation(Optimization):
    """Shows a dense layer or convolution, its bias and the activation after it as one node.

    Before: `y = x @ W + b`, `z = act(y)`
    After: `z = act(x @ W + b)`
    Saves: a node to read and to export. No time: XLA already applies bias and activation in one loop.
    Refuses: a layer whose output something else reads.
    """

    phase = "export"
    claim = "readability"
    after = ("collapse_dense", "fold_batch_norm")
    samples = (
        Sample(
            """graph layer {
                 x = input("f32", (batch, 3))
                 dense.kernel = parameter((3, 4))
                 dense.bias = parameter((4,))
                 dense = dense(4) x; kernel = dense.kernel, bias = dense.bias
                 leaky_relu = leaky_relu(0.2) dense
                 output leaky_relu
               }""",
            """graph layer {
                 x = input("f32", (batch, 3))
                 dense.kernel = parameter((3, 4))
                 dense.bias = parameter((4,))
                 leaky_relu = fused(dense(4), leaky_relu(0.2)) x; kernel = dense.kernel, bias = dense.bias
                 output leaky_relu
               }""",
        ),
        Refused(
            """graph tapped {
                 x = input("f32", (batch, 3))
                 dense.kernel = parameter((3, 4))
                 dense = dense(4, bias = false) x; kernel = dense.kernel
                 relu = relu() dense
                 add = add() dense, relu
                 output add
               }""",
            "`dense` is read by `add` as well",
        ),
    )
    case = """graph layer {
                  x = input("f32", (256, 1024))
                  dense.kernel = parameter((1024, 1024))
                  dense.bias = parameter((1024,))
                  dense = dense(1024) x; kernel = dense.kernel, bias = dense.bias
                  gelu = gelu() dense
                  output gelu
                }"""

    def run(self, graph: Graph) -> Rewritten:
        edit = Edit(graph)
        for act in edit:
            layer = edit.producer(act.inputs[0]) if _is_activation(act) else None
            if layer is None or not isinstance(layer.op, LAYERS):
                continue
            others = edit.others(layer, act)
            if others:
                edit.refuse(ReadElsewhere(layer.name, others), layer, act)
                continue
            edit.become(act, Fused(layer.op, act.op), *layer.inputs, weights=layer.weights, covers=(layer,))
            edit.take(OneNode(layer.op.name, act.op.name), layer, act)
        return edit.done()


def _is_activation(node: Node) -> bool:
    """An elementwise activation with nothing to train or draw."""
    op = node.op
    return op.family == "activation" and op.elementwise and len(node.inputs) == 1 and not node.weights and not draws(op)
