"""One update from several micro-batches: their gradients are averaged, and only one of them is in memory at a time."""

from collections.abc import Iterator, Mapping
from typing import Any

from dslc.lazy import jax, jnp, lax
from dslc.lower import Program
from dslc.train.generator import fold

Arrays = Mapping[str, Any]


def averaged(
    program: Program, count: int, weights: Arrays, state: Arrays, fields: Arrays, key: Any
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Means of the outputs over `count` micro-batches, one after the other, and the next states after the last.

    For a loss that is a mean over the rows this is the whole batch; statistics of a batch are those of each micro-batch.
    """
    if count == 1:
        return program(weights, state, fields, training=True, key=key)
    parts = {name: jnp.asarray(field).reshape(count, -1, *field.shape[1:]) for name, field in fields.items()}
    changing = list(program.graph.updates)

    def micro(number: Any, state: Arrays) -> tuple[dict[str, Any], dict[str, Any]]:
        part = {name: field[number] for name, field in parts.items()}
        return program(weights, state, part, training=True, key=None if key is None else fold(key, number))

    def more(number: Any, before: tuple[Any, Any]) -> tuple[Any, Any]:
        sums, held = before
        outputs, after = micro(number, {**state, **held})
        return {name: total + outputs[name] for name, total in sums.items()}, {**held, **after}

    like, _ = jax.eval_shape(lambda: micro(0, state))
    nothing = {name: jnp.zeros(output.shape, output.dtype) for name, output in like.items()}
    sums, held = lax.fori_loop(0, count, more, (nothing, {name: state[name] for name in changing}))
    return {name: total / count for name, total in sums.items()}, held


def micro_batches(count: int, fields: Arrays, key: Any) -> Iterator[tuple[Arrays, Any]]:
    """The same micro-batches with their keys, to be looked at one by one."""
    if count == 1:
        yield fields, key
        return
    for number in range(count):
        parts = {
            name: jnp.asarray(field).reshape(count, -1, *field.shape[1:])[number] for name, field in fields.items()
        }
        yield parts, fold(key, number)
