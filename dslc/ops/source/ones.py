"""A tensor of ones."""

from typing import Any

from dslc.dims import Size
from dslc.lazy import jnp
from dslc.ops.base import Context, Refused, Sample, op
from dslc.ops.source.base import Source, filled
from dslc.types import Type


@op
class Ones(Source):
    """Tensor of ones.

    Shapes: nothing to `[shape]`.
    """

    shape: tuple[Size, ...]
    samples = (
        Sample("ones([batch, 3])", (), "[batch, 3]"),
        Sample("ones([2])", (), "[2]", gives=[1.0, 1.0], source="worked by hand"),
        Refused("ones([0])", (), "at least 1"),
    )

    def infer(self) -> Type:
        return filled(self.shape)

    def apply(self, weights: Any, *, ctx: Context) -> Any:
        return jnp.ones(self.shape, jnp.float32)
