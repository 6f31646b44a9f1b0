"""Finds the sigmoid linear unit where it is written out, and its steeper form."""

from dslc.graph import Graph
from dslc.ops.activation.quick_gelu import QuickGelu
from dslc.ops.activation.sigmoid import Sigmoid
from dslc.ops.activation.silu import Silu
from dslc.passes._edit import Edit
from dslc.passes._match import Hole, become, call, recognized
from dslc.passes.base import Optimization, Refused, Rewritten, Sample, optimization

x = Hole("x")
FORMS = (x * call(Sigmoid, x), x * call(Sigmoid, 1.702 * x))
OPS = (Silu(), QuickGelu())


@optimization
class RecognizeSilu(Optimization):
    """Replaces the sigmoid linear unit, written out, by the op.

    Before: `x * sigmoid(x)`, and `x * sigmoid(1.702 * x)`
    After: `silu(x)`, and `quick_gelu(x)`
    Saves: the sigmoid is not kept for the gradient: in a repeat memory, and the time to write it.
    Refuses: a sigmoid that something else reads.
    """

    claim = "time"
    exact = False
    bound = 1e-6
    after = (
        "drop_identities",
        "share_equal_nodes",
    )
    samples = (
        Sample(
            """graph gated {
                 x = input("f32", (batch, 3))
                 y = input("f32", (batch, 3))
                 sigmoid = sigmoid() x
                 silu = multiply() sigmoid, x
                 gated = multiply() silu, y
                 output gated
               }""",
            """graph gated {
                 x = input("f32", (batch, 3))
                 y = input("f32", (batch, 3))
                 silu = silu() x
                 gated = multiply() silu, y
                 output gated
               }""",
        ),
        Sample(
            """graph steeper {
                 x = input("f32", (batch, 3))
                 c = constant(1.702)
                 scaled = multiply() x, c
                 sigmoid = sigmoid() scaled
                 y = multiply() x, sigmoid
                 output y
               }""",
            """graph steeper {
                 x = input("f32", (batch, 3))
                 y = quick_gelu() x
                 output y
               }""",
        ),
        Refused(
            """graph gate_read_twice {
                 x = input("f32", (batch, 3))
                 gate = sigmoid() x
                 y = multiply() gate, x
                 z = multiply() y, gate
                 output z
               }""",
            "`gate` is read by `z` as well",
        ),
    )
    case = """graph swiglu {
                  x = input("f32", (2048, 128))
                  gate = parameter((128, 512), stack = ((0, 8),))
                  up = parameter((128, 512), stack = ((0, 8),))
                  down = parameter((512, 128), stack = ((0, 8),))
                  blocks = repeat(8, 1, 0) x; gate, up, down with body blocks {
                    h = input("f32", (2048, 128))
                    gate = parameter((128, 512))
                    up = parameter((128, 512))
                    down = parameter((512, 128))
                    a = matmul() h, gate
                    sigmoid = sigmoid() a
                    silu = multiply() a, sigmoid
                    b = matmul() h, up
                    gated = multiply() silu, b
                    out = matmul() gated, down
                    output 0 = out
                  }
                  loss = mean() blocks
                  output loss
                }"""

    def run(self, graph: Graph) -> Rewritten:
        edit = Edit(graph)
        for node, form, found in recognized(edit, FORMS):
            become(edit, node, found, OPS[form], found.refs["x"])
        return edit.done()
