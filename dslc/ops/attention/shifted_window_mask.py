"""Which places of a shifted window belong together."""

from typing import Any

from dslc.dims import NotDivisible, Size, exact_div, less
from dslc.lazy import jnp, np
from dslc.ops.base import Context, Mismatch, Refused, Sample, op
from dslc.ops.source.base import Source
from dslc.types import Type


@op
class ShiftedWindowMask(Source):
    """Mask for attention in the windows of an image rolled by `-offset`: true where two places were near before.

    Rolling brings the upper and left rim beside the lower and right one; the mask keeps these apart.

    Shapes: nothing to `bool[windows, window * window, window * window]`.
    Reference: Liu et al., 2021, Swin transformer, arXiv:2103.14030.
    """

    h: Size
    w: Size
    window: int
    offset: int
    samples = (
        Sample("shifted_window_mask(8, 4 * n, 4, 2)", (), "bool[2 * n, 16, 16]"),
        Sample(
            "shifted_window_mask(1, 2, 1, 0)", (), "bool[2, 1, 1]", gives=[[[True]], [[True]]], source="by hand: alone"
        ),
        Sample(
            "shifted_window_mask(2, 2, 2, 1)",
            (),
            "bool[1, 4, 4]",
            gives=[
                [
                    [True, False, False, False],
                    [False, True, False, False],
                    [False, False, True, False],
                    [False, False, False, True],
                ]
            ],
            source="by hand: all four come from different corners",
        ),
        Refused("shifted_window_mask(7, 8, 4, 2)", (), "does not divide by 4"),
        Refused("shifted_window_mask(8, 8, 4, 4)", (), "below `window = 4`"),
    )

    def infer(self) -> Type:
        if not 0 <= self.offset < self.window:
            reason = f"`offset = {self.offset}` must be at least 0 and below `window = {self.window}`"
            raise Mismatch(reason, "offset = window // 2")
        windows: Size = 1
        for name, size in (("h", self.h), ("w", self.w)):
            if less(size, 1):
                raise Mismatch(f"`{name}` must be at least 1, and is {size}")
            try:
                windows = windows * exact_div(size, self.window)
            except NotDivisible:
                raise Mismatch(f"`{name} = {size}` does not divide by {self.window}", "change `window`") from None
        return Type((windows, self.window**2, self.window**2), "bool")

    def apply(self, weights: Any, *, ctx: Context) -> Any:
        h, w = self._regions(self.h), self._regions(self.w)
        image = 3 * h[:, None] + w[None, :]
        side = self.window
        parted = image.reshape(h.size // side, side, w.size // side, side).swapaxes(1, 2).reshape(-1, side * side)
        return jnp.asarray(parted[:, :, None] == parted[:, None, :])

    def _regions(self, size: Any) -> Any:
        """0 for places that stay among their old neighbours, 1 and 2 for the two sides of the seam."""
        place = np.arange(size)
        return 1 * (place >= size - self.window) + (place >= size - self.offset)
