"""Texts with what is to be learnt of them."""

from typing import Any

from dslc.catalogue import nearest
from dslc.data.base import DataRefused, Folders, Parts, Records, Schema, Source, field_type, source
from dslc.data.sources._columns import Columns, is_small, read
from dslc.data.words import numbered, require_sizes, vocabulary, words


@source
class TextTable(Source):
    """A table of comma-separated values with a column of texts, `text`, and one to be learnt, `target`.

    Texts are cut into words and signs in small letters. Number 0 fills up to `context`, 1 stands for a word that is not
    among the `vocab - 2` most frequent ones. The field to be learnt is `label` if the column holds words, and `target`
    if it holds numbers.

    Shapes: `tokens` is `i32[batch, context]`, `label` or `target` is `[batch]`.
    """

    path: str
    text: str
    target: str
    vocab: int
    context: int

    aliases = ("text_csv", "TextLineDataset")

    def schema(self, folders: Folders) -> Schema:
        require_sizes(self.name, self.vocab, self.context)
        file = folders.find(self.path)
        if is_small(file):
            return self.load(folders).train.schema
        return self._schema(self._columns(read(file, rows=1)), 0, None)

    def load(self, folders: Folders) -> Parts:
        require_sizes(self.name, self.vocab, self.context)
        columns = self._columns(read(folders.find(self.path)))
        texts = [words(cell) for cell in columns.cells[self.text]]
        known = vocabulary(texts, self.vocab)
        arrays: dict[str, Any] = {"tokens": numbered(texts, known, self.context)}
        # The first names are those of the rows of a table of answers.
        names: dict[str, tuple[str, ...]] = {}
        if columns.holds_numbers(self.target):
            arrays["target"] = columns.numbers(self.target)
        else:
            arrays["label"], names["label"] = columns.categories(self.target)
        names["tokens"] = known
        schema = self._schema(columns, len(names.get("label", ())), len(columns.lines))
        return Parts(Records(schema, arrays), names=names)

    def _columns(self, columns: Columns) -> Columns:
        for name in (self.text, self.target):
            if name not in columns.cells:
                near = nearest(name, tuple(columns.cells))
                way_out = f"did you mean `{near}`?" if near else f"its columns are {', '.join(columns.cells)}"
                raise DataRefused(f"`{self.path}` has no column `{name}`", way_out)
        return columns

    def _schema(self, columns: Columns, classes: int, rows: int | None) -> Schema:
        of_numbers = columns.holds_numbers(self.target)
        answer, dtype = ("target", "f32") if of_numbers else ("label", "i32")
        fields = {"tokens": field_type(self.context, dtype="i32"), answer: field_type(dtype=dtype)}
        return Schema(fields, {"label": classes} if classes else {}, {"train": rows})
