"""Patterns, gathers and the like against PyTorch and NumPy, and how the language names the sizes of a pattern."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nets import graph_of, problems_of, told
from peers import close, drawn
from samples import op_of

from dslc.ops.base import Context


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize(
    ("pattern", "shapes"),
    [
        ("bs,bsm->bm", [(2, 3), (2, 3, 4)]),
        ("b q d, b k d -> b q k", [(2, 3, 4), (2, 5, 4)]),
        ("... i, i j -> ... j", [(2, 3, 4), (4, 5)]),
        ("i j, j k, k i -> i", [(2, 3), (3, 4), (4, 2)]),
        ("a b, b c, c -> a", [(2, 3), (3, 4), (4,)]),
        ("a b b -> b a", [(2, 3, 3)]),
        ("ij->", [(2, 3)]),
    ],
)
def test_einsum_agrees_with_pytorch(pattern: str, shapes: list[tuple[int, ...]]) -> None:
    torch = pytest.importorskip("torch")
    arrays = [drawn(*shape) for shape in shapes]
    found = op_of(f'einsum("{pattern}")').apply({}, *map(jnp.asarray, arrays), ctx=Context())
    expected = torch.einsum(pattern.replace(" ", ""), *map(torch.tensor, arrays))
    close(found, expected.numpy(), "output")


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize(
    ("text", "shape", "steps"),
    [
        ('"b h w c -> b (h w) c"', (2, 3, 4, 5), ((2, 3, 4, 5), (0, 1, 2, 3), (2, 12, 5))),
        ('"b (h p) (w q) c -> b (h w) (p q) c", p = 2, q = 3', (2, 4, 6, 5), ((2, 2, 2, 2, 3, 5), (0, 1, 3, 2, 4, 5), (2, 4, 6, 5))),
        ('"b (h p) (w q) c -> b h w (q p c)", p = 2, q = 2', (2, 4, 6, 5), ((2, 2, 2, 3, 2, 5), (0, 1, 3, 4, 2, 5), (2, 2, 3, 20))),
        ('"... (two d) -> two ... 1 d", two = 2', (3, 4, 6), ((3, 4, 2, 3), (2, 0, 1, 3), (2, 3, 4, 1, 3))),
        ('"a 1 b -> (b a)"', (3, 1, 4), ((3, 4), (1, 0), (12,))),
    ],
)  # fmt: skip
def test_rearrange_is_the_reshapes_and_the_transpose_worked_by_hand(text: str, shape: Any, steps: Any) -> None:
    x = drawn(*shape)
    apart, order, whole = steps
    found = op_of(f"rearrange({text})").apply({}, jnp.asarray(x), ctx=Context())
    np.testing.assert_array_equal(found, x.reshape(apart).transpose(order).reshape(whole))


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


@pytest.mark.usefixtures("float64")
def test_top_k_agrees_with_pytorch() -> None:
    torch = pytest.importorskip("torch")
    x = drawn(4, 3, 9)
    values, places = op_of("top_k(4)").apply({}, jnp.asarray(x), ctx=Context())
    expected = torch.topk(torch.tensor(x), 4)
    close(values, expected.values.numpy(), "values")
    np.testing.assert_array_equal(places, expected.indices.numpy())
    weight = drawn(4, 3, 4)
    leaf = torch.tensor(x, requires_grad=True)
    (torch.topk(leaf, 4).values * torch.tensor(weight)).sum().backward()
    found = jax.grad(lambda x: (op_of("top_k(4)").apply({}, x, ctx=Context())[0] * weight).sum())(jnp.asarray(x))
    close(found, leaf.grad.numpy(), "gradient")


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
