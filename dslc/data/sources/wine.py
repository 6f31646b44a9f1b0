"""Wines by their chemistry."""

from dslc.data.base import Folders, Parts, Schema, Source, field_type, source
from dslc.data.sources._bundled import Classes, classified

DATA = Classes("wine_data.csv", classified(178, 3, features=field_type(13)), ("class_0", "class_1", "class_2"))


@source
class Wine(Source):
    """178 Italian wines: 13 chemical measures, and which of three growers made it.

    Shapes: `features` is `[batch, 13]`, `label` is `[batch]`.
    Reference: Forina et al., 1988.
    """

    aliases = ("load_wine",)

    def schema(self, folders: Folders) -> Schema:
        return DATA.schema

    def load(self, folders: Folders) -> Parts:
        return DATA.load("features")
