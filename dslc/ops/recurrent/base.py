"""What the recurrent layers share: their types and settings, and how a sequence is laid out for the loop over time.

The product with the input is one for all steps, before the loop; the loop goes over slices that lie together, so arrays are
turned to `[time, batch, features]` around it. Gradients of weights are one product each, after the loop of the reverse pass.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from dslc.dims import Size, less, same
from dslc.initializers.base import Initializer
from dslc.lazy import jnp
from dslc.ops._time import UNKNOWN, Across, Axis, InTime, Memory, Passage, Stretch
from dslc.ops._wide import wide
from dslc.ops.base import Context, Mismatch, Op, Weight, floating
from dslc.types import Type


class Recurrent(Op):
    """A layer whose state goes from step to step of a sequence."""

    units: Size
    reverse: bool
    init: Initializer
    recurrent_init: Initializer

    states: ClassVar[tuple[str, ...]] = ("start",)
    """The inputs that hold what a step leaves to the next one."""

    def checked(self, x: Type, mask: Type | None, **starts: Type | None) -> Type:
        """Type of the output.

        Raises:
            Mismatch: when `x` is no sequence, or the mask or a start state does not fit it.
        """
        floating(x, None, *starts.values())
        at_least_one(self.units)
        if x.rank != 3:
            raise Mismatch(f"needs a sequence [batch, time, features], and gets {x}", "give it these three axes", 0)
        if mask is not None:
            check_mask(mask, x)
        for position, (name, start) in enumerate(starts.items(), 2):
            if start is not None:
                check_state(name, start, x.shape[:1], self.units, position)
        return x.with_last(self.units)

    def maps(self, x: Type, gates: int) -> dict[str, Weight]:
        """The weights of the input and of the state, for so many gates side by side.

        Each gate is a map of its own: how it starts does not depend on what is stored beside it.
        """
        features = x.shape[-1]
        return {
            "kernel": Weight((features, gates * self.units), self.init, features, self.units),
            "recurrent": Weight((self.units, gates * self.units), self.recurrent_init, self.units, self.units),
        }

    def stacked(self, x: Type, *names: str, precise: tuple[str, ...] = ()) -> dict[str, Type]:
        """Types of what every step keeps, `[time, batch, units]`; those that are precise with at least 32 bits."""
        shape = (x.shape[1], x.shape[0], self.units)
        return {name: Type(shape, wide(x.dtype) if name in precise else x.dtype) for name in names}

    def before(self, states: Any, start: Any) -> Any:
        """The state before each step, from those after: `[time, batch, units]`."""
        first = self.started(states, start)[None].astype(states.dtype)
        parts = (states[1:], first) if self.reverse else (first, states[:-1])
        return jnp.concatenate(parts)

    def started(self, like: Any, start: Any) -> Any:
        """The state to begin with, zeros where none is given; `like` is `[time, batch, ...]`."""
        units: Any = self.units
        return jnp.zeros((like.shape[1], units), like.dtype) if start is None else start

    def in_time(self, time: Sequence[Axis], *types: Type | None) -> InTime:
        x, mask, *_ = types
        assert x is not None
        if self.reverse:
            return Across("begins at the last position")
        if time[0] != 1 or time[1] not in (None, 1) or any(axis is not None for axis in time[2:]):
            return UNKNOWN
        state = Type((x.shape[0], self.units), x.dtype)
        cut = 1 if mask is not None and time[1] is None and mask.shape[1] != 1 else None
        return Passage((1,), (None, cut), {name: Memory(state) for name in self.states})

    def step(
        self, weights: Any, memory: Mapping[str, Any] | None, here: Stretch, *inputs: Any, ctx: Context
    ) -> tuple[Any, Mapping[str, Any]]:
        before = {} if memory is None else memory
        starts = [before.get(name, start) for name, start in zip(self.states, inputs[2:], strict=True)]
        out, saved = self.apply_saving(weights, *inputs[:2], *starts, ctx=ctx)
        return out, {"start": out[:, -1]} | ({"cell": saved["cells"][-1]} if "cell" in self.states else {})


def at_least_one(units: Size) -> None:
    """Refuse a layer without units.

    Raises:
        Mismatch: when there is none.
    """
    if less(units, 1):
        raise Mismatch(f"`units` must be at least 1, and is {units}")


def check_mask(mask: Type, x: Type) -> None:
    """Refuse a mask that does not say for each step of `x` whether it is there.

    Raises:
        Mismatch: with both types.
    """
    wanted = Type(x.shape[:2], "bool")
    fits = mask.rank == 2 and all(same(a, b) is not False for a, b in zip(mask.shape, wanted.shape, strict=True))
    if mask.dtype != "bool" or not fits:
        help = "compare it: `tokens != 0`" if mask.dtype != "bool" else "it is true where a step is there"
        raise Mismatch(f"`mask` is {mask} where {wanted} is needed", help, 1)


def check_state(name: str, state: Type, leading: tuple[Size, ...], units: Size, input: int) -> None:
    """Refuse a state of another shape than `[leading..., units]`.

    Raises:
        Mismatch: with both types.
    """
    wanted = Type((*leading, units), state.dtype)
    fits = state.rank == wanted.rank and all(same(*pair) for pair in zip(state.shape, wanted.shape, strict=True))
    if not fits:
        raise Mismatch(f"`{name}` is {state} where {wanted} is needed", f"bring it there: `-> dense({units})`", input)


def turned(x: Any) -> Any:
    """`[batch, time, ...]` as `[time, batch, ...]`, and back."""
    return x.swapaxes(0, 1)


def steps_seen(mask: Any) -> Any:
    """A mask `[batch, time]` as `[time, batch, 1]`; None stays None."""
    return None if mask is None else turned(mask)[..., None]


def held(seen: Any, now: Any, before: Any) -> Any:
    """The state now, or that before where the step is not there."""
    return now if seen is None else jnp.where(seen, now, before)


def parted(seen: Any, gradient: Any) -> tuple[Any, Any]:
    """The reverse of `held`: what goes to the state now, and what to that before."""
    if seen is None:
        return gradient, 0
    return jnp.where(seen, gradient, 0), jnp.where(seen, 0, gradient)


def by_maps(x: Any, states: Any, by_input: Any, by_state: Any) -> dict[str, Any]:
    """Gradients of kernel and recurrent kernel, one product each, from what stands before them `[time, batch, gates]`."""
    rows = by_input.reshape(-1, by_input.shape[-1])
    columns = rows if by_state is by_input else by_state.reshape(-1, by_state.shape[-1])
    return {
        "kernel": x.reshape(-1, x.shape[-1]).T @ rows,
        "recurrent": states.reshape(-1, states.shape[-1]).T @ columns,
    }


def check_step(x: Type, units: Size, **states: Type) -> None:
    """Refuse what is not one step: features and states with the same leading axes.

    Raises:
        Mismatch: with both types.
    """
    floating(x, *states.values())
    if x.rank == 0:
        raise Mismatch("a scalar has no axis of features", "give it one: `-> reshape([1])`", 0)
    for position, (name, state) in enumerate(states.items(), 1):
        check_state(name, state, x.shape[:-1], units, position)
