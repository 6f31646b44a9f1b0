"""Likelihood of counts."""

from typing import Any

from dslc.lazy import jnp
from dslc.ops.base import Refused, Sample
from dslc.ops.loss.base import Elementwise, Reduce, loss


@loss
class Poisson(Elementwise):
    """Negative log-likelihood of counts, from the logarithm of their expected number: `exp(x) - t * x`.

    The part `log(t!)`, which no prediction changes, is left out, as in PyTorch.

    Shapes: `[...]` and a target that broadcasts to it (and a weight, likewise) to `[]`.
    Reference: Nelder and Wedderburn, 1972, Generalized linear models.
    """

    reduce: Reduce = "mean"

    aliases = ("PoissonNLLLoss", "poisson_nll_loss")
    flops = 3
    samples = (
        Sample(
            "poisson",
            ("[2]", "[2]"),
            "[]",
            given=([0.0, 1.0], [3.0, 2.0]),
            gives=0.8591409142295225,
            source="by hand: (1 + e - 2) / 2",
        ),
        Sample("poisson", ("[batch, 3]", "i32[batch, 3]"), "[]"),
        Refused("poisson", ("[batch]", "[batch, 1]"), "`target` is [batch, 1] where [batch] is needed"),
    )

    def losses(self, x: Any, target: Any) -> Any:
        return jnp.exp(x) - target * x

    def slopes(self, x: Any, target: Any) -> tuple[Any, Any]:
        return jnp.exp(x) - target, -x
