"""Text that is numbers already."""

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
from dslc.data.files import reading
from dslc.lazy import np

DTYPES = {"u8": "|u1", "u16": "<u2", "i32": "<i4"}


@source
class Tokens(Source):
    """Windows of `context` numbers from a file of nothing but numbers, each with the same window one number later.

    `dtype` is how the numbers are written: "u8", "u16" or "i32", the lowest byte first. With `vocab` a number of it or
    above is an error. Training draws its windows at every offset; validation and test take windows that do not overlap.

    Shapes: `tokens` and `target` are `i32[batch, context]`.
    """

    path: str
    dtype: str = "u16"
    context: int = field(kw_only=True)
    vocab: int | None = field(default=None, kw_only=True)

    aliases = ("memmap", "token_file")

    def schema(self, folders: Folders) -> Schema:
        try:
            self._count(self._file(folders))
        except DataMissing as missing:
            missing.schema = self._schema()
            raise
        return self._schema()

    def load(self, folders: Folders) -> Parts:
        file = self._file(folders)
        self._count(file)
        with reading(file):
            ids = np.fromfile(file, DTYPES[self.dtype])
        least, most = int(ids.min()), int(ids.max())
        if least < 0 or (self.vocab is not None and most >= self.vocab):
            place = int(np.argmax((ids < 0) | (ids >= (self.vocab or most + 1))))
            reason = f"holds the number {ids[place]}, and tokens are {f'below {self.vocab:,}' if ids[place] > 0 else '0 or more'}"
            raise DataBroken(file, reason, offset=place * ids.itemsize, help="check `dtype` and `vocab`")
        return Parts(Windows(self._schema(), ids, self.context))

    def _file(self, folders: Folders) -> Path:
        if self.dtype not in DTYPES:
            reason = f'`tokens` reads no `dtype = "{self.dtype}"`'
            raise DataRefused(reason, "it is one of " + ", ".join(f'`"{name}"`' for name in DTYPES))
        if self.context < 1:
            raise DataRefused(f"a window of {self.context} tokens holds nothing", "`context` is 1 or more")
        if self.vocab is not None and self.vocab < 1:
            raise DataRefused(f"`tokens` has a `vocab` of {self.vocab}", "it is the number of tokens that there are")
        return folders.find(self.path)

    def _count(self, file: Path) -> int:
        width = int(DTYPES[self.dtype][-1])
        with reading(file):
            size = file.stat().st_size
        if size % width:
            raise DataBroken(file, f"has {size:,} bytes, which are no whole numbers of {width}", help="check `dtype`")
        if size // width <= self.context:
            takes = f"a window takes {self.context + 1:,} (`context` and the one to predict)"
            raise DataBroken(file, f"has {size // width:,} tokens, and {takes}", help="write a smaller `context`")
        return size // width

    def _schema(self) -> Schema:
        fields = {name: field_type(self.context, dtype="i32") for name in ("tokens", "target")}
        return Schema(fields, {} if self.vocab is None else dict.fromkeys(fields, self.vocab))
