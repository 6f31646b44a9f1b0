"""Text to continue."""

from dataclasses import field
from pathlib import Path

from dslc.data.base import (
    DataBroken,
    DataMissing,
    DataRefused,
    Folders,
    Parts,
    Schema,
    Source,
    Windows,
    field_type,
    source,
)
from dslc.data.files import reading, text_of
from dslc.data.vocabulary import UnknownCharacter, characters, encode

SMALL = 1 << 23
"""Bytes of a file that a schema reads to its end, to know its characters: less than a tenth of a second."""


@source
class Text(Source):
    """Windows of `context` characters from a text file in UTF-8, each with the same window one character later.

    Characters are numbered in the order of their code points: those of the whole file, or of the file that `vocab`
    names. Training draws its windows at every offset; validation and test take windows that do not
    overlap.

    Shapes: `tokens` and `target` are `i32[batch, context]`.
    """

    path: str
    by: str = "char"
    context: int = field(kw_only=True)
    vocab: str | None = None

    aliases = ("chars", "text_file")

    def schema(self, folders: Folders) -> Schema:
        try:
            file = self._file(folders)
        except DataMissing as missing:
            missing.schema = self._schema(None)
            raise
        with reading(file):
            size = file.stat().st_size
        if size <= SMALL:
            return self.load(folders).train.schema
        self._require_length(file, size)
        return self._schema(len(self._listed(folders)) if self.vocab else None)

    def load(self, folders: Folders) -> Parts:
        file = self._file(folders)
        text = text_of(file)
        self._require_length(file, len(text))
        vocabulary = self._listed(folders) if self.vocab else characters(text)
        try:
            ids = encode(text, vocabulary)
        except UnknownCharacter as unknown:
            line = text.count("\n", 0, unknown.place) + 1
            reason = f"the vocabulary `{self.vocab}` has no character {unknown.character!r}"
            way_out = "leave `vocab` out to take the characters of the text"
            raise DataBroken(file, reason, line=line, help=way_out) from unknown
        table = Windows(self._schema(len(vocabulary)), ids, self.context)
        return Parts(table, names={"tokens": vocabulary, "target": vocabulary})

    def _file(self, folders: Folders) -> Path:
        if self.by != "char":
            reason = f'`text` cuts by characters, not `by = "{self.by}"`'
            raise DataRefused(reason, 'write `by = "char"`, or leave it out')
        if self.context < 1:
            raise DataRefused(f"a window of {self.context} characters holds nothing", "`context` is 1 or more")
        return folders.find(self.path)

    def _listed(self, folders: Folders) -> tuple[str, ...]:
        """The characters of the file that `vocab` names."""
        file = folders.find(self.vocab or "")
        found = characters(text_of(file))
        if not found:
            raise DataBroken(file, "is empty")
        return found

    def _require_length(self, file: Path, length: int) -> None:
        if not length:
            raise DataBroken(file, "is empty")
        if length <= self.context:
            takes = f"a window takes {self.context + 1:,} (`context` and the one to predict)"
            way_out = f"write `context = {max(1, length // 10)}`, or take a longer text"
            raise DataBroken(file, f"has {length:,} characters, and {takes}", help=way_out)

    def _schema(self, classes: int | None) -> Schema:
        fields = {name: field_type(self.context, dtype="i32") for name in ("tokens", "target")}
        return Schema(fields, {} if classes is None else dict.fromkeys(fields, classes))
