"""Finds normalization by the root mean square where it is written out."""

from dslc.graph import Graph
from dslc.ops.norm.rms_norm import RmsNorm
from dslc.passes._match import Hole, Number, mean_of_rows, root
from dslc.passes._rows import norms
from dslc.passes.base import Optimization, Refused, Rewritten, Sample, optimization

x, scale = Hole("x"), Hole("scale")
NORMAL = x / root(mean_of_rows(x**2) + Number("eps"))
FORMS = (NORMAL * scale, NORMAL)


@optimization
class RecognizeRmsNorm(Optimization):
    """Replaces normalization by the root mean square, written out, by the op: its scale keeps its name.

    Before: `x / sqrt(mean(x ** 2) + eps) * scale`, along the last axis
    After: `rms_norm(x)`
    Saves: of what lies between, only the root of each row is kept for the gradient, which is one rule; the sum is taken in 32
    bits or more.
    Refuses: a tensor in the middle that something else reads. A scale that is not one number for each feature stays outside.
    """

    claim = "time"
    exact = False
    bound = 1e-7  # `eps` is rounded to 32 bits where it is a number in the program
    after = ("drop_identities", "share_equal_nodes", "recognize_layer_norm")
    samples = (
        Sample(
            """graph written_out {
                 x = input("f32", (batch, 8))
                 scale = parameter((8,))
                 square = square() x
                 mean = mean(-1, true) square
                 eps = constant(1e-06)
                 safe = add() eps, mean
                 rms = sqrt() safe
                 normal = divide() x, rms
                 y = multiply() scale, normal
                 output y
               }""",
            """graph written_out {
                 x = input("f32", (batch, 8))
                 scale = parameter((8,))
                 y = rms_norm() x; scale = scale
                 output y
               }""",
        ),
        Sample(
            """graph scale_around_one {
                 x = input("f32", (batch, 8))
                 gamma = parameter((8,))
                 square = multiply() x, x
                 mean = mean(-1, true) square
                 eps = constant(0.001)
                 safe = add() mean, eps
                 power = constant(-0.5)
                 rrms = power() safe, power
                 normal = multiply() x, rrms
                 one = constant(1.0)
                 scale = add() gamma, one
                 y = multiply() normal, scale
                 output y
               }""",
            """graph scale_around_one {
                 x = input("f32", (batch, 8))
                 gamma = parameter((8,))
                 one = constant(1.0)
                 scale = add() gamma, one
                 y = rms_norm(0.001) x; scale = scale
                 output y
               }""",
        ),
        Refused(
            """graph square_is_penalized {
                 x = input("f32", (batch, 8))
                 square = square() x
                 mean = mean(-1, true) square
                 rms = sqrt() mean
                 y = divide() x, rms
                 penalty = mean() square
                 output y
                 output penalty
               }""",
            "`square` is read by `penalty` as well",
        ),
    )
    case = """graph written_out {
                  x = input("f32", (2048, 256))
                  scale = parameter((256,), stack = ((0, 8),))
                  blocks = repeat(8, 1, 0) x; scale with body blocks {
                    h = input("f32", (2048, 256))
                    scale = parameter((256,))
                    square = multiply() h, h
                    mean = mean(-1, true) square
                    eps = constant(1e-06)
                    safe = add() mean, eps
                    rms = sqrt() safe
                    normal = divide() h, rms
                    y = multiply() normal, scale
                    exp = exp() y
                    output 0 = exp
                  }
                  loss = mean() blocks
                  output loss
                }"""

    def run(self, graph: Graph) -> Rewritten:
        return norms(graph, FORMS, lambda _, eps: RmsNorm(eps))
