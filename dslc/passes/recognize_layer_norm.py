"""Finds layer normalization where it is written out."""

from dslc.graph import Graph
from dslc.ops.norm.layer_norm import LayerNorm
from dslc.ops.reduce.var import Var
from dslc.passes._match import Either, Hole, Number, along_rows, mean_of_rows, root
from dslc.passes._rows import norms
from dslc.passes.base import Optimization, Refused, Rewritten, Sample, optimization

x, scale, bias = Hole("x"), Hole("scale"), Hole("bias")
mean = mean_of_rows(x)
var = Either((along_rows(Var, x), mean_of_rows((x - mean) ** 2), mean_of_rows(x**2) - mean**2))
NORMAL = (x - mean) / root(var + Number("eps"))
FORMS = (NORMAL * scale + bias, NORMAL * scale, NORMAL)


@optimization
class RecognizeLayerNorm(Optimization):
    """Replaces layer normalization, written out, by the op: its weights keep their names.

    Before: `(x - mean(x)) / sqrt(var(x) + eps) * scale + bias`, along the last axis
    After: `layer_norm(x)`
    Saves: of what lies between, only mean and root of each row are kept for the gradient, which is one rule; sums are taken
    in 32 bits or more.
    Refuses: a tensor in the middle that something else reads. A scale or shift that is not one number for each feature stays
    outside.
    """

    claim = "time"
    exact = False
    bound = 1e-7  # `eps` is rounded to 32 bits where it is a number in the program
    after = (
        "drop_identities",
        "share_equal_nodes",
    )
    samples = (
        Sample(
            """graph written_out {
                 x = input("f32", (batch, 8))
                 scale = parameter((8,))
                 shift = parameter((8,))
                 mean = mean(-1, true) x
                 var = var(-1, true) x
                 centred = subtract() x, mean
                 eps = constant(1e-05)
                 safe = add() var, eps
                 std = sqrt() safe
                 normal = divide() centred, std
                 scaled = multiply() normal, scale
                 y = add() scaled, shift
                 output y
               }""",
            """graph written_out {
                 x = input("f32", (batch, 8))
                 scale = parameter((8,))
                 shift = parameter((8,))
                 y = layer_norm() x; scale = scale, bias = shift
                 output y
               }""",
        ),
        Sample(
            """graph modulated {
                 x = input("f32", (batch, 5, 8))
                 by = input("f32", (batch, 1, 8))
                 sum = sum(-1) x
                 share = constant(8.0)
                 mean = divide() sum, share
                 wide = index(("...", "none")) mean
                 centred = subtract() x, wide
                 square = square() centred
                 var = mean(-1, true) square
                 power = constant(-0.5)
                 rstd = power() var, power
                 normal = multiply() centred, rstd
                 y = multiply() normal, by
                 output y
               }""",
            """graph modulated {
                 x = input("f32", (batch, 5, 8))
                 by = input("f32", (batch, 1, 8))
                 normal.scale = ones((8,))  path normal
                 normal = layer_norm(0.0, bias = false) x; scale = normal.scale
                 y = multiply() normal, by
                 output y
               }""",
        ),
        Refused(
            """graph deviation_is_an_output {
                 x = input("f32", (batch, 8))
                 mean = mean(-1, true) x
                 var = var(-1, true) x
                 centred = subtract() x, mean
                 eps = constant(1e-05)
                 safe = add() var, eps
                 std = sqrt() safe
                 y = divide() centred, std
                 output y
                 output std
               }""",
            "`std` is read by `output std` as well",
        ),
    )
    case = """graph written_out {
                  x = input("f32", (2048, 256))
                  scale = parameter((256,), stack = ((0, 8),))
                  shift = parameter((256,), stack = ((0, 8),))
                  blocks = repeat(8, 1, 0) x; scale, shift with body blocks {
                    h = input("f32", (2048, 256))
                    scale = parameter((256,))
                    shift = parameter((256,))
                    mean = mean(-1, true) h
                    centred = subtract() h, mean
                    square = square() centred
                    var = mean(-1, true) square
                    eps = constant(1e-05)
                    safe = add() var, eps
                    std = sqrt() safe
                    normal = divide() centred, std
                    scaled = multiply() normal, scale
                    y = add() scaled, shift
                    exp = exp() y
                    output 0 = exp
                  }
                  loss = mean() blocks
                  output loss
                }"""

    def run(self, graph: Graph) -> Rewritten:
        return norms(graph, FORMS, lambda found, eps: LayerNorm(eps, "bias" in found.refs))
