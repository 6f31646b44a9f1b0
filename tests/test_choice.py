"""Which way to compute a call is taken: a function of the call, the platform and what was measured."""

from dataclasses import dataclass

import pytest
from graphs import Arrays, assert_close, run
from samples import op_of

from dslc.differentiate import differentiate
from dslc.graph import Graph
from dslc.ops._choice import Policy, call_of, choose, under
from dslc.ops._platform import targets
from dslc.ops.base import Lowering, Op
from dslc.ops.core.repeat import Repeat
from dslc.optimize import apply
from dslc.passes.base import PASSES
from dslc.text import from_text
from dslc.types import Type

UNROLL = "unroll_short_repeats"


def blocks(width: int, rows: int, count: int, bend: str = "gelu") -> Graph:
    """Residual blocks of a norm, two dense layers and an activation."""
    return from_text(f"""graph blocks {{
        x = input("f32", ({rows}, {width}))
        norm.scale = parameter(({width},), stack = ((0, {count}),))
        norm.bias = parameter(({width},), stack = ((0, {count}),))
        up.kernel = parameter(({width}, {width}), stack = ((0, {count}),))
        down.kernel = parameter(({width}, {width}), stack = ((0, {count}),))
        blocks = repeat({count}, 1, 0) x; norm.scale, norm.bias, up.kernel, down.kernel with body blocks {{
          carried = input("f32", ({rows}, {width}))
          norm.scale = parameter(({width},))
          norm.bias = parameter(({width},))
          norm = layer_norm() carried; scale = norm.scale, bias = norm.bias
          up.kernel = parameter(({width}, {width}))
          up = dense({width}, bias = false) norm; kernel = up.kernel
          {bend} = gelu() up
          down.kernel = parameter(({width}, {width}))
          down = dense({width}, bias = false) {bend}; kernel = down.kernel
          add = add() carried, down
          output 0 = add
        }}
        loss = mean() blocks
        output loss
      }}""")


def repeat_of(graph: Graph) -> tuple[Repeat, Type]:
    node = next(node for node in graph if isinstance(node.op, Repeat))
    assert isinstance(node.op, Repeat)
    return node.op, graph.nodes["x"].type


# Measured on two cores with AVX-512 (docs/measured.md): a loop takes 1.09 to 1.40 of the time of those that stand side by side,
# but 0.92 with 16 tiny blocks, 0.84 with 32 small ones and 0.91 with few rows; 200 would take longer to compile than a minute
# of training gains.
@pytest.mark.parametrize(
    ("width", "rows", "count", "taken"),
    [
        (16, 32, 4, "side by side"),
        (64, 128, 8, "side by side"),
        (512, 128, 4, "side by side"),
        (256, 1024, 8, "side by side"),
        (16, 32, 16, "loop"),
        (64, 128, 32, "loop"),
        (256, 128, 16, "loop"),
        (512, 32, 24, "loop"),
        (512, 128, 200, "loop"),
    ],
)
def test_small_and_many_iterations_are_a_loop_and_few_large_ones_stand_side_by_side(
    width: int, rows: int, count: int, taken: str
) -> None:
    op, x = repeat_of(blocks(width, rows, count))
    choice = choose(op, "cpu", x)
    assert choice is not None
    assert (choice.taken.name, choice.measured) == (taken, False)


def test_what_a_longer_program_costs_to_start_is_a_matter_of_the_device() -> None:
    op, x = repeat_of(blocks(16, 32, 8))
    taken = {platform: choose(op, platform, x) for platform in ("cpu", "cuda")}
    assert [choice.taken.name for choice in taken.values() if choice] == ["loop", "side by side"]


def test_what_was_measured_decides_on_the_device_where_it_was() -> None:
    op, x = repeat_of(blocks(64, 128, 8))
    measured = {call_of(op, x): {"loop": 1e-3, "side by side": 2e-3}}
    with under(Policy(platform="cpu", measured=measured)):
        here, elsewhere = choose(op, "cpu", x), choose(op, "cuda", x)
    assert here is not None and elsewhere is not None
    assert (here.taken.name, here.measured, here.seconds("side by side")) == ("loop", True, 2e-3)
    assert (elsewhere.taken.name, elsewhere.measured) == ("side by side", False)


def test_what_was_measured_of_some_of_the_ways_decides_nothing() -> None:
    op, x = repeat_of(blocks(64, 128, 8))
    with under(Policy(platform="cpu", measured={call_of(op, x): {"loop": 1e-9}})):
        choice = choose(op, "cpu", x)
    assert choice is not None and not choice.measured


def test_equal_calls_are_one_whatever_was_chosen_for_them_and_however_their_nodes_are_called() -> None:
    op, x = repeat_of(blocks(8, 4, 3))
    taken, _ = repeat_of(apply(PASSES[UNROLL](), blocks(8, 4, 3)).after)
    renamed = blocks(8, 4, 3, bend="curve")
    assert taken.unroll
    assert call_of(op, x) == call_of(taken, x) == call_of(repeat_of(renamed)[0], x)
    assert call_of(op, x) != call_of(repeat_of(blocks(8, 4, 4))[0], x)
    assert call_of(op, x) != call_of(repeat_of(blocks(8, 5, 3))[0], Type((5, 8)))


# Measured (docs/measured.md): the way that is named was the fastest on two cores.
@pytest.mark.parametrize(
    ("text", "type", "taken"),
    [
        ("conv(16, 3)", "[64, 8, 8, 16]", "own gradients, the kernel's in pieces"),
        ("conv(16, 3)", "[1, 8, 8, 16]", "own gradients"),
        ("conv(32, 1, stride = 2)", "[64, 8, 8, 16]", "product"),
        ("depthwise_conv(3)", "[64, 14, 14, 32]", "shifts"),
        ("conv(64, 3, groups = 8)", "[64, 14, 14, 64]", "a convolution for each group"),
        ("conv(64, 3, groups = 32)", "[64, 14, 14, 64]", "a convolution for each group"),
        ("embedding(65, 128)", "i32[12, 64]", "scatter"),
        ("attention(4)", "[12, 64, 128]", "whole"),
        ("attention(4, causal = true)", "[4, 128, 128]", "whole"),
        ("attention(4, causal = true)", "[2, 256, 128]", "in 4 blocks of queries"),
        ("attention(4, causal = true)", "[1, 512, 128]", "in 4 blocks of queries"),
        ("attention(4, causal = true, window = 128)", "[1, 2048, 128]", "in 8 blocks of queries or more"),
    ],
)
def test_the_model_takes_what_was_the_fastest(text: str, type: str, taken: str) -> None:
    choice = choose(op_of(text), "cpu", Type.parse(type))
    assert choice is not None and choice.taken.name == taken


def test_a_gpu_gets_the_convolution_of_xla_and_repeats_the_gradient_of_a_table_where_that_is_asked_for() -> None:
    convolution = choose(op_of("conv(64, 3, groups = 8)"), "cuda", Type.parse("[64, 14, 14, 64]"))
    assert convolution is not None and convolution.taken.name == "XLA's convolution"
    table, index = op_of("embedding(50257, 768)"), Type.parse("i32[12, 1024]")
    for deterministic, taken in ((False, "scatter"), (True, "sorted rows")):
        with under(Policy(deterministic=deterministic)):
            choice = choose(table, "cuda", index)
        assert choice is not None and choice.taken.name == taken


@dataclass(frozen=True)
class Two(Op):
    """Two ways, the faster one of which adds up in another order each time."""

    def lowerings(self, platform: str, *inputs: Type) -> tuple[Lowering, ...]:
        return Lowering("atomic", 1.0, repeats=False), Lowering("sorted", 2.0)


def test_deterministic_leaves_out_what_does_not_repeat() -> None:
    for deterministic, taken in ((False, "atomic"), (True, "sorted")):
        with under(Policy(deterministic=deterministic)):
            choice = choose(Two(), "cuda")
        assert choice is not None and choice.taken.name == taken


def test_the_pass_says_what_both_ways_take_and_how_that_is_known() -> None:
    graph = blocks(64, 128, 8)
    op, x = repeat_of(graph)
    (by_model,) = apply(PASSES[UNROLL](), graph).taken
    with under(Policy(platform="cpu", measured={call_of(op, x): {"loop": 1e-3, "side by side": 2e-3}})):
        (by_measure,) = apply(PASSES[UNROLL](), graph).refused
    assert str(by_model.gain).endswith("in a loop, by the model")
    assert str(by_measure.reason) == (
        "8 iterations stay one loop, which compiles once: side by side they would take 2 ms, and 1 ms in a loop, measured here"
    )


@pytest.mark.usefixtures("float64")
def test_both_ways_give_the_same_numbers() -> None:
    graph = blocks(6, 5, 3)
    arrays = Arrays.drawn(graph)
    names = [node.name for node in graph.sources("parameter")]
    both = (graph, apply(PASSES[UNROLL](), graph).after)
    # Float64 sums of a dozen numbers through three blocks, in another order.
    found, wanted = (run(differentiate(one, "loss", names), arrays, training=True) for one in both)
    assert_close(found, wanted, 1e-11)


def test_what_attention_keeps_is_the_same_for_all_platforms_of_a_program() -> None:
    op, x = op_of("attention(4, causal = true)"), Type.parse("[2, 256, 128]")
    whole = {"whole": 1e-6, "in 4 blocks of queries": 1.0, "in 8 blocks of queries or more": 1.0}
    with under(Policy(platform="cpu", measured={call_of(op, x): whole})):
        with targets("cpu"):
            here = op.saved(x)
            # A graph of 32-bit floats runs on wider ones, too.
            assert [*op.saved(Type.parse("f64[2, 256, 128]"))] == [*here]
        with targets("cpu", "cuda"):
            both = op.saved(x)
    assert "shares" in here and "logsumexp" not in here
    assert "logsumexp" in both and "shares" not in both
