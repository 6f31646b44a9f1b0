"""Sizes put in for dimension names, and dimensions worked out from shapes."""

import pytest
from handmade import Net

from dslc.bind import DoesNotDivide, ShapeDiffers, SizeDiffers, SizeTooLarge, bind, dims_of, free
from dslc.dims import dim
from dslc.graph import Graph, Ref
from dslc.types import Type
from dslc.verify import verify


def text_model() -> Graph:
    net = Net()
    x = net.input("x", "[batch, 2 * n, 6]", bounds=(("n", 8),))
    y = net.call("reshape", x, shape=(dim("batch"), dim("n"), 12))
    (y,) = net.repeat(
        [y], 3, lambda inner, h: inner.call("broadcast", inner.call("exp", h), shape=(dim("batch"), dim("n"), 12))
    )
    noise = net.call("normal", shape=(dim("batch"), dim("n"), 12))
    return verify(net.graph(y=net.call("add", y, noise)))


def test_sizes_go_into_types_settings_and_bodies() -> None:
    bound = verify(bind(text_model(), {"batch": 4, "n": 5}))
    assert free(text_model()) == ("batch", "n")
    assert free(bound) == ()
    assert bound.nodes["x"].type == Type((4, 10, 6))
    assert bound.nodes["normal"].op.shape == (4, 5, 12)  # type: ignore[attr-defined]
    body = bound.nodes["blocks"].op.body  # type: ignore[attr-defined]
    assert body.nodes["blocks.*.broadcast"].op.shape == (4, 5, 12)
    assert free(body) == ()


def test_a_part_of_the_dimensions_can_stay_open() -> None:
    bound = verify(bind(text_model(), {"n": 5}))
    assert free(bound) == ("batch",)
    assert bound.nodes["x"].type == Type((dim("batch"), 10, 6))


def test_a_bound_graph_stays_the_same_object_where_nothing_changes() -> None:
    graph = bind(text_model(), {"batch": 4, "n": 5})
    again = bind(graph, {"batch": 7})
    assert all(again.nodes[name] is node for name, node in graph.nodes.items())


def test_a_quotient_that_is_not_whole_names_the_node() -> None:
    net = Net()
    half = net.call("split", net.input("x", "[n, 3]"), parts=2, axis=0)[0]
    with pytest.raises(DoesNotDivide, match="5 does not divide by 2 at `split`, where n = 5"):
        bind(net.graph(y=half), {"n": 5})


def test_dimensions_are_solved_from_shapes() -> None:
    assert dims_of(text_model(), {"x": (4, 10, 6)}) == {"batch": 4, "n": 5}


def test_names_are_solved_before_expressions() -> None:
    net = Net()
    a, b = net.input("a", "[2 * n + m, m]"), net.input("b", "[n / 2, k]")
    graph = net.graph(a=a, b=b)
    assert dims_of(graph, {"a": (11, 3), "b": (2, 9)}) == {"m": 3, "k": 9, "n": 4}


def test_fields_that_the_graph_does_not_read_are_left_alone() -> None:
    assert dims_of(text_model(), {"x": (4, 10, 6), "label": (4,)}) == {"batch": 4, "n": 5}


@pytest.mark.parametrize(
    ("shape", "problem", "message"),
    [
        ((4, 10), ShapeDiffers, r"input `x` is \[batch, 2 \* n, 6\], and the array given has the shape \[4, 10\]"),
        ((4, 9, 6), SizeDiffers, r"axis 1 of input `x` has size 2 \* n, where n = 4, and the array given has 9"),
        ((4, 10, 7), SizeDiffers, r"axis 2 of input `x` has size 6, and the array given has 7"),
        ((4, 18, 6), SizeTooLarge, r"`n` of input `x` is at most 8, and the array given has 9"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(shape: tuple[int, ...], problem: type[Exception], message: str) -> None:
    with pytest.raises(problem, match=message):
        dims_of(text_model(), {"x": shape})


def test_inputs_that_disagree_are_refused() -> None:
    net = Net()
    graph = net.graph(a=net.input("a", "[batch]"), b=net.input("b", "[batch, 2]"))
    with pytest.raises(
        SizeDiffers, match="axis 0 of input `b` has size batch, where batch = 3, and the array given has 4"
    ):
        dims_of(graph, {"a": (3,), "b": (4, 2)})


def test_a_bound_graph_keeps_its_references() -> None:
    bound = bind(text_model(), {"batch": 4, "n": 5})
    assert bound.nodes["add"].inputs == (Ref("blocks"), Ref("normal"))
