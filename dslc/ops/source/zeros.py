"""A tensor of zeros."""

from typing import Any

from dslc.dims import Size
from dslc.lazy import jnp
from dslc.ops.base import Context, Refused, Sample, op
from dslc.ops.source.base import Source, filled
from dslc.types import Type


@op
class Zeros(Source):
    """Tensor of zeros.

    Shapes: nothing to `[shape]`.
    """

    shape: tuple[Size, ...]
    samples = (
        Sample("zeros([batch, 3])", (), "[batch, 3]"),
        Sample("zeros([2])", (), "[2]", gives=[0.0, 0.0], source="worked by hand"),
        Refused("zeros([0])", (), "at least 1"),
    )

    def infer(self) -> Type:
        return filled(self.shape)

    def apply(self, weights: Any, *, ctx: Context) -> Any:
        return jnp.zeros(self.shape, jnp.float32)
