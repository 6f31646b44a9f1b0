"""Instance normalization."""

from typing import Any

from dslc.initializers.ones import Ones
from dslc.initializers.zeros import Zeros
from dslc.ops._wide import wide
from dslc.ops.base import Context, Cost, Op, Refused, Sample, Weight, elements, moved, op
from dslc.ops.norm._axis import check
from dslc.ops.norm._groups import Groups
from dslc.types import Type


@op
class InstanceNorm(Op):
    """Each channel of an example to mean 0 and variance 1 over all places, then (`affine`) scaled and shifted.

    Training and inference are alike.

    Shapes: `[batch, places..., channels]` to the same.
    Reference: Ulyanov, Vedaldi and Lempitsky, 2016, arXiv:1607.08022.
    """

    eps: float = 1e-5
    affine: bool = True

    transparent = True
    keeps = ("x", "scale")
    saves = ("mean", "rstd")
    aliases = ("InstanceNorm1d", "InstanceNorm2d", "InstanceNormalization")
    samples = (
        Sample(
            "instance_norm(eps = 0)",
            ("[batch, 2, 2]",),
            "[batch, 2, 2]",
            parameters=4,
            given=([[[1.0, 0.0], [3.0, 8.0]]],),
            weights={"scale": [1.0, 2.0], "bias": [0.0, 1.0]},
            gives=[[[-1.0, -1.0], [1.0, 3.0]]],
            source="by hand: means 2 and 4, deviations 1 and 4",
        ),
        Sample("instance_norm(affine = false)", ("[batch, h, w, 5]",), "[batch, h, w, 5]", parameters=0),
        Refused("instance_norm", ("[batch, 48]",), "at least 3 axes"),
        Refused("instance_norm", ("i32[batch, 4, 3]",), "needs floats"),
    )

    def infer(self, x: Type) -> Type:
        check(x, self.eps, rank=3)
        return x

    def weights(self, x: Type) -> dict[str, Weight]:
        if not self.affine:
            return {}
        return {"scale": Weight(x.shape[-1:], Ones()), "bias": Weight(x.shape[-1:], Zeros())}

    def saved(self, x: Type) -> dict[str, Type]:
        kind = Type((x.shape[0], 1, x.shape[-1], 1), wide(x.dtype))
        return {"mean": kind, "rstd": kind}

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        return self.apply_saving(weights, x, ctx=ctx)[0]

    def apply_saving(self, weights: Any, x: Any, *, ctx: Context) -> tuple[Any, dict[str, Any]]:
        return Groups(x.shape[-1], self.eps).forward(x, weights.get("scale"), weights.get("bias"))

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> dict[str, Any]:
        return Groups(kept["x"].shape[-1], self.eps).backward(kept, gradient)

    def cost(self, x: Type) -> Cost:
        # Mean 1, centring 1, variance 2, scaling by rstd 1, scale 1, bias 1; a root for each channel of an example.
        flops = (5 + 2 * self.affine) * elements([x]) + 4 * elements([Type((x.shape[0], x.shape[-1]))])
        return Cost(flops, moved(x, x, *self.weights(x).values()))
