"""Finds the GELU approximated by tanh where it is written out."""

from math import pi, sqrt

from dslc.graph import Graph
from dslc.ops.activation.gelu import CUBIC, Gelu
from dslc.ops.activation.sigmoid import Sigmoid
from dslc.ops.activation.tanh import Tanh
from dslc.passes._edit import Edit
from dslc.passes._match import Either, Hole, become, call, recognized
from dslc.passes.base import Optimization, Refused, Rewritten, Sample, optimization

x = Hole("x")
C = sqrt(2 / pi)
INNER = (C * (x + CUBIC * x**3), C * x * (1 + CUBIC * x**2), C * x + C * CUBIC * x**3)
DOUBLE = (2 * C * (x + CUBIC * x**3), 2 * C * x * (1 + CUBIC * x**2))
FORMS = (0.5 * x * (1 + call(Tanh, Either(INNER))), x * call(Sigmoid, Either(DOUBLE)))


@optimization
class RecognizeGelu(Optimization):
    """Replaces the GELU approximated by tanh, written out, by the op.

    Before: `0.5 * x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x ** 3)))`, or the same by sigmoid
    After: `gelu(x, approximate = true)`
    Saves: of what lies between nothing is kept for the gradient: memory, and in a repeat the time to write it.
    Refuses: a tensor in the middle that something else reads. Constants that differ by more than a millionth are another
    function.
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
            """graph tanh_form {
                 x = input("f32", (batch, 3))
                 half = constant(0.5)
                 a = multiply() half, x
                 three = constant(3.0)
                 cube = power() x, three
                 k = constant(0.044715)
                 bent = multiply() k, cube
                 sum = add() x, bent
                 c = constant(0.7978845608)
                 scaled = multiply() c, sum
                 tanh = tanh() scaled
                 one = constant(1.0)
                 gate = add() one, tanh
                 y = multiply() a, gate
                 output y
               }""",
            """graph tanh_form {
                 x = input("f32", (batch, 3))
                 y = gelu(approximate = true) x
                 output y
               }""",
        ),
        Sample(
            """graph factored {
                 x = input("f32", (batch, 3))
                 square = multiply() x, x
                 k = constant(0.044715)
                 bent = multiply() square, k
                 one = constant(1.0)
                 sum = add() bent, one
                 c = constant(0.79788456)
                 a = multiply() x, c
                 scaled = multiply() a, sum
                 tanh = tanh() scaled
                 gate = add() tanh, one
                 two = constant(2.0)
                 half = divide() gate, two
                 y = multiply() x, half
                 output y
               }""",
            """graph factored {
                 x = input("f32", (batch, 3))
                 y = gelu(approximate = true) x
                 output y
               }""",
        ),
        Refused(
            """graph tapped {
                 x = input("f32", (batch, 3))
                 half = constant(0.5)
                 a = multiply() half, x
                 three = constant(3.0)
                 cube = power() x, three
                 k = constant(0.044715)
                 bent = multiply() k, cube
                 sum = add() x, bent
                 c = constant(0.7978845608)
                 scaled = multiply() c, sum
                 tanh = tanh() scaled
                 one = constant(1.0)
                 gate = add() one, tanh
                 y = multiply() a, gate
                 output y
                 output gate
               }""",
            "`gate` is read by `output gate` as well",
        ),
    )
    case = """graph feed_forward {
                  x = input("f32", (2048, 128))
                  up = parameter((128, 512), stack = ((0, 8),))
                  down = parameter((512, 128), stack = ((0, 8),))
                  blocks = repeat(8, 1, 0) x; up, down with body blocks {
                    h = input("f32", (2048, 128))
                    up = parameter((128, 512))
                    down = parameter((512, 128))
                    a = matmul() h, up
                    half = constant(0.5)
                    b = multiply() half, a
                    three = constant(3.0)
                    cube = power() a, three
                    k = constant(0.044715)
                    bent = multiply() k, cube
                    sum = add() a, bent
                    c = constant(0.7978845608)
                    scaled = multiply() c, sum
                    tanh = tanh() scaled
                    one = constant(1.0)
                    gate = add() one, tanh
                    y = multiply() b, gate
                    out = matmul() y, down
                    output 0 = out
                  }
                  loss = mean() blocks
                  output loss
                }"""

    def run(self, graph: Graph) -> Rewritten:
        edit = Edit(graph)
        for node, _, found in recognized(edit, FORMS):
            become(edit, node, found, Gelu(approximate=True), found.refs["x"])
        return edit.done()
