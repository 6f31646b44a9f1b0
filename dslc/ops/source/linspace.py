"""Numbers at equal distances."""

from typing import Any

from dslc.dims import Size
from dslc.lazy import jnp
from dslc.ops.base import Context, Refused, Sample, op
from dslc.ops.source.base import Source, filled
from dslc.types import Type


@op
class Linspace(Source):
    """Numbers at equal distances from `a` to `b`, both of them included.

    Shapes: nothing to `[n]`.
    """

    a: float
    b: float
    n: Size
    samples = (
        Sample("linspace(0.0, 1.0, batch)", (), "[batch]"),
        Sample("linspace(1.0, 3.0, 5)", (), "[5]", gives=[1.0, 1.5, 2.0, 2.5, 3.0], source="worked by hand"),
        Sample("linspace(1.0, 3.0, 1)", (), "[1]", gives=[1.0], source="worked by hand"),
        Refused("linspace(0.0, 1.0, 0)", (), "at least 1"),
    )

    def infer(self) -> Type:
        return filled((self.n,))

    def apply(self, weights: Any, *, ctx: Context) -> Any:
        count: Any = self.n
        return jnp.linspace(self.a, self.b, count, dtype=jnp.float32)
