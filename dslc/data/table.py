"""Items in memory: what goes to the device, and how a batch is gathered there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from dslc.data.failures import DataRefused
from dslc.data.schema import Schema
from dslc.lazy import jnp, lax, np
from dslc.types import JAX_DTYPES

if TYPE_CHECKING:
    import jax
    from numpy.typing import NDArray

BLOCK = 1 << 19
"""Numbers that are turned into float64 at a time: 4 MB, about what a core's cache holds."""


class Table:
    """Items of one part of a data set.

    `arrays` go to the device whole; `gather` is pure and can be compiled: it reads nothing but its arguments and types.
    """

    schema: Schema

    def rows(self) -> int:
        """How many items there are."""
        raise AssertionError(type(self).__name__)

    @property
    def arrays(self) -> dict[str, NDArray[Any]]:
        """What `gather` reads."""
        raise AssertionError(type(self).__name__)

    def gather(self, arrays: Mapping[str, Any], index: Any) -> dict[str, jax.Array]:
        """The fields of the items at `index`, int `[batch]`, in the dtypes of their types.

        Shapes: `index` is `[batch]`, each field `[batch, ...]`.
        """
        raise AssertionError(type(self).__name__)

    def only(self, names: Iterable[str]) -> Table:
        """The table with just these fields, so that no other goes to the device."""
        raise AssertionError(type(self).__name__)

    def divide(self, fractions: Sequence[float], seed: int) -> list[Table]:
        """Pieces with these fractions of the items, no item in two of them."""
        raise AssertionError(type(self).__name__)

    def shuffled(self, seed: int) -> Table:
        """The items in a random order."""
        raise AssertionError(type(self).__name__)

    def for_evaluation(self) -> Table:
        """The table as it is measured: each number of the data counts once."""
        return self


@dataclass(frozen=True)
class Affine:
    """The map `(x - center) / width`, with arrays that broadcast against one field, batch axis included."""

    center: NDArray[np.float64]
    width: NDArray[np.float64]

    def after(self, first: Affine) -> Affine:
        """This map of the result of another one."""
        return Affine(first.center + self.center * first.width, first.width * self.width)


@dataclass(frozen=True, eq=False)
class Records(Table):
    """Items as rows of arrays.

    A field that is stored as integers keeps them, a quarter of the memory of floats: what a stage does to it waits in
    `pending` until a batch is gathered.

    Shapes: each of `columns` is `[rows, ...]`.
    """

    schema: Schema
    columns: Mapping[str, NDArray[Any]]
    pending: Mapping[str, Affine] = field(default_factory=dict[str, Affine])

    def rows(self) -> int:
        return len(next(iter(self.columns.values())))

    @property
    def arrays(self) -> dict[str, NDArray[Any]]:
        found = dict(self.columns)
        for name, affine in self.pending.items():
            found[f"{name} center"] = affine.center.astype(np.float32)
            found[f"{name} width"] = affine.width.astype(np.float32)
        return found

    def gather(self, arrays: Mapping[str, Any], index: Any) -> dict[str, jax.Array]:
        return {name: self._gathered(name, arrays, index) for name in self.columns}

    def _gathered(self, name: str, arrays: Mapping[str, Any], index: Any) -> jax.Array:
        taken = jnp.take(arrays[name], index, axis=0, mode="clip")
        value = taken.astype(JAX_DTYPES[self.schema.fields[name].dtype])
        return (value - arrays[f"{name} center"]) / arrays[f"{name} width"] if name in self.pending else value

    def only(self, names: Iterable[str]) -> Records:
        kept = {name: self.columns[name] for name in self.columns if name in set(names)}
        pending = {name: affine for name, affine in self.pending.items() if name in kept}
        return Records(self.schema.only(kept), kept, pending)

    def take(self, index: NDArray[np.integer[Any]]) -> Records:
        """The rows at these places."""
        return replace(self, columns={name: column[index] for name, column in self.columns.items()})

    def divide(self, fractions: Sequence[float], seed: int) -> list[Table]:
        order = generator(seed, "divide").permutation(self.rows())
        return [self.take(order[start:stop]) for start, stop in bounds(self.rows(), fractions)]

    def shuffled(self, seed: int) -> Records:
        return self.take(generator(seed, "shuffle").permutation(self.rows()))

    def blocks(self, name: str) -> Iterator[NDArray[np.float64]]:
        """The values of a field in float64, a stretch of rows at a time."""
        column, affine = self.columns[name], self.pending.get(name)
        step = max(1, BLOCK // max(1, column[:1].size))
        for start in range(0, len(column), step):
            block = column[start : start + step].astype(np.float64)
            yield (block - affine.center) / affine.width if affine else block

    def mapped(self, name: str, affine: Affine) -> Records:
        """The table with `(x - center) / width` in place of a field's `x`."""
        if self.columns[name].dtype.kind in "ui":
            whole = affine.after(self.pending[name]) if name in self.pending else affine
            return replace(self, pending={**self.pending, name: whole})
        blocks = [((block - affine.center) / affine.width).astype(np.float32) for block in self.blocks(name)]
        return self.stored(name, np.concatenate(blocks))

    def stored(self, name: str, values: NDArray[Any]) -> Records:
        """The table with other values of a field."""
        pending = {other: affine for other, affine in self.pending.items() if other != name}
        return replace(self, columns={**self.columns, name: values}, pending=pending)


@dataclass(frozen=True, eq=False)
class Windows(Table):
    """Windows of one long array of ids: `tokens` and, one place later, `target`.

    Item i starts at `i * stride`: with 1 every offset is an item, with `context` the windows do not overlap and the ids
    after the last whole one are left out.

    Shapes: `ids` is `[length]`, the fields are `[batch, context]`.
    """

    schema: Schema
    ids: NDArray[Any]
    context: int
    stride: int = 1

    def rows(self) -> int:
        return max(0, (len(self.ids) - 1 - self.context) // self.stride + 1)

    @property
    def arrays(self) -> dict[str, NDArray[Any]]:
        return {"ids": self.ids}

    def gather(self, arrays: Mapping[str, Any], index: Any) -> dict[str, jax.Array]:
        steps = lax.iota(index.dtype, self.context + 1)
        places = jnp.expand_dims(index * self.stride, 1) + jnp.expand_dims(steps, 0)
        window = jnp.take(arrays["ids"], places, mode="clip").astype(jnp.int32)
        pair = {"tokens": window[:, :-1], "target": window[:, 1:]}
        return {name: pair[name] for name in self.schema.fields}

    def only(self, names: Iterable[str]) -> Windows:
        return replace(self, schema=self.schema.only(names))

    def divide(self, fractions: Sequence[float], seed: int) -> list[Table]:
        """Cut in order, whatever the seed: windows drawn at random would share their text."""
        return [replace(self, ids=self.ids[start:stop]) for start, stop in bounds(len(self.ids), fractions)]

    def shuffled(self, seed: int) -> Table:
        raise DataRefused("`shuffle` would tear the text apart", "leave it out: training draws its windows at random")

    def for_evaluation(self) -> Windows:
        return replace(self, stride=self.context)


def generator(seed: int, purpose: str) -> np.random.Generator:
    """Random numbers of one purpose in a run: another purpose, or seed, draws others."""
    # NumPy takes no negative seeds: the sign becomes the last bit.
    return np.random.default_rng([2 * abs(seed) + (seed < 0), *purpose.encode()])


def bounds(length: int, fractions: Sequence[float]) -> list[tuple[int, int]]:
    """Start and stop of each fraction of a length; the last ends where the length does."""
    stops = [round(length * sum(fractions[: count + 1])) for count in range(len(fractions) - 1)]
    return list(zip([0, *stops], [*stops, length], strict=True))
