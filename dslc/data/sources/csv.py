"""Tables from a text file."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dslc.catalogue import nearest
from dslc.data.base import DataRefused, Folders, Parts, Records, Schema, Source, field_type, source
from dslc.data.sources._columns import Columns, is_small, read
from dslc.lazy import np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@source
class Csv(Source):
    """A table of comma-separated values, with the names of its columns on the first line.

    A column holds numbers if its first cell is one, else words. Words become integers, in the order of the alphabet.
    The column `target` is what is to be learnt: the field `label` if it holds words, the field `target` if it holds
    numbers. The other columns of numbers are stacked in the order of the file as the field `features`; each other
    column of words is a field of its own name, and so is each column that `fields` names. A field that nothing reads
    costs nothing: naming a column in `fields` keeps it out of `features`.

    Shapes: `features` is `[batch, n]`, every other field `[batch]`.
    """

    path: str
    target: str
    fields: tuple[str, ...] | None = None

    aliases = ("read_csv", "table")

    def schema(self, folders: Folders) -> Schema:
        file = folders.find(self.path)
        if is_small(file):
            return self._parts(read(file)).train.schema
        return self._schema(read(file, rows=1), {}, None)

    def load(self, folders: Folders) -> Parts:
        return self._parts(read(folders.find(self.path)))

    def stacked(self, folders: Folders) -> tuple[str, ...]:
        """The columns that are stacked as `features`, in order."""
        return self._roles(read(folders.find(self.path), rows=1))[2]

    def _parts(self, columns: Columns) -> Parts:
        answer, single, stacked = self._roles(columns)
        arrays: dict[str, NDArray[Any]] = {}
        words: dict[str, tuple[str, ...]] = {}
        for name, column in {**{name: name for name in single}, answer: self.target}.items():
            if columns.holds_numbers(column):
                arrays[name] = columns.numbers(column)
            else:
                arrays[name], words[name] = columns.categories(column)
        if stacked:
            arrays["features"] = np.stack([columns.numbers(name) for name in stacked], axis=1)
        schema = self._schema(columns, {name: len(found) for name, found in words.items()}, len(columns.lines))
        return Parts(Records(schema, {name: arrays[name] for name in schema.fields}), names=words)

    def _schema(self, columns: Columns, classes: Mapping[str, int], rows: int | None) -> Schema:
        answer, single, stacked = self._roles(columns)
        fields = {name: field_type(dtype=_dtype(columns, name)) for name in single}
        if stacked:
            fields["features"] = field_type(len(stacked))
        fields[answer] = field_type(dtype=_dtype(columns, self.target))
        return Schema(fields, classes, {"train": rows})

    def _roles(self, columns: Columns) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
        """The field of the target, the columns that are fields of their own, and the ones that are stacked."""
        self._require_known(columns)
        apart = self.fields or ()
        others = [name for name in columns.cells if name != self.target]
        stacked = tuple(name for name in others if name not in apart and columns.holds_numbers(name))
        single = tuple(name for name in others if name not in stacked)
        answer = "target" if columns.holds_numbers(self.target) else "label"
        taken = next((name for name in single if name == answer or (stacked and name == "features")), None)
        if taken:
            raise DataRefused(f"two fields would be called `{taken}`", f"rename column `{taken}` in the file")
        return answer, single, stacked

    def _require_known(self, columns: Columns) -> None:
        names = tuple(columns.cells)
        for name in (self.target, *(self.fields or ())):
            if name not in names:
                near = nearest(name, names)
                listed = ", ".join(f"`{known}`" for known in names[:12]) + (", ..." if len(names) > 12 else "")
                way_out = f"did you mean `{near}`?" if near else f"its columns are {listed}"
                raise DataRefused(f"`{self.path}` has no column `{name}`", way_out)
        for name in self.fields or ():
            if not name.isidentifier() or name == self.target:
                why = "is the target" if name == self.target else "is no name that a `.net` file can write"
                reason = f"column `{name}` {why}, and cannot be a field of its own"
                raise DataRefused(reason, "leave it out of `fields`")


def _dtype(columns: Columns, name: str) -> str:
    return "f32" if columns.holds_numbers(name) else "i32"
