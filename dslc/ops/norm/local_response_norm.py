"""Normalization by neighbouring channels."""

from typing import Any

from dslc.lazy import jnp, lax
from dslc.ops._wide import widened
from dslc.ops.base import Context, Cost, Mismatch, Op, Refused, Sample, elements, moved, op
from dslc.ops.norm._axis import check
from dslc.types import Type


@op
class LocalResponseNorm(Op):
    """Each element divided by a power of what the `size` channels around it give: `x / (k + alpha * mean(x ** 2)) ** beta`.

    The mean is over `size` channels, those beyond the first and the last counting as zeros, as in PyTorch and Caffe. The
    paper of AlexNet has the sum in its place: its `alpha = 1e-4` with 5 channels is `alpha = 5e-4` here, and its k is 2.

    Shapes: `[batch, places..., channels]` to the same.
    Reference: Krizhevsky, Sutskever and Hinton, 2012, ImageNet classification with deep convolutional neural networks.
    """

    size: int = 5
    alpha: float = 1e-4
    beta: float = 0.75
    k: float = 1.0

    transparent = True
    aliases = ("LRN", "LocalResponseNormalization", "CrossMapLRN2d")
    precision = "full"
    samples = (
        Sample("local_response_norm", ("[batch, h, w, 64]",), "[batch, h, w, 64]", parameters=0),
        Sample("local_response_norm(2)", ("[batch, 3]",), "[batch, 3]"),
        Sample(
            "local_response_norm(3, alpha = 3, beta = 0.5, k = 2)",
            ("[1, 3]",),
            "[1, 3]",
            given=([[1.0, 1.0, 3.0]],),
            gives=[[0.5, 0.2773501, 0.8660254]],
            source="by hand: 1 / sqrt(4), 1 / sqrt(13) and 3 / sqrt(12)",
        ),
        Refused("local_response_norm(0)", ("[batch, 3]",), "at least 1"),
        Refused("local_response_norm(alpha = -1.0)", ("[batch, 3]",), "below zero"),
        Refused("local_response_norm(k = 0)", ("[batch, 3]",), "above zero"),
        Refused("local_response_norm", ("i32[batch, 3]",), "needs floats"),
    )

    def infer(self, x: Type) -> Type:
        check(x, 0.0, rank=2)
        if self.size < 1:
            raise Mismatch(f"`size` must be at least 1, and is {self.size}")
        if not self.k > 0:
            raise Mismatch(f"`k = {self.k}` must be above zero", "where all channels are zero it is what is divided by")
        if not self.alpha >= 0:
            raise Mismatch(
                f"`alpha = {self.alpha}` is below zero, and then what is divided by could be", "alpha = 1e-4"
            )
        return x

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        values = widened(x)
        mean = self._around(jnp.square(values)) / self.size
        return (values * (self.k + self.alpha * mean) ** -self.beta).astype(x.dtype)

    def cost(self, x: Type) -> Cost:
        return Cost((self.size - 1 + 6) * elements([x]), moved(x, x))

    def _around(self, x: Any) -> Any:
        """Sums over neighbouring channels, one more before than behind where the size is even."""
        before, channels = self.size // 2, x.shape[-1]
        rim = [(0, 0, 0)] * (x.ndim - 1) + [(before, self.size - 1 - before, 0)]
        wide = lax.pad(x, jnp.zeros((), x.dtype), rim)
        parts = [lax.slice_in_dim(wide, start, start + channels, axis=-1) for start in range(self.size)]
        return sum(parts[1:], parts[0])
