"""Blocks that the author wrote out one after the other become one loop, and every number stays what it was."""

import jax
import pytest
from graphs import Arrays, assert_close, run

from dslc.compilation import Compilation
from dslc.compiler import Options
from dslc.graph import Graph
from dslc.lower import lower
from dslc.ops.core.repeat import Repeat
from dslc.source import Source

CLASSES = 3
ROUNDING = 1e-10
"""Sums of a few hundred float64 numbers in another order, through ten layers and their gradients."""
TRAIN = "train deep { data = blobs(n = 64)  loss = (logits, label) -> cross_entropy }"
LAYER = "block layer(width): [..., d] -> [..., d] = residual { layer_norm -> dense(width) -> relu -> dropout(0.1) }\n"


def model(statements: str, blocks: str = LAYER) -> Source:
    """A model from `x` of 8 features to `h10`."""
    body = f"input features: [batch, 2]\nx = features -> dense(8)\nh0 = x -> tanh\n{statements}\noutput logits = h10 -> dense(3)"
    return Source("deep.net", f"net 1\n{blocks}\nmodel deep {{\n{body}\n}}\n{TRAIN}")


def stages(stage: str) -> str:
    """Ten stages, each of what the one before it gave."""
    return "\n".join(f"h{number} = h{number - 1} -> {stage.replace('@', str(number))}" for number in range(1, 11))


def graphs(source: Source) -> tuple[Graph, Graph]:
    """The graph of a training step without passes, and with all of them."""
    without, with_all = (Compilation(source, Options(), passes=passes) for passes in ((), None))
    return without.differentiate, with_all.differentiate


def loops(graph: Graph) -> list[Repeat]:
    return [node.op for node in graph if isinstance(node.op, Repeat) and not node.name.endswith(".gradient")]


def assert_same(source: Source) -> Graph:
    """Loss, next states and all gradients are the same; gives the graph after the passes."""
    before, after = graphs(source)
    arrays = Arrays.drawn(before)
    arrays.inputs["label"] = arrays.inputs["label"] % CLASSES
    assert_close(run(after, arrays, training=True), run(before, arrays, training=True), ROUNDING)
    return after


@pytest.mark.parametrize(
    ("statements", "count"),
    [
        pytest.param(stages("layer(8)"), 10, id="blocks that draw random numbers"),
        pytest.param(stages("dense(8) as step_@ -> relu"), 10, id="labels of their own"),
        pytest.param(stages("dense(8, bias = false) -> batch_norm -> relu"), 10, id="states"),
        pytest.param(stages("(it + x) -> layer(8)"), 10, id="a tensor that all of them read"),
        pytest.param(stages("(it + h0) -> dense(8) -> tanh"), 10, id="a start that all of them read"),
        pytest.param(f"layer same = dense(8) -> tanh\n{stages('same -> dropout(0.2)')}", 10, id="shared weights"),
        pytest.param(stages("repeat 2 { layer(8) } -> dense(8)"), 10, id="a loop in each of them"),
        pytest.param(stages("remat { layer(8) -> dense(8) }"), 10, id="a body to compute again"),
        pytest.param(
            stages("layer(8)").replace("h7 -> layer(8)", "h7 -> layer(8) -> frozen { dense(8) }"), 8, id="a run"
        ),
    ],
)
def test_stages_written_out_are_one_loop_with_the_same_numbers(statements: str, count: int, float64: None) -> None:
    assert count in [op.count for op in loops(assert_same(model(statements)))]


def test_what_is_read_of_stages_in_the_middle_comes_out_of_the_loop(float64: None) -> None:
    source = model(f"{stages('layer(8)')}\n")
    text = source.text.replace("output logits = h10", "output logits = (h10, h3, h7 -> relu) -> concat")
    assert [op.count for op in loops(assert_same(Source("deep.net", text)))] == [10]


def test_what_goes_from_stage_to_stage_may_be_two_tensors(float64: None) -> None:
    lines = ["m0 = x"]
    for number in range(1, 11):
        lines.append(f"m{number} = (m{number - 1} + h{number - 1}) -> dense(8) -> tanh")
        lines.append(f"h{number} = h{number - 1} * m{number} -> dense(8)")
    (op,) = loops(assert_same(model("\n".join(lines))))
    assert (op.count, op.carried) == (10, 2)


def test_stages_of_which_some_are_frozen_are_two_runs_and_only_one_has_a_way_back(float64: None) -> None:
    body = "input features: [batch, 2]\nh0 = features -> frozen { dense(8) }\n" + stages("frozen { dense(8) -> tanh }")
    more = "\n".join(f"g{number} = g{number - 1} -> dense(8) -> tanh" for number in range(1, 10))
    text = f"net 1\nmodel deep {{\n{body}\ng0 = h10\n{more}\noutput logits = g9 -> dense(3)\n}}\n{TRAIN}"
    after = assert_same(Source("deep.net", text))
    assert {op.count for op in loops(after)} == {9, 10}
    assert [node.op.count for node in after if isinstance(node.op, Repeat) and node.name.endswith(".gradient")] == [9]


def test_a_draw_in_a_loop_of_copies_is_that_of_the_copy(float64: None) -> None:
    source = model(stages("dropout(0.5) -> dense(8)"))
    without, with_all = graphs(source)
    arrays = Arrays.drawn(without)
    arrays.inputs["label"] = arrays.inputs["label"] % CLASSES
    for key in range(3):
        found, wanted = (_loss(graph, arrays, key) for graph in (with_all, without))
        assert float(found) == pytest.approx(float(wanted), rel=ROUNDING)
    assert float(_loss(with_all, arrays, 1)) != float(_loss(with_all, arrays, 2))


def _loss(graph: Graph, arrays: Arrays, key: int) -> jax.Array:
    return lower(graph)(arrays.weights, arrays.state, arrays.inputs, training=True, key=jax.random.key(key))[0]["loss"]
