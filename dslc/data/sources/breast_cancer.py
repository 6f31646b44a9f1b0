"""Tumours by their cell nuclei."""

from dslc.data.base import Folders, Parts, Schema, Source, field_type, source
from dslc.data.sources._bundled import Classes, classified

DATA = Classes("breast_cancer.csv", classified(569, 2, features=field_type(30)), ("malignant", "benign"))


@source
class BreastCancer(Source):
    """569 tumours: 30 measures of cell nuclei, and whether it was malignant (0) or benign (1).

    Shapes: `features` is `[batch, 30]`, `label` is `[batch]`.
    Reference: Street, Wolberg and Mangasarian, 1993.
    """

    aliases = ("load_breast_cancer",)

    def schema(self, folders: Folders) -> Schema:
        return DATA.schema

    def load(self, folders: Folders) -> Parts:
        return DATA.load("features")
