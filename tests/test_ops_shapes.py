"""How the language names the sizes of a pattern, and hands tuples to merges."""

import pytest
from nets import graph_of, problems_of, told


def test_the_language_names_the_sizes_of_a_pattern() -> None:
    graph = graph_of(
        """block windows(side) {
             input  x: [batch, h, w, c]
             output out = x -> rearrange("b (h p) (w q) c -> b (h w) (p q) c", p = side, q = side)
                            -> rearrange("b (h w) (p q) c -> b (h p) (w q) c", h = h / side, w = w / side, p = side, q = side)
           }
           model m { input x: [batch, 28, w, 3]  output y = x -> windows(2) : [batch, 28, w, 3] }"""
    )
    (node, *_) = [node for node in graph if node.op.name == "rearrange"]
    assert str(node.type) == "[batch, 7 * w, 4, 3]"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ('"b (h p) -> b h p", q = 2', "`q` is no axis"),
        ('"b (h p) -> b h p", p = 2.5', "`p` of `rearrange` takes an int"),
        ('"b (h p) -> b h p", p = 2, p = 3', "takes one value"),
        ('"b (h p) -> b h p", 2', "takes 1 setting"),
    ],
)
def test_wrong_sizes_of_a_pattern_are_refused(arguments: str, said: str) -> None:
    (problem,) = problems_of(f"model m {{ input x: [batch, 6]  output y = x -> rearrange({arguments}) }}")
    assert said in told(problem)


@pytest.mark.parametrize("merge", ["add", "multiply", "maximum", "mean_of", "stack(-2)", "concat"])
def test_merges_take_what_a_fork_gives(merge: str) -> None:
    graph = graph_of(
        f"model m {{ input x: [batch, 3]  output y = x -> fork {{ dense(4); dense(4); dense(4) }} -> {merge} }}"
    )
    wanted = {"stack(-2)": "[batch, 3, 4]", "concat": "[batch, 12]"}
    assert str(graph.type(graph.outputs["y"])) == wanted.get(merge, "[batch, 4]")


def test_subtract_and_where_take_tuples_and_numbers() -> None:
    graph = graph_of(
        """model m { input x: [batch, 3]  input seen: bool[batch, 1]
             output y = x -> fork { dense(4); dense(4) } -> subtract -> (seen, it, 0) -> where }"""
    )
    assert str(graph.type(graph.outputs["y"])) == "[batch, 4]"
