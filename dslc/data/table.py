"""Items in memory: what goes to the device, and how a batch is gathered there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from dslc.data.changes import Change, Shifted
from dslc.data.failures import DataRefused
from dslc.data.schema import Schema
from dslc.lazy import jax, jnp, lax, np
from dslc.types import JAX_DTYPES

if TYPE_CHECKING:
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

    def gather(self, arrays: Mapping[str, Any], index: Any, key: Any = None) -> dict[str, jax.Array]:
        """The fields of the items at `index`, int `[batch]`, in the dtypes of their types.

        With a key what draws at random does; without one it takes the form in which a part is measured.

        Shapes: `index` is `[batch]`, each field `[batch, ...]`.
        """
        raise AssertionError(type(self).__name__)

    @property
    def draws(self) -> bool:
        """Whether `gather` needs a key to give what a model trains on."""
        return False

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
    changes: tuple[Change, ...] = ()
    """What happens to a batch after it is gathered."""

    def rows(self) -> int:
        return len(next(iter(self.columns.values())))

    @property
    def arrays(self) -> dict[str, NDArray[Any]]:
        found = dict(self.columns)
        for name, affine in self.pending.items():
            found[f"{name} center"] = affine.center.astype(np.float32)
            found[f"{name} width"] = affine.width.astype(np.float32)
        return found

    @property
    def draws(self) -> bool:
        return any(change.draws for change in self.changes)

    def gather(self, arrays: Mapping[str, Any], index: Any, key: Any = None) -> dict[str, jax.Array]:
        found = {name: self._gathered(name, arrays, index) for name in self.columns}
        for number, change in enumerate(self.changes):
            found = change(found, None if key is None else jax.random.fold_in(key, number))
        return {name: array for name, array in found.items() if name in self.schema.fields} if self.changes else found

    def _gathered(self, name: str, arrays: Mapping[str, Any], index: Any) -> jax.Array:
        taken = jnp.take(arrays[name], index, axis=0, mode="clip")
        type = self.schema.fields.get(name)
        # A field that only a change reads is a picture or a class.
        wanted = JAX_DTYPES[type.dtype] if type else "float32" if taken.dtype == np.uint8 else taken.dtype
        value = taken.astype(wanted)
        return (value - arrays[f"{name} center"]) / arrays[f"{name} width"] if name in self.pending else value

    def only(self, names: Iterable[str]) -> Records:
        wanted = set(names)
        schema = self.schema.only(wanted)
        for change in reversed(self.changes):
            wanted = change.reads(wanted)
        kept = {name: column for name, column in self.columns.items() if name in wanted}
        pending = {name: affine for name, affine in self.pending.items() if name in kept}
        return Records(schema, kept, pending, self.changes)

    def changed(self, change: Change, schema: Schema) -> Records:
        """The table with a change of its batches more."""
        return replace(self, schema=schema, changes=(*self.changes, change))

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
        if any(name in change.fields for change in self.changes):
            _require_fit(name, affine, self.schema)
            return self.changed(Shifted((name,), affine), self.schema)
        if self.columns[name].dtype.kind in "ui":
            whole = affine.after(self.pending[name]) if name in self.pending else affine
            return replace(self, pending={**self.pending, name: whole})
        blocks = [((block - affine.center) / affine.width).astype(np.float32) for block in self.blocks(name)]
        return self.stored(name, np.concatenate(blocks))

    def stored(self, name: str, values: NDArray[Any]) -> Records:
        """The table with other values of a field."""
        if any(name in change.fields for change in self.changes):
            reason = f"`{name}` is drawn anew for each batch by now, and cannot be changed once for all"
            raise DataRefused(reason, "write the stages that draw at random last")
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

    def gather(self, arrays: Mapping[str, Any], index: Any, key: Any = None) -> dict[str, jax.Array]:
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


def _require_fit(name: str, affine: Affine, schema: Schema) -> None:
    """Refuse statistics of each place of a picture whose places are moved."""
    item = schema.fields[name].shape[1:]
    sizes = affine.center.shape[1:]
    if any(size not in (1, other) for size, other in zip(sizes[::-1], item[::-1], strict=False)):
        reason = f"the statistics of `{name}` are those of another shape than {schema.fields[name]}"
        raise DataRefused(reason, "write this stage before the ones that cut pictures out")


def generator(seed: int, purpose: str) -> np.random.Generator:
    """Random numbers of one purpose in a run: another purpose, or seed, draws others."""
    # NumPy takes no negative seeds: the sign becomes the last bit.
    return np.random.default_rng([2 * abs(seed) + (seed < 0), *purpose.encode()])


def bounds(length: int, fractions: Sequence[float]) -> list[tuple[int, int]]:
    """Start and stop of each fraction of a length; the last ends where the length does."""
    stops = [round(length * sum(fractions[: count + 1])) for count in range(len(fractions) - 1)]
    return list(zip([0, *stops], [*stops, length], strict=True))
