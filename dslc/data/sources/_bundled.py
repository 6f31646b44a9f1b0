"""The small data sets that come with scikit-learn, read from its files: importing it takes a second, this a few ms."""

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from dslc.data.base import DataBroken, DataMissing, Parts, Records, Schema, field_type
from dslc.data.files import reading
from dslc.lazy import np
from dslc.types import Type

if TYPE_CHECKING:
    from numpy.typing import NDArray


def numbers(file: str, skip: int = 0, delimiter: str | None = ",") -> "NDArray[np.float64]":
    """The numbers of one of its files, a row a line.

    Raises:
        DataMissing: when scikit-learn is not installed.
        DataBroken: when its file is not what it was in the versions known to work.
    """
    path = _folder(file) / file
    with reading(path):
        try:
            return np.loadtxt(path, delimiter=delimiter, skiprows=skip, ndmin=2)
        except ValueError as error:
            raise DataBroken(path, "does not hold rows of numbers", help="reinstall scikit-learn") from error


def _folder(file: str) -> Path:
    spec = find_spec("sklearn")
    if spec is None or not spec.submodule_search_locations:
        raise DataMissing(file, (), "it comes with scikit-learn: `pip install scikit-learn`")
    return Path(spec.submodule_search_locations[0], "datasets", "data")


@dataclass(frozen=True)
class Classes:
    """A file of rows, each of them features and then the number of its class."""

    file: str
    schema: Schema
    names: tuple[str, ...]
    skip: int = 1

    def load(self, field: str) -> Parts:
        """The features as `field`, in the shape of its type, and the labels."""
        rows = numbers(self.file, self.skip)
        _, *item = self.schema.fields[field].shape
        features = rows[:, :-1].astype(np.float32).reshape(len(rows), *item)
        table = Records(self.schema, {field: features, "label": rows[:, -1].astype(np.int32)})
        return Parts(table, names={"label": self.names})


def classified(rows: int, classes: int, **fields: Type) -> Schema:
    """A schema with labels and no part for testing."""
    return Schema({**fields, "label": field_type(dtype="i32")}, {"label": classes}, {"train": rows})
