"""Texts and their translations."""

from pathlib import Path

from dslc.data.base import (
    DataBroken,
    DataMissing,
    DataRefused,
    Folders,
    Parts,
    Records,
    Schema,
    Source,
    field_type,
    source,
)
from dslc.data.files import text_of
from dslc.data.sources._columns import SMALL
from dslc.data.words import numbered, require_sizes, vocabulary, words


@source
class TextPairs(Source):
    """Pairs of texts from a file with a pair on each line, a tab between: each side is a field, called as `names` says.

    Texts are cut into words and signs in small letters, and each side has a vocabulary of its own. Number 0 fills up to
    `context`, 1 stands for a word that is not among the `vocab - 2` most frequent ones.

    Shapes: each field is `i32[batch, context]`.
    """

    path: str
    names: tuple[str, ...] = ("source", "target")
    vocab: int = 10_000
    context: int = 64

    aliases = ("translation", "parallel_text")

    def schema(self, folders: Folders) -> Schema:
        self._require_settings()
        try:
            file = folders.find(self.path)
        except DataMissing as missing:
            missing.schema = self._schema(None)
            raise
        return self._schema(len(self._pairs(file)) if file.stat().st_size <= SMALL else None)

    def load(self, folders: Folders) -> Parts:
        self._require_settings()
        pairs = self._pairs(folders.find(self.path))
        sides = {name: [words(pair[place]) for pair in pairs] for place, name in enumerate(self.names)}
        known = {name: vocabulary(texts, self.vocab) for name, texts in sides.items()}
        columns = {name: numbered(texts, known[name], self.context) for name, texts in sides.items()}
        return Parts(Records(self._schema(len(pairs)), columns), names=known)

    def _require_settings(self) -> None:
        require_sizes(self.name, self.vocab, self.context)
        if not len(set(self.names)) == len(self.names) == 2 or not all(name.isidentifier() for name in self.names):
            shown = ", ".join(f'"{name}"' for name in self.names)
            raise DataRefused(f"`names = [{shown}]` are no two names of fields", 'write `names = ["source", "target"]`')

    def _pairs(self, file: Path) -> list[tuple[str, str]]:
        found: list[tuple[str, str]] = []
        for number, line in enumerate(text_of(file).split("\n"), 1):
            if not line.strip():
                continue
            cells = line.split("\t")
            if len(cells) < 2 or not cells[0].strip() or not cells[1].strip():
                raise DataBroken(file, "the line holds no two texts with a tab between", line=number)
            found.append((cells[0], cells[1]))
        if not found:
            raise DataBroken(file, "holds no pairs", line=1)
        return found

    def _schema(self, rows: int | None) -> Schema:
        fields = {name: field_type(self.context, dtype="i32") for name in self.names}
        return Schema(fields, rows={"train": rows})
