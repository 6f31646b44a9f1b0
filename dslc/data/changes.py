"""Changes that wait until a batch is gathered, because they draw anew each time or come after such a one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from dslc.lazy import jnp

if TYPE_CHECKING:
    from dslc.data.table import Affine


@dataclass(frozen=True)
class Change:
    """What happens to some fields of a batch. It takes what is there: fields that nothing reads may be missing."""

    draws: ClassVar[bool] = True
    """Whether it draws at random where there is a key: other parts than training give none."""

    fields: tuple[str, ...]

    def __call__(self, batch: Mapping[str, Any], key: Any) -> dict[str, Any]:
        """The fields after it; without a key the form that is measured and predicted from."""
        return {name: self.of(array, key) if name in self.fields else array for name, array in batch.items()}

    def of(self, array: Any, key: Any) -> Any:
        """One field after it.

        Shapes: `[batch, ...]` to `[batch, ...]`.
        """
        raise AssertionError(type(self).__name__)

    def reads(self, wanted: set[str]) -> set[str]:
        """The fields that have to be there so that these are."""
        return wanted


@dataclass(frozen=True)
class Shifted(Change):
    """`(x - center) / width` after a change that draws."""

    draws = False

    affine: Affine

    def of(self, array: Any, key: Any) -> Any:
        center, width = (jnp.asarray(part, array.dtype) for part in (self.affine.center, self.affine.width))
        return (array - jnp.broadcast_to(center, array.shape)) / jnp.broadcast_to(width, array.shape)
