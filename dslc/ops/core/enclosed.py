"""A graph as one node."""

from collections.abc import Callable, Mapping
from typing import Any

from dslc.graph import Graph
from dslc.lazy import jax, jnp, lax, np
from dslc.ops._platform import by_platform
from dslc.ops.base import Context, Cost, Mismatch, Weight, op
from dslc.ops.core._region import Region
from dslc.types import Type


@op
class Enclosed(Region):
    """Runs a graph once; for the backward pass it keeps what goes in, and nothing of what happens inside.

    Its parameters and states have the names of those of the graph around.

    Shapes: inputs of the body to its outputs.
    Reference: Chen, Xu, Zhang and Guestrin, 2016, arXiv:1604.06174 (computing again what was not kept).
    """

    body: Graph
    again: bool = False
    """What comes in is hidden from XLA, which would otherwise find the forward pass in it and keep that."""

    def infer(self, *xs: Type) -> tuple[Type, ...]:
        if len(xs) != len(self.given):
            raise Mismatch(f"the body has {len(self.given)} inputs, and gets {len(xs)}")
        return tuple(self.body.type(ref) for ref in self.body.outputs.values())

    def weights(self, *xs: Type) -> Mapping[str, Weight]:
        names = [node.name for kind in ("parameter", "state") for node in self.body.sources(kind)]
        return {name: self._weight(name) for name in names if name not in self.body.updates}

    def state(self, *xs: Type) -> Mapping[str, Weight]:
        return {name: self._weight(name) for name in self.body.updates}

    def _weight(self, name: str) -> Weight:
        type = self.body.nodes[name].type
        return Weight(type.shape, dtype=type.dtype)

    def apply(self, weights: Any, *xs: Any, ctx: Context) -> Any:
        given = dict(zip(self.given, xs, strict=True)) | dict(weights)

        def run(given: Mapping[str, Any]) -> Any:
            outputs, states = ctx.run(self.body, given)  # pyright: ignore[reportOptionalCall]
            return (tuple(outputs.values()), states) if self.body.updates else tuple(outputs.values())

        if not self.again:
            return run(given)
        return by_platform(given, cpu=_apart(run), default=lambda given: run(lax.optimization_barrier(given)))

    def cost(self, *xs: Type) -> Cost:
        costs = [
            node.op.cost(*(None if ref is None else self.body.type(ref) for ref in node.inputs)) for node in self.body
        ]
        return Cost(sum(cost.flops for cost in costs), sum(cost.bytes for cost in costs))


def _apart(run: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """The run behind a condition that always holds, which XLA cannot know.

    On a CPU XLA takes its barriers out before it looks for equal computations, so a barrier hides nothing there.
    """

    def behind(given: Mapping[str, Any]) -> Any:
        floats = [array for array in given.values() if jnp.issubdtype(array.dtype, jnp.floating) and array.size]
        if not floats:
            return run(given)
        # Of the last one, a gradient: what is computed again waits until it has come.
        first = lax.bitcast_convert_type(floats[-1].reshape(-1)[0].astype(jnp.float32), jnp.uint32)
        like = jax.eval_shape(run, given)

        def never(_: Any) -> Any:
            return jax.tree.map(lambda one: jnp.zeros(one.shape, one.dtype), like)

        return lax.cond((first | np.uint32(1)) > 0, run, never, given)

    return behind
