"""What depends on weights alone is split off, and both parts together give what the whole gave."""

import pytest
from graphs import Arrays, assert_close, in_region, read, run

from dslc.graph import Graph
from dslc.lower import lower
from dslc.optimize import optimize
from dslc.passes.base import PASSES, Sample
from dslc.prepare import prepare
from dslc.text import from_text, to_text

SAMPLES = [
    pytest.param(sample.before, id=f"{kind.name}-{number}")
    for kind in PASSES
    for number, sample in enumerate(kind.samples)
    if isinstance(sample, Sample) and kind.phase in ("always", "inference")
]
ROUNDING = 1e-12  # the same operations in the same order; XLA may fuse them in another way

WHOLE = """
graph chain {
  x = input("f32", (batch, 3))
  a = parameter((3, 4))
  b = parameter((4, 2))
  product = matmul() a, b
  turned = transpose() product
  kernel = transpose() turned
  y = matmul() x, kernel
  table = transpose() a
  z = matmul() y, turned
  w = matmul() z, a
  v = matmul() w, table
  output v
}
"""
ONCE = """
graph chain {
  a = parameter((3, 4))
  b = parameter((4, 2))
  product = matmul() a, b
  turned = transpose() product
  kernel = transpose() turned
  output kernel
  output turned
}
"""
REST = """
graph chain {
  x = input("f32", (3, 3))
  a = parameter((3, 4))
  turned = parameter((2, 3))
  kernel = parameter((3, 2))
  y = matmul() x, kernel
  table = transpose() a
  z = matmul() y, turned
  w = matmul() z, a
  v = matmul() w, table
  output v
}
"""


def assert_both_parts_give_the_whole(graph: Graph) -> None:
    parts = prepare(graph)
    arrays = Arrays.drawn(graph)
    computed, _ = lower(parts.once)(arrays.weights, arrays.state, {})
    rest = Arrays({**arrays.weights, **computed}, arrays.state, arrays.inputs)
    assert_close(run(parts.rest, rest, training=False), run(graph, arrays, training=False), ROUNDING)
    assert not prepare(parts.rest).once.outputs


def test_products_of_weights_are_split_off_and_moved_data_is_not():
    parts = prepare(read(WHOLE))
    assert to_text(parts.once) == to_text(from_text(ONCE))
    assert to_text(parts.rest) == to_text(from_text(REST))


@pytest.mark.parametrize("text", SAMPLES)
def test_both_parts_of_an_optimized_graph_give_what_the_whole_gives(text: str, float64: None):
    assert_both_parts_give_the_whole(optimize(read(text), "inference")[0])


@pytest.mark.parametrize("text", SAMPLES)
def test_what_a_region_works_out_from_its_weights_is_split_off_as_well(text: str, float64: None):
    body = optimize(read(text), "inference")[0]
    assert bool(prepare(body).once.outputs) == bool(prepare(in_region(body, count=2)).once.outputs)
    assert_both_parts_give_the_whole(in_region(body, count=2))
