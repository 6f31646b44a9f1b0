"""All ways to compute a call give the same numbers, forward and backward: no op is named here."""

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from graphs import Arrays, assert_close, run
from samples import Case, op_of

from dslc import tuning
from dslc.differentiate import differentiate
from dslc.graph import Graph
from dslc.ops._choice import Policy, choose, under
from dslc.ops._platform import GPUS
from dslc.ops.base import OPS, Context, Op, Sample
from dslc.types import JAX_DTYPES, Type

PLATFORMS = ("cpu", *GPUS, "tpu")
# Float64 sums of at most a few hundred products, in another order.
ROUNDING = 1e-11
SAMPLES = [
    pytest.param(sample, id=f"{kind.name}-{number}")
    for kind in OPS
    if kind.lowerings is not Op.lowerings
    for number, sample in enumerate(kind.samples)
    if isinstance(sample, Sample)
]


def ways(case: Case) -> set[str]:
    """The ways of a sample on this platform."""
    return {way.name for way in case.op.lowerings("cpu", *case.inputs)}


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("sample", SAMPLES)
def test_all_ways_agree(sample: Sample) -> None:
    case = Case.of(sample).wide()
    graph = tuning.alone(case.op, case.inputs)
    moving = [node.name for kind in ("parameter", "input") for node in graph.sources(kind) if node.type.is_float]
    arrays = Arrays.drawn(graph)
    # An index into anything.
    inputs = {
        name: array % 2 if jnp.issubdtype(array.dtype, jnp.integer) else array for name, array in arrays.inputs.items()
    }
    arrays = replace(arrays, inputs=inputs)
    found = {name: computed(graph, moving, arrays, name) for name in sorted(ways(case))}
    first, *others = found.values()
    assert others
    for other in others:
        assert_close(other, first, ROUNDING)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("text", ["attend(2, causal = true)", "attend(2, window = 40)"])
def test_attention_in_several_blocks_agrees_with_the_whole(text: str) -> None:
    op, types = op_of(text), (Type.parse("f64[1, 130, 4]"),) * 3
    graph = tuning.alone(op, types)
    moving = [node.name for node in graph.sources("input")]
    arrays = Arrays.drawn(graph)
    names = [way.name for way in op.lowerings("cpu", *types)]
    found = [computed(graph, moving, arrays, name) for name in names]
    # What was kept is what the backward pass reads, whatever is chosen by the time when it is traced.
    found += [computed(graph, moving, arrays, *pair) for pair in (names[:2], names[1::-1])]
    assert len(found) > 1
    for other in found[1:]:
        assert_close(other, found[0], ROUNDING)


def computed(graph: Graph, moving: list[str], arrays: Arrays, way: str, later: str | None = None) -> dict[str, Any]:
    """Outputs and gradients: what the backward pass is made of may depend on the way, too."""
    with under(Policy(forced=way)):
        joint = differentiate(graph, "loss", moving)
    with under(Policy(forced=later or way)):
        return run(joint, arrays, training=True, compiled=True)


@pytest.mark.parametrize("sample", SAMPLES)
def test_every_platform_has_a_way_that_repeats_and_no_two_of_one_name(sample: Sample) -> None:
    case = Case.of(sample)
    for platform in PLATFORMS:
        names = [way.name for way in case.op.lowerings(platform, *case.inputs)]
        assert len(names) == len(set(names))
        with under(Policy(deterministic=True)):
            choice = choose(case.op, platform, *case.inputs)
        assert choice is None or choice.taken.repeats


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("sample", SAMPLES[:1])
def test_a_way_that_is_forced_is_the_one_that_is_traced(sample: Sample) -> None:
    case = Case.of(sample)
    graph = tuning.alone(case.op, case.inputs)
    arrays = Arrays.drawn(graph)
    programs = set[str]()
    for name in ways(case):
        with under(replace(Policy(), forced=name)):
            programs.add(str(jax.make_jaxpr(lambda: run(graph, arrays, training=True))()))
    assert len(programs) > 1


@pytest.mark.parametrize(("dtype", "vocab"), [("u8", 300), ("u8", 256), ("i8", 200), ("i32", 9)])
def test_a_table_longer_than_its_index_counts_has_one_gradient_by_all_ways(dtype: str, vocab: int) -> None:
    table = op_of(f"embedding({vocab}, 2)")
    index = jnp.asarray([0, 5, 3, 5], JAX_DTYPES[dtype])
    rows = jnp.arange(8.0).reshape(4, 2)
    wanted = np.zeros((vocab, 2))
    np.add.at(wanted, [0, 5, 3, 5], np.arange(8.0).reshape(4, 2))
    held = jnp.arange(2.0 * vocab).reshape(vocab, 2)
    np.testing.assert_array_equal(table.apply({"table": held}, index, ctx=Context()), held[jnp.asarray([0, 5, 3, 5])])
    for way in table.lowerings("cpu", Type.parse(f"{dtype}[4]")):
        with under(Policy(forced=way.name)):
            found = table.backward({"index": index}, rows, Context())["table"]
        # Sums of whole numbers below 16.
        np.testing.assert_array_equal(found, wanted)


def test_an_index_before_a_table_adds_to_no_row_by_any_way() -> None:
    table = op_of("embedding(10, 2)")
    for way in table.lowerings("cpu", Type.parse("i32[3]")):
        with under(Policy(forced=way.name)):
            index = jnp.asarray([-1, -13, 12])
            found = table.backward({"index": index}, jnp.ones((3, 2)), Context())["table"]
        np.testing.assert_array_equal(found[:, 0], np.arange(10) == 9)
