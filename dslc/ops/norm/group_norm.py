"""Group normalization."""

from typing import Any

from dslc.dims import NotDivisible, exact_div
from dslc.initializers.ones import Ones
from dslc.initializers.zeros import Zeros
from dslc.ops._wide import wide
from dslc.ops.base import Context, Cost, Mismatch, Op, Refused, Sample, Weight, elements, moved, op
from dslc.ops.norm._axis import check
from dslc.ops.norm._groups import Groups
from dslc.types import Type


@op
class GroupNorm(Op):
    """Each group of channels of an example to mean 0 and variance 1 over all places, then each channel scaled and shifted.

    Channels that stand side by side are a group; training and inference are alike.

    Shapes: `[batch, places..., channels]` to the same.
    Reference: Wu and He, 2018, arXiv:1803.08494.
    """

    groups: int = 32
    eps: float = 1e-5

    transparent = True
    keeps = ("x", "scale")
    saves = ("mean", "rstd")
    aliases = ("GroupNormalization",)
    samples = (
        Sample(
            "group_norm(2, eps = 0)",
            ("[batch, 2, 4]",),
            "[batch, 2, 4]",
            parameters=8,
            given=([[[1.0, 1.0, 0.0, 4.0], [3.0, 3.0, 8.0, 4.0]]],),
            weights={"scale": [1.0, 2.0, 1.0, 1.0], "bias": [0.0, 0.0, 0.0, 1.0]},
            gives=[[[-1.0, -2.0, -(2.0**0.5), 1.0], [1.0, 2.0, 2.0**0.5, 1.0]]],
            source="by hand: means 2 and 4, variances 1 and 8",
        ),
        Sample("group_norm", ("[batch, h, w, 64]",), "[batch, h, w, 64]", parameters=128),
        Sample("group_norm(3)", ("[batch, 6]",), "[batch, 6]", parameters=12),
        Refused("group_norm", ("[batch, 48]",), "does not divide by 32 groups"),
        Refused("group_norm(0)", ("[batch, 48]",), "at least 1"),
        Refused("group_norm(1)", ("i32[batch, 3]",), "needs floats"),
    )

    def infer(self, x: Type) -> Type:
        check(x, self.eps, rank=2)
        if self.groups < 1:
            raise Mismatch(f"`groups` must be at least 1, and is {self.groups}")
        try:
            exact_div(x.shape[-1], self.groups)
        except NotDivisible:
            reason = f"the number of channels is {x.shape[-1]}, which does not divide by {self.groups} groups"
            raise Mismatch(reason, "change `groups`", 0) from None
        return x

    def weights(self, x: Type) -> dict[str, Weight]:
        return {"scale": Weight(x.shape[-1:], Ones()), "bias": Weight(x.shape[-1:], Zeros())}

    def saved(self, x: Type) -> dict[str, Type]:
        kind = Type((x.shape[0], 1, self.groups, 1), wide(x.dtype))
        return {"mean": kind, "rstd": kind}

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        return self.apply_saving(weights, x, ctx=ctx)[0]

    def apply_saving(self, weights: Any, x: Any, *, ctx: Context) -> tuple[Any, dict[str, Any]]:
        return Groups(self.groups, self.eps).forward(x, weights["scale"], weights["bias"])

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> dict[str, Any]:
        return Groups(self.groups, self.eps).backward(kept, gradient)

    def cost(self, x: Type) -> Cost:
        # Mean 1, centring 1, variance 2, scaling by rstd 1, scale 1, bias 1; a root for each group of an example.
        flops = 7 * elements([x]) + 4 * elements([Type((x.shape[0], self.groups))])
        return Cost(flops, moved(x, x, *self.weights(x).values()))
