"""Causal windows over a run of positions: the inputs before it that they reach are kept."""

from collections.abc import Mapping, Sequence
from typing import Any

from dslc.lazy import jnp
from dslc.ops._time import UNKNOWN, Across, Axis, InTime, Memory, Passage, Stretch
from dslc.ops.base import Context, Op
from dslc.ops.conv._window import Window
from dslc.types import Type


class Windowed(Op):
    """A layer that works on windows, and reads nothing else of its one input."""

    def _window(self, x: Type) -> Window:
        raise AssertionError(type(self).__name__)

    def in_time(self, time: Sequence[Axis], *types: Type | None) -> InTime:
        (x,) = types
        assert x is not None
        return _in_window(self._window(x), time[0], x)

    def step(
        self, weights: Any, memory: Mapping[str, Any] | None, here: Stretch, *inputs: Any, ctx: Context
    ) -> tuple[Any, Mapping[str, Any]]:
        before, kept = _behind(self._window(Type(inputs[0].shape)), memory, inputs[0])
        out = self.apply(weights, before, ctx=ctx)
        return out[:, before.shape[1] - inputs[0].shape[1] :], {"last": kept}


def _in_window(window: Window, axis: Axis, x: Type) -> InTime:
    """How windows over `[batch, positions, channels]` go along the positions."""
    if axis != 1 or x.rank != 3 or window.stride != (1,):
        return UNKNOWN
    (span,) = window.span
    if span == 1 and window.padding in ("same", "valid", "causal", 0):
        return Passage((1,))
    if window.padding != "causal":
        ahead = window.padding == "same"
        return Across('has windows that reach behind the position, as its padding is not "causal"', ahead=ahead)
    return Passage((1,), (), {"last": Memory(x.with_shape(x.shape[0], span - 1, x.shape[2]))})


def _behind(window: Window, memory: Mapping[str, Any] | None, x: Any) -> tuple[Any, Any]:
    """The run with what its windows reach before it, and what those of the next run will reach."""
    (span,) = window.span
    last = jnp.zeros((x.shape[0], span - 1, x.shape[2]), x.dtype) if memory is None else memory["last"]
    joined = jnp.concatenate([last, x], 1)
    return joined, joined[:, x.shape[1] :]
