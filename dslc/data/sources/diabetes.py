"""Patients by their blood values."""

from dslc.data.base import Folders, Parts, Records, Schema, Source, field_type, source
from dslc.data.sources._bundled import numbers
from dslc.lazy import np

SCHEMA = Schema({"features": field_type(10), "target": field_type()}, rows={"train": 442})


@source
class Diabetes(Source):
    """442 patients with diabetes: age, sex, body mass, blood pressure, six blood values, and the illness a year later.

    The values are as measured (`scaled=False` of scikit-learn, whose scaled ones have seen every row): add `normalize`.

    Shapes: `features` is `[batch, 10]`, `target` is `[batch]`.
    Reference: Efron, Hastie, Johnstone and Tibshirani, 2004.
    """

    aliases = ("load_diabetes",)

    def schema(self, folders: Folders) -> Schema:
        return SCHEMA

    def load(self, folders: Folders) -> Parts:
        features = numbers("diabetes_data_raw.csv.gz", delimiter=None).astype(np.float32)
        target = numbers("diabetes_target.csv.gz", delimiter=None).astype(np.float32).reshape(-1)
        return Parts(Records(SCHEMA, {"features": features, "target": target}))
