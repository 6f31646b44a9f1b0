"""The gradient of a table by its rows: those of equal indices are added up, by the way that suits the table."""

from typing import Any

from dslc.lazy import jax, jnp
from dslc.ops._platform import GPUS
from dslc.ops.base import Lowering

SCATTER, PRODUCT, SORTED = "scatter", "product with one-hot rows", "sorted rows"
ROW, NUMBER = {"cpu": 5e-9}, {"cpu": 6e-11}
"""Seconds for a row and for each of its numbers, where rows are added one after the other; a GPU adds them side by side."""
SORTING = {"cpu": 1e-10}
"""Seconds for a number in each turn of the sum along sorted rows."""
RATE = {"cpu": 2e11}
"""Operations a second of the product."""
START = 3e-6
AT_ONCE = 2e-12
"""Seconds for a number on other devices."""


def lowerings(platform: str, rows: int, vocab: int, units: int) -> tuple[Lowering, ...]:
    """The ways to add up so many rows, with what they take."""
    numbers, turns = rows * units, max(rows, 2).bit_length()
    scatter = rows * ROW.get(platform, 0.0) + numbers * NUMBER.get(platform, AT_ONCE)
    product = START + 2.0 * numbers * vocab / RATE.get(platform, 5e13) + rows * vocab * NUMBER.get(platform, AT_ONCE)
    # A GPU adds in the order in which its threads come.
    return (
        Lowering(SCATTER, scatter, repeats=platform not in GPUS),
        Lowering(PRODUCT, product),
        Lowering(SORTED, scatter + START + turns * numbers * SORTING.get(platform, AT_ONCE)),
    )


def wide_index(index: Any) -> Any:
    """An index in 32 bits at least: the length of a table need not fit into a byte."""
    return index.astype(jnp.int32) if index.dtype.itemsize < 4 else index


def scattered(vocab: int, index: Any, rows: Any) -> Any:
    """Row by row into the table."""
    return jnp.zeros((vocab, rows.shape[-1]), rows.dtype).at[index].add(rows)


def multiplied(vocab: int, index: Any, rows: Any) -> Any:
    """What each row of the table is in the rows that were asked for, as a product; an index from the end counts as one."""
    index = jnp.where(index < 0, index + vocab, index).reshape(-1)
    marks = jax.nn.one_hot(index, vocab, dtype=rows.dtype, axis=0)
    # Nothing is rounded on the way, as nothing is where rows are added: a GPU would multiply in 10 bits.
    return jnp.matmul(marks, rows.reshape(-1, rows.shape[-1]), precision="highest")


def added_in_order(vocab: int, index: Any, rows: Any) -> Any:
    """Sorted by index, added up along each run of equal ones, and the last of each run put into its row."""
    index = jnp.where(index < 0, index + vocab, index).reshape(-1)
    order = jnp.argsort(index, stable=True)
    index, rows = index[order], rows.reshape(-1, rows.shape[-1])[order]
    _, sums = jax.lax.associative_scan(_join, (index, rows))
    last = jnp.concatenate([index[1:] != index[:-1], jnp.ones(min(1, index.size), bool)])
    # One further from the end than the table is long would count from the end once more.
    place = jnp.where(last & (index >= 0), index, vocab)
    return jnp.zeros((vocab, rows.shape[-1]), rows.dtype).at[place].add(jnp.where(last[:, None], sums, 0), mode="drop")


def _join(before: Any, after: Any) -> Any:
    """Two runs as one: the sum of the later one takes in that of the earlier one where the index is the same."""
    same = (before[0] == after[0])[:, None]
    return after[0], after[1] + jnp.where(same, before[1], 0)
