"""What is known of a data set before it is read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from dslc.dims import dim
from dslc.types import Type

BATCH = dim("batch")
TARGETS = ("label", "target", "shares")
"""Fields that hold what is to be learnt: no stage changes them."""


@dataclass(frozen=True)
class Schema:
    """Fields of one item and what is known of their values.

    Shapes: every field is `[batch, ...]`.
    """

    fields: Mapping[str, Type]
    classes: Mapping[str, int] = field(default_factory=dict[str, int])
    """How many values an integer field can take: they are `0 .. n - 1`."""
    rows: Mapping[str, int | None] = field(default_factory=lambda: dict[str, int | None](train=None))
    """The parts, and how many items each holds (None where that takes reading everything)."""
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict[str, tuple[float, float]])
    """Least and largest value that a field can have by its format, such as 0 and 255 of a picture."""
    storage: Mapping[str, str] = field(default_factory=dict[str, str])
    """Dtype in memory of the fields that are converted to the dtype of their type only as a batch is gathered."""

    @property
    def parts(self) -> tuple[str, ...]:
        return tuple(self.rows)

    @property
    def inputs(self) -> tuple[str, ...]:
        """The float fields that a model learns from: what the stages act on."""
        return tuple(name for name, type in self.fields.items() if type.is_float and name not in TARGETS)

    def only(self, names: Iterable[str]) -> Schema:
        """The schema with just these fields."""
        kept = {name: self.fields[name] for name in self.fields if name in set(names)}
        return replace(self, fields=kept)

    def without_range(self, names: Iterable[str]) -> Schema:
        """The schema after a change of values that leaves no bound known."""
        gone = set(names)
        return replace(self, ranges={name: bounds for name, bounds in self.ranges.items() if name not in gone})

    def with_range(self, names: Iterable[str], low: float, high: float) -> Schema:
        """The schema with new bounds for some fields."""
        return replace(self, ranges={**self.ranges, **dict.fromkeys(names, (low, high))})


def field_type(*item: int, dtype: str = "f32") -> Type:
    """Type of a field from the shape of one item."""
    return Type((BATCH, *item), dtype)
