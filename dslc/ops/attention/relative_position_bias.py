"""What the distance of two positions adds to their score."""

from collections.abc import Mapping, Sequence
from typing import Any

from dslc.initializers.normal import Normal
from dslc.lazy import jnp, np
from dslc.ops._time import Axis, InTime, Stretch
from dslc.ops.attention._distance import by_query, check, distances, lengths
from dslc.ops.base import Context, Cost, Mismatch, Op, Refused, Sample, Weight, moved, op
from dslc.types import Type


@op
class RelativePositionBias(Op):
    """A trained number for each head and each range of distances, as in T5: a `position_bias` of attention.

    Small distances have a row of the table each, larger ones share rows, in steps that grow up to `distance`; all beyond
    share the last. With `bidirectional` half of the rows are for keys after the query; without, these count as distance 0.
    Only the number of positions in the input counts.

    Shapes: `[..., query, d]` and memory `[..., key, d]` to `[heads, query, key]`.
    Reference: Raffel et al., 2019, arXiv:1910.10683.
    """

    heads: int
    buckets: int = 32
    distance: int = 128
    bidirectional: bool = False
    keeps = ()
    samples = (
        Sample("relative_position_bias(4)", ("[batch, seq, 6]",), "[4, seq, seq]", parameters=128),
        Sample("relative_position_bias(2, 8, 20, true)", ("[t, 6]", "[s, 6]"), "[2, t, s]", parameters=16),
        Sample(
            "relative_position_bias(1, 4, 8)",
            ("[3, 1]",),
            "[1, 3, 3]",
            given=([[0.0], [0.0], [0.0]],),
            weights={"table": [[10.0], [20.0], [30.0], [40.0]]},
            gives=[[[10.0, 10.0, 10.0], [20.0, 10.0, 10.0], [30.0, 20.0, 10.0]]],
            source="by hand: distances 0 and 1 have rows of their own, 2 begins the third",
        ),
        Refused("relative_position_bias(0)", ("[batch, seq, 6]",), "at least 1"),
        Refused("relative_position_bias(4, buckets = 3)", ("[batch, seq, 6]",), "even"),
        Refused("relative_position_bias(4, distance = 8)", ("[batch, seq, 6]",), "above"),
    )

    def infer(self, x: Type, memory: Type | None = None) -> Type:
        check(x, memory)
        if self.heads < 1:
            raise Mismatch(f"`heads` must be at least 1, and is {self.heads}")
        least = 4 if self.bidirectional else 2
        if self.buckets < least or self.buckets % least:
            reason = f"`buckets` must be even, and with `bidirectional` divide by 4, and is {self.buckets}"
            raise Mismatch(reason, "buckets = 32")
        if self.distance <= self._exact:
            reason = f"`distance = {self.distance}` must be above {self._exact}, up to where each distance has a row"
            raise Mismatch(reason, "distance = 128")
        return Type((self.heads, *lengths(x, memory)), x.dtype)

    def weights(self, x: Type, memory: Type | None = None) -> Mapping[str, Weight]:
        return {"table": Weight((self.buckets, self.heads), Normal(0.02), self.buckets, self.heads)}

    def apply(self, weights: Any, x: Any, memory: Any = None, *, ctx: Context) -> Any:
        return jnp.moveaxis(weights["table"][self._rows(*lengths(x, memory))], -1, 0).astype(x.dtype)

    def in_time(self, time: Sequence[Axis], *types: Type | None) -> InTime:
        return by_query(time, types)

    def step(
        self, weights: Any, memory: Mapping[str, Any] | None, here: Stretch, *inputs: Any, ctx: Context
    ) -> tuple[Any, Mapping[str, Any]]:
        ahead = distances(here, inputs[0])
        # Distances are few: the row of each is known when the program is compiled.
        rows = jnp.asarray(self._row(np.arange(1 - here.most, here.most)))[ahead + here.most - 1]
        return jnp.moveaxis(weights["table"][rows], -1, 0).astype(inputs[0].dtype), {}

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> Mapping[str, Any]:
        table = jnp.zeros((self.buckets, self.heads), gradient.dtype)
        return {"table": table.at[self._rows(*gradient.shape[1:])].add(jnp.moveaxis(gradient, 0, -1))}

    def cost(self, x: Type, memory: Type | None = None) -> Cost:
        return Cost(0, moved(self.infer(x, memory), *self.weights(x).values()))

    @property
    def _side(self) -> int:
        """Rows for one direction."""
        return self.buckets // 2 if self.bidirectional else self.buckets

    @property
    def _exact(self) -> int:
        """Distances that have a row each."""
        return self._side // 2

    def _rows(self, query: int, key: int) -> Any:
        """The row of the table for every query and key."""
        return self._row(np.arange(key)[None, :] - np.arange(query)[:, None])

    def _row(self, ahead: Any) -> Any:
        """The row of the table for keys that are so far behind the query, or before it: a number below 0."""
        distance = np.abs(ahead) if self.bidirectional else np.maximum(-ahead, 0)
        exact = self._exact
        share = np.log(np.maximum(distance, exact) / exact) / np.log(self.distance / exact)
        far = np.minimum(exact + (share * (self._side - exact)).astype(np.int64), self._side - 1)
        rows = np.where(distance < exact, distance, far)
        return rows + (ahead > 0) * self._side if self.bidirectional else rows
