"""The text form of graphs: what is written reads back equal, and what is not a graph is refused with its line."""

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from dslc.bind import bind
from dslc.differentiate import differentiate
from dslc.dims import dim
from dslc.graph import Graph, Node, Ref
from dslc.initializers.normal import Normal
from dslc.initializers.zeros import Zeros
from dslc.ops.activation.leaky_relu import LeakyRelu
from dslc.ops.base import Op
from dslc.ops.core.backward import Backward
from dslc.ops.core.constant import Constant
from dslc.ops.core.fused import Fused
from dslc.ops.core.index import Index
from dslc.ops.core.input import Input
from dslc.ops.core.parameter import Parameter
from dslc.ops.core.repeat import Repeat
from dslc.ops.core.saving import Saving
from dslc.ops.linear.dense import Dense
from dslc.ops.reduce.sum import Sum
from dslc.source import NOWHERE, Span
from dslc.text import BadText, from_text, node_text, to_text
from dslc.types import Type
from dslc.verify import verify

NAMES = some.one_of(
    some.sampled_from(
        ("x", "blocks.*.attn.qkv", "encoder@2", "blocks.1:12.ln", "as", "inf", "none", "graph", "0", "7", "", "größe")
    ),
    some.text(min_size=1, max_size=8),
)
SIZES = some.sampled_from(
    (1, 3, dim("batch"), 4 * dim("d"), dim("n") // 2 + 1, dim("a") * dim("b") - 3, dim("inf"), dim("as"))
)
TYPES = some.builds(Type, some.lists(SIZES, max_size=3).map(tuple), some.sampled_from(("f32", "i32", "bool", "bf16")))
SPANS = some.just(NOWHERE) | some.builds(
    Span,
    some.sampled_from(("model.net", "a folder/b.net", "", 'quo"te:1..2.net', "<std>/x.net")),
    some.integers(0, 9999),
    some.integers(0, 9999),
)
NUMBERS = some.one_of(some.integers(), some.booleans(), some.floats(allow_nan=False))
BOUNDS = some.tuples(*(some.none() | some.integers(-9, 9) | some.just(dim("seq")),) * 3)
TAKEN = some.tuples(some.none() | TYPES, TYPES)
OPS = some.one_of(
    some.builds(
        Dense, SIZES, some.booleans(), some.none() | some.builds(Normal, some.floats(0, 1)), some.just(Zeros())
    ),
    some.builds(Constant, NUMBERS, some.sampled_from(("f32", "i64"))),
    some.builds(Index, some.lists(SIZES | BOUNDS | some.sampled_from(("none", "...")), max_size=3).map(tuple)),
    some.builds(Parameter, some.just((2, 3)), stack=some.just(((0, 12), (1, 3))), init=some.just(Normal(0.02))),
    some.builds(Input, some.just("i32"), some.lists(SIZES, max_size=2).map(tuple), some.just((("seq", 1024),))),
    some.builds(Fused, some.just(Dense(4)), some.just(LeakyRelu(0.3))),
    some.builds(
        Backward,
        some.just(Saving(Dense(4))),
        NAMES,
        some.just(("x", "kernel")),
        some.just(("x",)),
        some.just((0,)),
        TAKEN,
        some.tuples(TYPES),
        TAKEN,
    ),
)
REFS = some.builds(Ref, NAMES, some.integers(0, 11))
NAME_LISTS = some.lists(NAMES, max_size=2).map(tuple)
NODES = some.builds(
    Node, NAMES, OPS, some.lists(some.none() | REFS, max_size=3).map(tuple), some.dictionaries(NAMES, REFS, max_size=2),
    some.lists(TYPES, max_size=2).map(tuple), NAMES, SPANS, NAME_LISTS, NAME_LISTS,
)  # fmt: skip
READS = some.dictionaries(NAMES, REFS, max_size=2)
FLAT = some.builds(
    lambda name, nodes, outputs, updates: Graph(name, {node.name: node for node in nodes}, outputs, updates),
    NAMES,
    some.lists(NODES, max_size=4),
    READS,
    READS,
)


def around(graph: Graph, body: Graph, inner: Graph, node: Node) -> Graph:
    """A region with a region in it, and a layer that holds a region."""
    innermost = Node("loop", Repeat(inner, 3, 1, 0, reverse=True), (Ref("x"),), {"w.*": Ref("w.*")})
    outer = Node("loop@2", Repeat(Graph(body.name, {**body.nodes, "loop": innermost}, body.outputs), 2, 1, 1, start=5))
    held = replace(node, name="held", op=Saving(Repeat(inner, 1, 0, 0)))
    return replace(graph, nodes={**graph.nodes, outer.name: outer, "held": held})


GRAPHS = FLAT | some.builds(around, FLAT, FLAT, FLAT, NODES)


@settings(max_examples=100, deadline=None)
@given(GRAPHS)
def test_what_is_written_reads_back_equal(graph: Graph):
    again = from_text(to_text(graph))
    assert again == graph
    assert list(again.nodes) == list(graph.nodes)
    assert repr(again) == repr(graph), "1, 1.0 and true are equal in Python and not in a graph"


def test_one_node_is_one_line_with_its_details_at_the_end():
    node = Node(
        "dense", Dense(256), (Ref("flatten"),), {"kernel": Ref("dense.kernel"), "bias": Ref("dense.bias")},
        (Type((dim("batch"), 256)),), "dense", Span("model.net", 60, 95), ("body",), ("mlp",),
    )  # fmt: skip
    assert node_text(node) == (
        "dense : [batch, 256] = dense(units = 256) flatten; kernel = dense.kernel, bias = dense.bias  as body  in mlp  @ model.net:60..95"
    )


WRITTEN_BY_HAND = """
# types, paths and defaults may be left out
graph mlp {
  x = input("f32", (batch, 3))

  dense.kernel = parameter((3, 4), init = normal(0.1))   # what is drawn by this name in an op is another thing
  dense = dense(4, bias = false) x; kernel = dense.kernel
  output logits = dense
}
"""


def test_types_that_are_left_out_are_inferred():
    graph = from_text(WRITTEN_BY_HAND)
    assert [str(node.type) for node in graph] == ["[batch, 3]", "[3, 4]", "[batch, 4]"]
    assert graph.nodes["dense.kernel"].op == Parameter((3, 4), init=Normal(0.1))
    assert graph.outputs == {"logits": Ref("dense")}


REGION = """\
graph g {
  x : [batch, 4] = input(shape = (batch, 4))
  mask : bool[4] = input(dtype = "bool", shape = (4,))
  blocks.*.dense.kernel : [3, 4, 4] = parameter(shape = (4, 4), stack = ((0, 3),))
  blocks : [batch, 4] = repeat(count = 3, carried = 1, captured = 1) x, mask; blocks.*.dense.kernel  @ a.net:3..5  with body blocks {
    blocks.*.x : [batch, 4] = input(shape = (batch, 4))
    blocks.*.mask : bool[4] = input(dtype = "bool", shape = (4,))
    blocks.*.dense.kernel : [4, 4] = parameter(shape = (4, 4))
    blocks.*.dense : [batch, 4] = dense(units = 4, bias = false) blocks.*.x; kernel = blocks.*.dense.kernel
    output 0 = blocks.*.dense
  }
  output blocks
}
"""  # one node is one line


def test_a_region_stands_in_braces():
    graph = verify(from_text(REGION))
    assert to_text(graph) == REGION
    assert list(graph.nodes["blocks"].op.body.nodes) == [
        "blocks.*.x",
        "blocks.*.mask",
        "blocks.*.dense.kernel",
        "blocks.*.dense",
    ]  # type: ignore[attr-defined]


def test_infinity_and_not_a_number_are_numbers():
    found = from_text("graph g {\n  a = constant(inf)\n  b = constant(-inf)\n  c = constant(nan)\n}")
    values = [getattr(node.op, "value") for node in found]  # noqa: B009
    assert values[:2] == [math.inf, -math.inf] and math.isnan(values[2])


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("x = nothing_like_this()", "line 2: there is no layer `nothing_like_this`"),
        ("x = dense(4) y", "line 2: `x`: reads `y`, which does not stand before it"),
        ("x = dense(unit = 4)", "line 2: `dense` has no field `unit`"),
        ("x = dense(4, units = 4)", "line 2: `units` is given twice"),
        ("x = input(\n)", "line 2: not the text of a graph"),
        ("x = input()\n  x = input()", "line 3: `x` is given twice"),
        ("x = dense()", "line 2: `dense` needs the field `units`"),
        ("x = input() with body b {\n  }", "line 2: `input` has no field `body`"),
        ("x = input(1, 2, 3, 4)", "line 2: `input` has no field `more`"),
        ("x = input() path a path b", "line 2: `path` is given twice"),
        ("x = input((batch, 3", "line 2: not the text of a graph"),
    ],
)
def test_what_is_not_a_graph_is_refused_with_its_line(line: str, said: str):
    with pytest.raises(BadText) as refused:
        from_text(f"graph g {{\n  {line}\n}}\n")
    assert str(refused.value).startswith(said)


def test_a_field_without_a_text_form_is_refused():
    class Odd(Op):
        pass

    with pytest.raises(TypeError, match="has no text form"):
        node_text(Node("x", Constant(Odd)))  # pyright: ignore[reportArgumentType]


def test_a_region_with_its_backward_pass_reads_back_equal():
    blocks = bind(from_text(REGION), {"batch": 2})
    last = Node("sum", Sum(), (Ref("blocks"),), types=(Type(()),))
    graph = differentiate(
        replace(blocks, nodes={**blocks.nodes, "sum": last}, outputs={"loss": Ref("sum")}),
        "loss",
        ["blocks.*.dense.kernel", "x"],
    )
    assert from_text(to_text(verify(graph))) == graph
