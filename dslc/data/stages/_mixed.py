"""What `mixup` and `cutmix` share: two pictures in one, and the shares of their classes."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from dslc.data.base import DataRefused, Schema, Stats, Table
from dslc.data.changes import Change
from dslc.data.schema import BATCH
from dslc.data.stages._affine import records
from dslc.data.stages._pictures import PictureStage
from dslc.dims import dim
from dslc.lazy import jax, jnp
from dslc.types import Type


class MixedStage(PictureStage):
    """Two pictures in one; the new field `shares` has how much of each class there is."""

    alpha: float

    makes = ("shares",)

    def mix(self, names: tuple[str, ...], classes: int) -> Change:
        """What happens to a batch."""
        raise AssertionError(type(self).__name__)

    def infer(self, schema: Schema) -> Schema:
        self.pictures(schema)
        if not self.alpha > 0:
            raise DataRefused(f"`{self.name}` has an `alpha` of {self.alpha:g}", f"write `{self.name}(0.2)`")
        if "label" not in schema.fields or not schema.fields["label"].is_integer:
            raise DataRefused(f"`{self.name}` mixes classes, and the data has no `label` of class numbers")
        if "shares" in schema.fields:
            raise DataRefused("the pictures are mixed already", "leave one of the two out")
        shares = Type((BATCH, schema.classes.get("label", dim("classes"))))
        return replace(schema, fields={**schema.fields, "shares": shares})

    def apply(self, table: Table, stats: Stats) -> Table:
        before = records(table)
        names = tuple(name for name in self.pictures(before.schema) if name in before.columns)
        if not names or "label" not in before.columns:
            return before  # Rows to predict from have no label.
        if "label" not in before.schema.classes:
            raise DataRefused(f"`{self.name}` mixes classes, and how many the data has is not known")
        return before.changed(self.mix(names, before.schema.classes["label"]), self.infer(before.schema))


@dataclass(frozen=True)
class Mix(Change):
    """Each picture with the one before it in the batch, whose order is random anyway."""

    alpha: float
    classes: int

    def blended(self, array: Any, share: Any, key: Any) -> tuple[Any, Any]:
        """Pictures mixed, of which about `share` remains, and how much that is exactly."""
        raise AssertionError(type(self).__name__)

    def __call__(self, batch: Mapping[str, Any], key: Any) -> dict[str, Any]:
        made = dict(batch)
        whole = jax.nn.one_hot(batch["label"], self.classes, dtype=jnp.float32)
        if key is None:
            return {**made, "shares": whole}
        by_share, by_place = jax.random.split(key)
        drawn = share = jax.random.beta(by_share, self.alpha, self.alpha)
        for name in self.fields:
            if name in made:
                # Several pictures of an item are mixed alike.
                made[name], share = self.blended(made[name], drawn, by_place)
        return {**made, "shares": share * whole + (1 - share) * jnp.roll(whole, 1, axis=0)}

    def reads(self, wanted: set[str]) -> set[str]:
        # How much of a picture is left is known where it is cut.
        return {*wanted, "label", *self.fields} if "shares" in wanted else {*wanted, "label"}
