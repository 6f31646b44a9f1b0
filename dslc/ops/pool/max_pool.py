"""Maximum over windows."""

from math import prod
from typing import Any

from dslc.lazy import jax, jnp, lax
from dslc.ops.base import Context, Cost, Mismatch, Op, Refused, Sample, elements, floating, moved, op
from dslc.ops.conv._window import Padding, Window, pad, sides_of
from dslc.types import Type

FEW = 64
"""Windows up to this size are read as so many slices; larger ones would make a long program."""


@op
class MaxPool(Op):
    """Largest element of each window; of equal ones the first gets the gradient.

    Shapes: `[batch, spatial..., channels]` to `[batch, places..., channels]`, with 1 to 3 spatial axes.
    Reference: Yamaguchi et al., 1990, A neural network for speaker-independent isolated word recognition.
    """

    size: int | tuple[int, ...]
    stride: int | tuple[int, ...] | None = None
    padding: Padding = "valid"

    transparent = True
    keeps = ("x", "out")
    aliases = ("MaxPool1d", "MaxPool2d", "MaxPool3d", "MaxPooling2D")
    samples = (
        Sample(
            "max_pool(2)",
            ("[batch, 4, 2, 1]",),
            "[batch, 2, 1, 1]",
            parameters=0,
            given=([[[[1.0], [4.0]], [[2.0], [3.0]], [[-5.0], [-1.0]], [[-2.0], [-3.0]]]],),
            gives=[[[[4.0]], [[-1.0]]]],
            source="by hand",
        ),
        Sample("max_pool(3, stride = 2, padding = 1)", ("[batch, 9, 10, 3]",), "[batch, 5, 5, 3]"),
        Sample('max_pool(2, padding = "same")', ("[batch, 5, 3]",), "[batch, 3, 3]"),
        Sample("max_pool((3, 2), stride = 1)", ("[batch, h, 5, 2]",), "[batch, h - 2, 4, 2]"),
        Refused("max_pool(8)", ("[batch, 7, 7, 3]",), "the window spans 8"),
        Refused("max_pool(2, padding = 2)", ("[batch, 8, 8, 3]",), "hold nothing"),
        Refused("max_pool((2, 2, 2))", ("[batch, 8, 8, 3]",), "2 spatial axes"),
    )

    def infer(self, x: Type) -> Type:
        floating(x)
        window = self._window(x)
        if not isinstance(self.padding, str):
            for around, span in zip(sides_of(self.padding, x, "padding"), window.span, strict=True):
                if max(around) >= span:
                    reason = f"with `padding = {self.padding}` there are windows that hold nothing: they span {span}"
                    raise Mismatch(reason, "pad by less than that")
        return x.with_shape(x.shape[0], *window.places(x), x.shape[-1])

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        window, padded = self._padded(x)
        if prod(window.size) > FEW:
            return _reduced(padded, window)
        # XLA for CPUs runs slices up to 7 times as fast as its `reduce_window`.
        out = window.taken(padded, (0,) * window.rank)
        for offset in window.offsets()[1:]:
            out = jnp.maximum(out, window.taken(padded, offset))
        return out

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> dict[str, Any]:
        window, padded = self._padded(kept["x"])
        if prod(window.size) > FEW:
            by_padded = jax.vjp(lambda padded: _reduced(padded, window), padded)[1](gradient)[0]
        else:
            by_padded = _spread(padded, kept["out"], gradient, window)
        pads = window.pads(kept["x"].shape)
        inner = [slice(low, size - high) for (low, high), size in zip(pads, padded.shape[1:-1], strict=True)]
        return {"x": by_padded[(slice(None), *inner)]}

    def cost(self, x: Type) -> Cost:
        out = self.infer(x)
        return Cost((prod(self._window(x).size) - 1) * elements([out]), moved(x, out))

    def _window(self, x: Type) -> Window:
        return Window.over(x, self.size, self.size if self.stride is None else self.stride, self.padding, name="size")

    def _padded(self, x: Any) -> tuple[Window, Any]:
        window = self._window(Type(x.shape))
        return window, pad(x, window.pads(x.shape), -float("inf"))


def _reduced(padded: Any, window: Window) -> Any:
    return lax.reduce_window(padded, -float("inf"), lax.max, (1, *window.size, 1), (1, *window.stride, 1), "VALID")


def _spread(padded: Any, out: Any, gradient: Any, window: Window) -> Any:
    """Each window's gradient put where its first maximum stood.

    XLA's own rule, `select_and_scatter`, takes 4 to 36 times as long on a CPU.
    """
    found, parts = jnp.zeros(out.shape, bool), []
    for offset in window.offsets():
        here = (window.taken(padded, offset) == out) & ~found
        found = found | here
        parts.append(jnp.where(here, gradient, 0))
    if window.tiles:
        return _laid_out(parts, window, padded.shape)
    total = jnp.zeros(padded.shape, gradient.dtype)
    for offset, part in zip(window.offsets(), parts, strict=True):
        total = total + _put(part, offset, window, padded.shape)
    return total


def _put(part: Any, offset: tuple[int, ...], window: Window, shape: tuple[int, ...]) -> Any:
    """One element of every window back at its place, zeros elsewhere."""
    around = [
        (start, size - start - (n - 1) * stride - 1, stride - 1)
        for start, size, n, stride in zip(offset, shape[1:-1], part.shape[1:-1], window.stride, strict=True)
    ]
    return lax.pad(part, jnp.zeros((), part.dtype), [(0, 0, 0), *around, (0, 0, 0)])


def _laid_out(parts: list[Any], window: Window, shape: tuple[int, ...]) -> Any:
    """The elements of windows that lie side by side, in row-major order, as one array of `shape`."""
    for axis in reversed(range(window.rank)):
        step = window.size[axis]
        stacked = [jnp.stack(parts[i : i + step], axis=axis + 2) for i in range(0, len(parts), step)]
        merged = (*stacked[0].shape[: axis + 1], -1, *stacked[0].shape[axis + 3 :])
        parts = [part.reshape(merged) for part in stacked]
    rest = [(0, size - done) for size, done in zip(shape[1:-1], parts[0].shape[1:-1], strict=True)]
    return pad(parts[0], tuple(rest), 0.0)
