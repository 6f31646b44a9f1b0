"""Iterations of one graph."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from dslc.dims import Size
from dslc.graph import Graph
from dslc.lazy import jax, jnp, lax
from dslc.ops._bits import scan
from dslc.ops.base import Context, Cost, Lowering, Mismatch, Places, Segment, Weight, op
from dslc.ops.core._loop import SIDE_BY_SIDE, lowerings
from dslc.ops.core._region import Region
from dslc.types import Type

Step = Callable[[Any, Any], tuple[Any, Any]]


@op
class Repeat(Region):
    """Runs a graph `count` times: iteration `start` first, or last when `reverse`.

    Inputs of the body, in order: what is carried from one iteration to the next, what is captured whole, and what is
    sliced along axis 0. Its parameters and states are slices of stacked ones. Its outputs are the carried values, then
    what is stacked; the next states are stacked as well.

    Shapes: `carried`, `captured`, `[count, sliced]` to `carried`, `[count, stacked]`.
    """

    body: Graph
    count: Size
    """Iterations: of a scan the time, which the data may decide."""
    carried: int
    captured: int
    start: int = 0
    reverse: bool = False
    unroll: bool = False
    """Side by side in the program, not as a loop."""
    batched: bool = False
    """All at once, as one more axis: nothing is carried then."""
    places: Places = ()
    """Where the iterations are copies that the author wrote out: the name of each node in each of them."""
    choices = ("unroll",)
    stride: int = 0
    """Iterations that each of its own stands for: the body holds a loop of so many, which counts on. 0: none."""

    @property
    def times(self) -> int:
        """The iterations, once every size is known."""
        assert isinstance(self.count, int)
        return self.count

    def infer(self, *xs: Type) -> tuple[Type, ...]:
        if len(xs) != len(self.given):
            raise Mismatch(f"the body has {len(self.given)} inputs, and gets {len(xs)}")
        types = [self.body.type(ref) for ref in self.body.outputs.values()]
        return (*types[: self.carried], *(type.stacked(self.count) for type in types[self.carried :]))

    def weights(self, *xs: Type) -> Mapping[str, Weight]:
        names = [node.name for kind in ("parameter", "state") for node in self.body.sources(kind)]
        return {name: self._stacked(name) for name in names if name not in self.body.updates}

    def state(self, *xs: Type) -> Mapping[str, Weight]:
        return {name: self._stacked(name) for name in self.body.updates}

    def _stacked(self, name: str) -> Weight:
        type = self.body.nodes[name].type
        return Weight((self.count, *type.shape), dtype=type.dtype)

    def apply(self, weights: Any, *xs: Any, ctx: Context) -> Any:
        carry, whole, sliced = (
            xs[: self.carried],
            xs[self.carried :][: self.captured],
            xs[self.carried + self.captured :],
        )

        def step(carry: Any, slices: Any) -> tuple[Any, Any]:
            number, parts, rows = slices
            given = dict(zip(self.given, (*carry, *whole, *parts), strict=True)) | rows
            iteration = Segment(number) if self.stride and number is not None else number
            outputs, states = ctx.run(self.body, given, iteration, self.places)  # pyright: ignore[reportOptionalCall]
            found = tuple(outputs.values())
            return found[: self.carried], (found[self.carried :], states)

        loop = self._unrolled if self.unroll else self._batched if self.batched else self._scanned
        finals, (stacked, states) = loop(step, carry, (sliced, dict(weights)))
        return ((*finals, *stacked), states) if self.body.updates else (*finals, *stacked)

    def lowerings(self, platform: str, *xs: Type) -> tuple[Lowering, ...]:
        # Copies that the author wrote out became a loop because that is what serves them.
        if not isinstance(self.count, int) or self.batched or self.stride or self.places:
            return ()
        return lowerings(platform, self.body, self.count)

    def taking(self, lowering: str) -> "Repeat":
        return replace(self, unroll=lowering == SIDE_BY_SIDE)

    def _scanned(self, step: Step, carry: Any, slices: Any) -> tuple[Any, Any]:
        last = self.start + self.times * (self.stride or 1)
        numbers = jnp.arange(self.start, last, self.stride or None, dtype=jnp.int32) if self.draws else None
        return scan(step, carry, (numbers, *slices), self.times, self.reverse)

    def _batched(self, step: Step, carry: Any, slices: Any) -> tuple[Any, Any]:
        numbers = jnp.arange(self.start, self.start + self.times, dtype=jnp.int32) if self.draws else None
        return carry, jax.vmap(lambda rows: step((), rows)[1])((numbers, *slices))

    def _unrolled(self, step: Step, carry: Any, slices: Any) -> tuple[Any, Any]:
        stacked: list[Any] = [None] * self.times
        for place in reversed(range(self.times)) if self.reverse else range(self.times):
            rows = jax.tree.map(lambda array, place=place: lax.index_in_dim(array, place, keepdims=False), slices)
            carry, stacked[place] = step(carry, (self.start + place * (self.stride or 1), *rows))
        return carry, jax.tree.map(lambda *rows: jnp.stack(rows), *stacked)

    def cost(self, *xs: Type) -> Cost:
        total = Cost()
        for node in self.body:
            types = (None if ref is None else self.body.type(ref) for ref in node.inputs)
            cost = node.op.cost(*types)
            total = Cost(total.flops + cost.flops, total.bytes + cost.bytes)
        return Cost(total.flops * self.times, total.bytes * self.times)
