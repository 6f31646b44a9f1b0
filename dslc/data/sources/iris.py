"""Flowers by their measures."""

from dslc.data.base import Folders, Parts, Schema, Source, field_type, source
from dslc.data.sources._bundled import Classes, classified

DATA = Classes("iris.csv", classified(150, 3, features=field_type(4)), ("setosa", "versicolor", "virginica"))


@source
class Iris(Source):
    """150 irises: length and width of sepals and petals in cm, and which of three species it is.

    Shapes: `features` is `[batch, 4]`, `label` is `[batch]`.
    Reference: Fisher, 1936.
    """

    aliases = ("load_iris",)

    def schema(self, folders: Folders) -> Schema:
        return DATA.schema

    def load(self, folders: Folders) -> Parts:
        return DATA.load("features")
