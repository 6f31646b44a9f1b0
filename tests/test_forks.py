"""What branches of a fork have in common is computed once, and equal branches with weights of their own at once."""

import pytest
from nets import graph_of
from test_rolling import assert_same, graphs, loops, model

from dslc.graph import Graph
from dslc.optimize import optimize


def shared(body: str) -> Graph:
    """A model of two outputs after the passes of training."""
    graph = graph_of(f"model m {{ input features: [batch, 4]\n{body}\noutput one = a\noutput other = b }}")
    return optimize(graph, "training")[0]


def ops(graph: Graph) -> list[str]:
    return [node.op.name for node in graph if node.op.name not in ("input", "parameter", "state")]


@pytest.mark.parametrize(
    ("body", "left"),
    [
        ("a, b = features -> fork { exp -> tanh -> dense(3); exp -> tanh -> dense(4) }", ["exp", "tanh"]),
        ("layer e = dense(8) -> relu\na, b = features -> fork { e -> dense(3); e -> dense(4) }", ["dense", "relu"]),
        ("layer e = repeat 9 { dense(4) }\na, b = features -> fork { e -> dense(3); e -> dense(4) }", ["repeat"]),
        ("layer e = remat { dense(4) }\na, b = features -> fork { e -> dense(3); e -> dense(4) }", ["enclosed"]),
        ("layer e = dense(8) -> relu\na = features -> e -> dense(3)\nb = features -> e -> dense(4)", ["dense", "relu"]),
    ],
)
def test_stages_without_weights_or_with_the_same_ones_are_one_stem(body: str, left: list[str]) -> None:
    assert ops(shared(body)) == [*left, "dense", "dense"]


def test_stages_with_weights_of_their_own_stay_apart() -> None:
    assert ops(shared("a, b = features -> fork { dense(8) -> relu; dense(6) -> relu }")).count("relu") == 2


def test_two_draws_stay_two_draws() -> None:
    body = "a, b = features -> fork { dropout(0.5) -> dense(3); dropout(0.5) -> dense(4) }"
    assert ops(shared(body)).count("dropout") == 2


@pytest.mark.parametrize(
    ("statements", "imports", "count"),
    [
        ("h10 = h0 -> fork(8) { dense(8) -> relu -> dropout(0.3) } -> stack(axis = -2) -> mean(axis = -2)", "", 8),
        ("e = h0 -> fork(8) { dense(8, bias = false) -> batch_norm }\nh10 = e[0] + e[1] + e[3] * e[7]", "", 4),
        ("h10 = h0 -> fork(4) { repeat 2 { dense(8) } -> remat { dense(8) -> tanh } } -> concat -> dense(8)", "", 4),
        ("h10 = h0 -> fork { dense(8); dense(8); dense(8); dense(8) } -> add", "", 4),
        ("z, balance = h0[none] -> moe.mixture(8, 12)\nh10 = z[0]", "import std.moe", 8),
    ],
)
def test_equal_branches_are_computed_at_once_with_the_same_numbers(
    statements: str, imports: str, count: int, float64: None
) -> None:
    found = loops(assert_same(model(statements, imports)))
    assert [op.count for op in found if op.batched] == [count]


def test_experts_that_come_out_stacked_are_not_taken_apart() -> None:
    _, after = graphs(model("h10 = h0 -> fork(8) { dense(8) } -> stack(axis = -2) -> mean(axis = -2)"))
    assert "unstack" not in ops(after)


def test_experts_in_blocks_that_were_written_out_are_one_product_in_one_loop(float64: None) -> None:
    stages = "\n".join(
        f"h{n} = (h{n - 1} -> fork(5) {{ dense(8) -> tanh }} -> add) -> layer_norm" for n in range(1, 11)
    )
    (outer,) = loops(assert_same(model(stages, "")))
    assert outer.count == 10
    assert [node.op.batched for node in outer.body if node.op.name == "repeat"] == [True]  # type: ignore[attr-defined]
