"""A kernel of bounded gain."""

from collections.abc import Mapping
from typing import Any

from dslc.initializers.normal import Normal
from dslc.lazy import jnp, lax
from dslc.ops._wide import widened
from dslc.ops.base import Context, Cost, Op, Weight, elements, moved, op
from dslc.types import Type


@op
class SpectralNormed(Op):
    """A kernel, as a matrix `[inputs, units]`, divided by its largest singular value.

    The value is estimated by power iteration: one step more in each training step, from the vector that the last one left.

    Shapes: `[..., units]` to the same.
    """

    remakes = True

    def infer(self, x: Type) -> Type:
        return x

    def state(self, x: Type) -> Mapping[str, Weight]:
        return {"u": Weight(x.shape[-1:], Normal(std=1.0))}

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        matrix = widened(x).reshape(-1, x.shape[-1])
        fixed, u = lax.stop_gradient(matrix), widened(weights["u"]).astype(matrix.dtype)
        # The gain divides the kernel, so a GPU must not multiply in 10 bits here; it is little work beside the layer.
        v = _unit(_product(fixed, u))
        turned = _unit(_product(v, fixed)) if ctx.training else u
        # A kernel of zeros turns no vector and has no gain: both stay as they are.
        following = jnp.where(jnp.any(turned != 0), turned, u)
        # The vectors count as constants, as in the paper: the gradient is that of `v @ kernel @ u`.
        u = lax.stop_gradient(_unit(following))
        sigma = _product(_product(lax.stop_gradient(_unit(_product(fixed, u))), matrix), u)
        sigma = jnp.where(sigma > 0, sigma, 1)
        return (x / sigma.astype(x.dtype)), {"u": following.astype(weights["u"].dtype)}

    def cost(self, x: Type) -> Cost:
        return Cost(7 * elements([x]), moved(x, x, *self.state(x).values()))


def _product(a: Any, b: Any) -> Any:
    return jnp.matmul(a, b, precision="highest")


def _unit(vector: Any) -> Any:
    least = float(jnp.finfo(vector.dtype).tiny)
    return vector * lax.rsqrt(jnp.maximum(jnp.square(vector).sum(), least))
