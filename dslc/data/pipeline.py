"""A source and its stages, as a `train` block writes them after `data =`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial, reduce

from dslc.data.base import DataMissing, Folders, Parts, Schema, Source, Stage, Stats, Table


@dataclass(frozen=True)
class Loaded:
    """Data that is ready to train on.

    `fitted` is what each stage learnt, in the order in which they ran; with it, `Pipeline.replay` prepares raw rows.
    """

    parts: Parts
    fitted: tuple[Stats, ...]

    @property
    def schema(self) -> Schema:
        """The schema, now that everything is read: no class count is unknown any more."""
        return self.parts.train.schema

    @property
    def vocabulary(self) -> tuple[str, ...] | None:
        """What the numbers of a text's tokens stand for."""
        return self.parts.names.get("tokens")


@dataclass(frozen=True)
class Pipeline:
    """Stages run in the order in which they are written, except that the parts are formed before anything is fitted:
    statistics of rows that are then tested on would leak."""

    source: Source
    stages: tuple[Stage, ...] = ()

    @property
    def ordered(self) -> tuple[Stage, ...]:
        """The stages in the order in which they run."""
        return tuple(sorted(self.stages, key=lambda stage: not stage.first))

    def schema(self, folders: Folders) -> Schema:
        """What is known of the prepared data without reading all of it.

        Raises:
            DataMissing: with the schema of the prepared data where it is known all the same.
            DataFailure: when the data is broken or a stage does not take it.
        """
        try:
            return self._inferred(self.source.schema(folders))
        except DataMissing as missing:
            if missing.schema is not None:
                missing.schema = self._inferred(missing.schema)
            raise

    def load(self, folders: Folders, seed: int) -> Loaded:
        """The prepared data; random parts and orders follow the seed alone.

        Raises:
            DataFailure: when the data is not there, broken, or not what a stage takes.
        """
        parts = self.source.load(folders)
        self._inferred(_as_loaded(parts))
        fitted: list[Stats] = []
        for stage in self.ordered:
            parts = stage.rearrange(parts, seed)
            stats = stage.fit(parts.train)
            parts = parts.map(partial(stage.apply, stats=stats))
            fitted.append(stats)
        return Loaded(parts, tuple(fitted))

    def replay(self, table: Table, fitted: Iterable[Stats]) -> Table:
        """Raw rows prepared as the training part was, with the statistics that a run has kept."""
        steps = zip(self.ordered, fitted, strict=True)
        return reduce(lambda prepared, step: step[0].apply(prepared, step[1]), steps, table)

    def _inferred(self, schema: Schema) -> Schema:
        return reduce(lambda known, stage: stage.infer(known), self.ordered, schema)


def _as_loaded(parts: Parts) -> Schema:
    """Counts are left to the stages that form parts: a text is cut by its length, not by its windows."""
    return replace(parts.train.schema, rows=dict.fromkeys(name for name, _ in parts.items()))
