"""Small pictures of handwritten digits."""

from dataclasses import replace

from dslc.data.base import Folders, Parts, Schema, Source, field_type, source
from dslc.data.sources._bundled import Classes, classified

SCHEMA = replace(classified(1797, 10, image=field_type(8, 8, 1)), ranges={"image": (0.0, 16.0)})
DATA = Classes("digits.csv.gz", SCHEMA, tuple("0123456789"), skip=0)


@source
class Digits(Source):
    """1,797 handwritten digits as pictures of 8 x 8 with values from 0 to 16, from scikit-learn's own files.

    Shapes: `image` is `[batch, 8, 8, 1]`, `label` is `[batch]`.
    Reference: Alpaydin and Kaynak, 1998.
    """

    aliases = ("load_digits",)

    def schema(self, folders: Folders) -> Schema:
        return DATA.schema

    def load(self, folders: Folders) -> Parts:
        return DATA.load("image")
