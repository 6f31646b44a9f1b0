"""The parts that training, validation and test take."""

from collections.abc import Mapping

from dslc.data.base import DataRefused, Parts, Schema, Stage, Table, stage
from dslc.data.table import bounds

NAMES = {2: ("train", "test"), 3: ("train", "validation", "test")}
WHOLE = 1e-9
"""How far a sum of fractions may be from 1: rounding of a dozen decimals is far below, a forgotten part far above."""


@stage
class Split(Stage):
    """Divide the rows at random, the same way for the same seed.

    `split(a, b)` gives train and test, `split(a, b, c)` train, validation and test. Data with a test part of its own
    keeps it: there `split(a, b)` divides the training part into train and validation. Text is cut in order. Wherever
    `split` is written, it runs before the stages that fit statistics.
    """

    parts: tuple[float, ...]

    first = True
    rest = "parts"
    aliases = ("train_test_split", "random_split")

    def infer(self, schema: Schema) -> Schema:
        self._require_whole()
        names = self._names(schema.parts)
        whole = schema.rows["train"]
        rows: dict[str, int | None] = dict.fromkeys(names) if whole is None else self._counts(names, whole)
        return _with_rows(schema, {**rows, **{part: count for part, count in schema.rows.items() if part != "train"}})

    def _require_whole(self) -> None:
        written = ", ".join(f"{part:g}" for part in self.parts)
        if len(self.parts) not in NAMES:
            raise DataRefused(
                f"`split` forms two or three parts, not {len(self.parts)}",
                "write `split(0.8, 0.2)` for train and test, `split(0.8, 0.1, 0.1)` for train, validation and test",
            )
        if not all(part > 0 for part in self.parts):
            reason = f"`split({written})` has a part that is not positive"
            raise DataRefused(reason, "every part needs some of the rows")
        if abs(sum(self.parts) - 1) > WHOLE:
            last = 1 - sum(self.parts[:-1])
            way_out = f"the last part would be {last:.6g}" if last > WHOLE else "fractions of the rows add up to 1"
            raise DataRefused(f"the parts of `split({written})` add up to {sum(self.parts):.6g}, not to 1", way_out)

    def _names(self, parts: tuple[str, ...]) -> tuple[str, ...]:
        if parts == ("train",):
            return NAMES[len(self.parts)]
        if parts != ("train", "test"):
            raise DataRefused("the data is split already", "leave one of the two out")
        if len(self.parts) == 3:
            train, validation, _ = self.parts
            share = train / (train + validation)
            raise DataRefused(
                "the data has a test part of its own: `split` divides the rest into train and validation",
                f"write `split({share:.3g}, {1 - share:.3g})`",
            )
        return ("train", "validation")

    def _counts(self, names: tuple[str, ...], whole: int) -> dict[str, int | None]:
        counts = {name: stop - start for name, (start, stop) in zip(names, bounds(whole, self.parts), strict=True)}
        _require_items(counts)
        return dict(counts)

    def rearrange(self, parts: Parts, seed: int) -> Parts:
        names = self._names(tuple(name for name, _ in parts.items()))
        pieces = dict(zip(names, parts.train.divide(self.parts, seed), strict=True))
        others = {name: table.for_evaluation() for name, table in pieces.items() if name != "train"}
        kept = {name: table for name, table in parts.items() if name != "train"}
        made: Mapping[str, Table] = {"train": pieces["train"], **others, **kept}
        _require_items({name: table.rows() for name, table in made.items()})
        return Parts(**made, names=parts.names)


def _with_rows(schema: Schema, rows: Mapping[str, int | None]) -> Schema:
    return Schema(schema.fields, schema.classes, rows, schema.ranges, schema.storage)


def _require_items(counts: Mapping[str, int]) -> None:
    empty = next((name for name, count in counts.items() if count < 1), None)
    if empty:
        raise DataRefused(f"the {empty} part would not hold a single item", "give it a larger fraction")
