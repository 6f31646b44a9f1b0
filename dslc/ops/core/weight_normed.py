"""A kernel by direction and length."""

from collections.abc import Mapping
from typing import Any

from dslc.initializers.core.norms_of_kernel import NormsOfKernel
from dslc.lazy import jnp, lax
from dslc.ops._wide import widened
from dslc.ops.base import Context, Cost, Op, Weight, elements, moved, op
from dslc.types import Type


@op
class WeightNormed(Op):
    """A kernel whose part for each unit (the last axis) has the length that a trained scale says.

    Shapes: `[..., units]` to the same.
    """

    remakes = True

    def infer(self, x: Type) -> Type:
        return x

    def weights(self, x: Type) -> Mapping[str, Weight]:
        return {"scale": Weight(x.shape[-1:], NormsOfKernel())}

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        values, scale = widened(x), widened(weights["scale"])
        squares = jnp.square(values).sum(tuple(range(x.ndim - 1)), keepdims=True)
        least = float(jnp.finfo(values.dtype).tiny)
        return (values * (scale.reshape(squares.shape) * lax.rsqrt(jnp.maximum(squares, least)))).astype(x.dtype)

    def cost(self, x: Type) -> Cost:
        units = elements([Type(x.shape[-1:])])
        return Cost(3 * elements([x]) + 3 * units, moved(x, x, *self.weights(x).values()))
