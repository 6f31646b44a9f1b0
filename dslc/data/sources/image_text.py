"""Pictures with a line about each."""

from pathlib import Path
from typing import Any

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
from dslc.data.bpe import Merges
from dslc.data.files import text_of
from dslc.data.sources._files_of_pictures import is_picture, pictures, size_of
from dslc.data.sources._sizes import picture_type, sides
from dslc.lazy import np


@source
class ImageText(Source):
    """Picture files of a folder, each with a text file of its name beside it, `a.jpg` and `a.txt`.

    Texts become the numbers of byte pairs: `vocab` names the file of their merges, one on each line, as CLIP's. A text is
    cut to `context` with its start and end, which have the two highest numbers, and filled up with 0. With `size`, or
    `[height, width]`, the middle of each picture is resized to fill it; without it all must have one size. It takes
    Pillow: `pip install 'dslc[images]'`.

    Shapes: `image` is `[batch, height, width, channels]` with values from 0 to 255, `tokens` is `i32[batch, context]`.
    """

    folder: str
    vocab: str
    size: int | tuple[int, ...] | None = None
    context: int = 77
    channels: int = 3

    aliases = ("captions", "image_captions")

    def schema(self, folders: Folders) -> Schema:
        wanted = self._require_settings()
        try:
            files = self._found(folders)
        except DataMissing as missing:
            missing.schema = self._schema(wanted, None)
            raise
        return self._schema(wanted or size_of(files[0]), len(files))

    def load(self, folders: Folders) -> Parts:
        schema, files = self.schema(folders), self._found(folders)
        merges = Merges.read(folders.find(self.vocab))
        tokens = [merges.encode(text_of(file.with_suffix(".txt")), self.context) for file in files]
        columns: dict[str, Any] = {
            "image": pictures(files, self._require_settings(), self.channels),
            "tokens": np.array(tokens, np.int32),
        }
        return Parts(Records(schema, columns), names={"tokens": merges.pieces})

    def _require_settings(self) -> tuple[int, int] | None:
        if self.context < 3:
            raise DataRefused(f"`image_text` has a `context` of {self.context}", "start, end and a piece take 3")
        return sides(self.name, self.size, self.channels)

    def _found(self, folders: Folders) -> list[Path]:
        folder = folders.find_folder(self.folder)
        files = folders.inside(sorted(filter(is_picture, folder.iterdir())))
        if not files:
            raise DataBroken(folder, "holds no picture files", help="put .png or .jpg files there, each with a .txt")
        alone = next((file for file in files if not file.with_suffix(".txt").is_file()), None)
        if alone is not None:
            raise DataBroken(alone, f"has no text beside it, `{alone.stem}.txt`", help="write one, or leave it out")
        folders.inside(file.with_suffix(".txt") for file in files)
        return files

    def _schema(self, size: tuple[int, int] | None, rows: int | None) -> Schema:
        fields = {"image": picture_type(size, self.channels), "tokens": field_type(self.context, dtype="i32")}
        return Schema(fields, rows={"train": rows}, ranges={"image": (0.0, 255.0)}, storage={"image": "u8"})
