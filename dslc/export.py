"""The programs of a compilation for other programs: StableHLO with its shapes, for every platform, by `jax.export`.

A training run is two programs, `start` and `train`. What goes from one call to the next are arrays by the names that a
checkpoint has (`weights/dense.kernel`, `optimizer/0/mu/dense.kernel`, `step`), so that a reader needs nothing but JAX:

    arrays = start.call(seed)                       # two words: uint32[2]
    arrays = train.call(arrays, data, seed, stop)   # up to step `stop`, data by field

A model without a train block is one program, `apply.call(weights, state, inputs)`.
"""

from typing import TYPE_CHECKING, Any

from dslc.compilation import Compilation
from dslc.lazy import jax, np
from dslc.lower import lower, shapes_of
from dslc.ops._platform import targets
from dslc.train.checkpoint import by_name, restore
from dslc.train.generator import WORDS, key_of
from dslc.train.program import Carry, Loop

if TYPE_CHECKING:
    from jax.export import Exported

PLATFORMS = ("cpu", "cuda", "tpu")


def exported(compilation: Compilation) -> "dict[str, Exported]":
    """The programs by name.

    Raises:
        Failed: when the file has errors.
    """
    if compilation.plan is None:
        graph = compilation.optimize[0]
        program = lower(graph, compilation.source)
        shapes = (shapes_of(graph, kind) for kind in ("parameter", "state", "input"))
        return {"apply": _export(lambda *arrays: program(*arrays)[0], *shapes)}
    loop = compilation.loop
    seed = jax.ShapeDtypeStruct((WORDS,), np.dtype("uint32"))
    like = jax.eval_shape(lambda seed: _unpacked(loop, loop.start(key_of(seed))), seed)

    def start(seed: Any) -> dict[str, Any]:
        return by_name(_unpacked(loop, loop.start(key_of(seed))))

    def train(arrays: dict[str, Any], data: Any, seed: Any, stop: Any) -> dict[str, Any]:
        carry, _ = restore(like, arrays)
        carry = loop.packing.pack_all(carry)._replace(order=loop.no_order())
        return by_name(_unpacked(loop, loop.run(carry, data, key_of(seed), stop)))

    data, stop = compilation.task.train.table.arrays, jax.ShapeDtypeStruct((), np.dtype("int32"))
    return {
        "train": _export(train, by_name(like), data, seed, stop),
        "start": _export(start, seed),
    }


def _unpacked(loop: Loop, carry: Carry) -> Any:
    """A carry as a checkpoint has it."""
    return loop.packing.unpack_all(carry._replace(order=()))


def _export(function: Any, *shapes: Any) -> "Exported":
    from jax import export  # noqa: PLC0415  # loads JAX

    with targets(*PLATFORMS):
        return export.export(jax.jit(function), platforms=PLATFORMS)(*shapes)
