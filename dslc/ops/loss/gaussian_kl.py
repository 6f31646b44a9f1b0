"""Divergence of a Gaussian from the standard one."""

from typing import Any

from dslc.lazy import jnp
from dslc.ops._wide import widened
from dslc.ops.base import Context, Cost, Refused, Sample, elements, floating, moved
from dslc.ops.loss._rows import must_equal, rows_of
from dslc.ops.loss.base import Loss, Reduce, heeded, loss, reduced, reduced_type, reduction_flops
from dslc.types import Type


@loss
class GaussianKl(Loss):
    """Divergence of Gaussians from the standard one: `(mean ** 2 + exp(log_var) - 1 - log_var) / 2`, added up along rows.

    The penalty of a variational autoencoder, from the mean and the logarithm of the variance of its code. What is
    averaged are rows: a code of twice the width has twice the divergence.

    Shapes: `[..., n]` and `[..., n]` (and a weight that broadcasts to `[...]`) to `[]`.
    Reference: Kingma and Welling, 2013, arXiv:1312.6114 (appendix B).
    """

    reduce: Reduce = "mean"

    aliases = ("vae_kl", "kl_normal", "KLDLoss")
    samples = (
        Sample(
            "gaussian_kl",
            ("[2, 2]", "[2, 2]"),
            "[]",
            given=([[0.0, 0.0], [2.0, 1.0]], [[0.0, 0.0], [0.0, 1.0]]),
            gives=1.4295704571147612,
            source="by hand: (0 + 4 / 2 + (1 + e - 1 - 1) / 2) / 2",
        ),
        Sample('gaussian_kl("sum")', ("[batch, 20]", "[batch, 20]"), "[]"),
        Sample("gaussian_kl", ("[batch, 5, 3]", "[batch, 5, 3]", "[batch, 1]"), "[]"),
        Refused("gaussian_kl", ("[batch, 20]", "[batch, 10]"), "`log_var` is [batch, 10]"),
    )

    def infer(self, mean: Type, log_var: Type, weight: Type | None = None) -> Type:
        floating(mean)
        rows = rows_of(mean, "mean")
        must_equal(mean, log_var, "log_var", 1)
        return reduced_type(rows, self.reduce, weight)

    def apply(self, weights: Any, mean: Any, log_var: Any, weight: Any = None, *, ctx: Context) -> Any:
        mean, log_var = heeded(weight, mean.shape[:-1], widened(mean), widened(log_var))
        # expm1 and the subtraction after it keep the digits near the standard Gaussian, where both are small.
        return reduced(0.5 * jnp.sum(mean * mean + (jnp.expm1(log_var) - log_var), axis=-1), weight, self.reduce)

    def cost(self, mean: Type, log_var: Type, weight: Type | None = None) -> Cost:
        out = self.infer(mean, log_var, weight)
        flops = 5 * elements([mean]) + (1 + reduction_flops(self.reduce, weight)) * elements([rows_of(mean)])
        return Cost(flops, moved(mean, log_var, weight, out))
