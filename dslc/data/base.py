"""What data is made of: sources that read it, stages that change it, and the parts that training takes.

A new source or stage is one new file in `sources/` or `stages/`: a class with `@source` or `@stage`, its settings as
annotated fields, and the methods below.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, TypeAlias

from dslc.catalogue import Catalogue, Entry, entry, nearest
from dslc.data.failures import DataBroken, DataFailure, DataMissing, DataRefused, PathRefused
from dslc.data.folders import Folders
from dslc.data.schema import TARGETS, Schema, field_type
from dslc.data.table import Records, Table, Windows

Stats: TypeAlias = Mapping[str, Mapping[str, Any]]
"""What a stage learnt from the training part, by field: plain numbers and lists, as JSON has them."""


@dataclass(frozen=True)
class Parts:
    """The parts of a data set, and what the numbers of its integer fields stand for (`names["label"][0]`)."""

    train: Table
    validation: Table | None = None
    test: Table | None = None
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])

    def items(self) -> Iterator[tuple[str, Table]]:
        """The parts that there are, by name."""
        for name in ("train", "validation", "test"):
            table: Table | None = getattr(self, name)
            if table is not None:
                yield name, table

    def map(self, change: Callable[[Table], Table]) -> Parts:
        """Every part changed alike."""
        return Parts(**{name: change(table) for name, table in self.items()}, names=self.names)


class Source(Entry):
    """Where data comes from."""

    def schema(self, folders: Folders) -> Schema:
        """The fields, from the heads of the files: never imports JAX, never reads a large file to its end.

        Raises:
            DataFailure: when the data is not there, or its head is broken.
        """
        raise AssertionError(type(self).__name__)

    def load(self, folders: Folders) -> Parts:
        """The whole data set in memory.

        Raises:
            DataFailure: when the data is not there, or broken anywhere.
        """
        raise AssertionError(type(self).__name__)


class Stage(Entry):
    """A change of the data between its source and the training.

    A stage acts on the float fields that a model learns from, or on those of them that its setting `fields` names.
    """

    first: ClassVar[bool] = False
    """Forms the parts: runs before every stage that fits statistics, wherever it is written."""
    makes: ClassVar[tuple[str, ...]] = ()
    """Fields that it makes, of which one that nothing reads is a mistake."""
    resizes: ClassVar[bool] = False
    """It makes pictures of another height and width: what it takes has any."""
    rest: ClassVar[str] = ""
    """The setting that takes all the positional arguments, where there is one."""

    def infer(self, schema: Schema) -> Schema:
        """What is known of the data after this stage.

        Raises:
            DataRefused: when the stage does not take its settings, or not for this data.
        """
        return schema

    def rearrange(self, parts: Parts, seed: int) -> Parts:
        """The parts, formed or ordered anew."""
        return parts

    def fit(self, train: Table) -> Stats:
        """What has to be known of the training part, the only one that is given."""
        return {}

    def apply(self, table: Table, stats: Stats) -> Table:
        """One part, or rows to predict from, changed by what was fitted."""
        return table

    def fit_apply(self, parts: Parts, rng_seed: int) -> Parts:
        """The whole stage: rearrange, fit on the training part, apply to every part."""
        parts = self.rearrange(parts, rng_seed)
        stats = self.fit(parts.train)
        return parts.map(lambda table: self.apply(table, stats))

    def acts_on(self, schema: Schema) -> tuple[str, ...]:
        """The fields that the stage changes.

        Raises:
            DataRefused: when there is none, or `fields` names another.
        """
        wanted: tuple[str, ...] | None = getattr(self, "fields", None)
        if wanted == ():
            raise DataRefused(
                f"`{self.name}` acts on none of the fields: `fields = []`", "name one, or leave it out for all"
            )
        for name in wanted or ():
            _require_input(self.name, name, schema)
        if not schema.inputs:
            raise DataRefused(f"`{self.name}` acts on float fields, and {_listed(schema)}", "leave it out")
        return schema.inputs if wanted is None else tuple(wanted)


def _require_input(stage: str, name: str, schema: Schema) -> None:
    if name in schema.inputs:
        return
    if name in TARGETS and name in schema.fields:
        reason = f"`{stage}` leaves `{name}` as it is: it is what the model learns"
        raise DataRefused(reason, f"leave `{name}` out of `fields`")
    if name in schema.fields:
        raise DataRefused(f"`{stage}` acts on float fields, and `{name}` is {schema.fields[name]}")
    near = nearest(name, schema.inputs)
    raise DataRefused(f"there is no field `{name}`: {_listed(schema)}", f"did you mean `{near}`?" if near else None)


def _listed(schema: Schema) -> str:
    return "the data has " + ", ".join(f"`{name}` {type}" for name, type in schema.fields.items())


source = entry
stage = entry

SOURCES: Catalogue[Source] = Catalogue("dslc.data.sources", Source, "data source")
STAGES: Catalogue[Stage] = Catalogue("dslc.data.stages", Stage, "data stage")

__all__ = [
    "SOURCES", "STAGES", "DataBroken", "DataFailure", "DataMissing", "DataRefused", "Folders", "Parts", "PathRefused",
    "Records", "Schema", "Source", "Stage", "Stats", "Table", "Windows", "field_type", "source", "stage",
]  # fmt: skip
