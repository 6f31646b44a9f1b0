"""Logarithm of the hyperbolic cosine."""

from typing import Any

from dslc.lazy import jnp, np
from dslc.ops.base import Refused, Sample
from dslc.ops.loss.base import Elementwise, Reduce, loss


@loss
class LogCosh(Elementwise):
    """Logarithm of the hyperbolic cosine of the difference: half its square near 0, straight far away, smooth between.

    Shapes: `[...]` and a target that broadcasts to it (and a weight, likewise) to `[]`.
    Reference: Green, 1990, Bayesian reconstructions from emission tomography data.
    """

    reduce: Reduce = "mean"

    aliases = ("LogCosh", "log_cosh_error")
    flops = 7
    samples = (
        Sample(
            "log_cosh",
            ("[2, 2]", "[2, 2]"),
            "[]",
            given=([[1.0, 1.0], [0.0, 0.0]], [[0.0, 1.0], [0.0, 0.0]]),
            gives=0.10844520762075173,
            source="by hand: log(cosh(1)) / 4",
        ),
        Sample('log_cosh("sum")', ("[batch]", "[]", "[batch]"), "[]"),
        Refused("log_cosh", ("i32[batch]", "[batch]"), "needs floats"),
    )

    def losses(self, x: Any, target: Any) -> Any:
        distance = jnp.abs(x - target)
        # Of the two exponentials of the cosine only the larger one could overflow, and it is taken out.
        return distance + jnp.log1p(jnp.exp(-2 * distance)) - np.log(2).astype(x.dtype)

    def slopes(self, x: Any, target: Any) -> tuple[Any, Any]:
        slope = jnp.tanh(x - target)
        return slope, -slope
