"""Will it fit, how long will it take: memory beside XLA's own count, time by speeds that a person can work with."""

from dataclasses import replace

import headers
import pytest
from nets import plan_of

from dslc import compiler
from dslc.compilation import Compilation
from dslc.compiler import Options
from dslc.differentiate import differentiate
from dslc.estimate.forecast import forecast
from dslc.estimate.memory import of_plan
from dslc.estimate.speeds import Speeds, between
from dslc.estimate.time import LOOP, graph_seconds, loop_seconds
from dslc.ops.core.backward import Backward
from dslc.sizes import sized, sizes_of
from dslc.source import Source
from dslc.text import from_text

TRAIN = "train m {{ data = digits()  loss = (logits, label) -> cross_entropy  batch = {} }}\n"
HEAD = "model m { input image: [batch, 8, 8, 1]  output logits = image -> "
MLP = HEAD + "flatten -> dense(512) -> relu -> dense(256) -> gelu -> dropout(0.2) -> dense(10) }\n"
DEEP = (
    HEAD
    + "flatten -> dense(128) -> repeat 12 { residual { layer_norm -> dense(512) -> gelu -> dense(128) } } -> dense(10) }\n"
)
CONV = HEAD + "conv(32, 3) -> relu -> conv(32, 3) -> relu -> flatten -> dense(10) }\n"
RECURRENT = HEAD + "reshape([batch, 16, 4]) -> lstm(64) -> last -> dense(10) }\n"
ATTENTION = HEAD + "reshape([batch, 64, 1]) -> dense(64) -> repeat 8 { residual { layer_norm -> attention(4) } } -> mean(axis = 1) -> dense(10) }\n"  # fmt: skip
SPEEDS = Speeds(
    products=((1e3, 1e9), (1e9, 1e11)),
    batched=((1e3, 1e9), (1e9, 1e11)),
    arrays=((1e3, 1e10), (1e9, 1e10)),
    elementwise=1e9,
    convolutions=((1e2, 1e10), (1e4, 1e10)),
    attention=((1e3, 1e9), (1e9, 1e11)),
    along=((1e1, 1e9), (1e3, 1e9)),
    across=1e9,
    gathered=1e9,
    sorted=1e8,
    start=1e-6,
)


@pytest.mark.parametrize(
    ("model", "rows"),
    [(MLP, 512), (DEEP, 256), (CONV, 128), (RECURRENT, 256), (ATTENTION, 64)],
    ids=["mlp", "deep", "conv", "recurrent", "attention"],
)
@pytest.mark.usefixtures("optimized")
def test_memory_is_what_xla_counts(model: str, rows: int):
    text = model + TRAIN.format(rows)
    found = of_plan(plan_of(text))
    counted = Compilation(Source("m.net", f"net 1\n{text}"), Options()).compile.memory_analysis()
    assert counted is not None
    # The program is compiled with one batch as its data.
    said, there = found.total + found.batch, counted.argument_size_in_bytes + counted.temp_size_in_bytes
    # Buffers that share memory by chance, and kernels with scratch memory of their own.
    assert abs(said - there) < 0.2 * there, (said, there)


def test_a_forecast_counts_rows_and_steps():
    text = MLP + TRAIN.format(100)
    found = forecast(plan_of(text), "m.net", (), SPEEDS)
    weights = 64 * 512 + 512 + 512 * 256 + 256 + 256 * 10 + 10
    assert (found.needs.weights, found.needs.optimizer, found.needs.gradients) == (
        4 * weights,
        8 * weights,
        4 * weights,
    )
    assert found.steps == 1_797 // 100
    # A picture, its label, and the number of the row in the order of the epoch.
    assert found.needs.data == 1_797 * (64 * 4 + 4 + 4)
    assert found.epoch == pytest.approx(17 * (found.step or 0))
    facts = found.to_json()
    assert facts["memory"]["peak"] == sum(size for name, size in facts["memory"].items() if name != "peak")
    assert forecast(plan_of(text), "m.net", (), None).step is None


def test_half_the_batch_of_accumulate_takes_half_the_activations():
    text = DEEP + TRAIN.format(512)
    whole, halves = (of_plan(plan_of(part)) for part in (text, text.replace("batch =", "accumulate = 2  batch =")))
    assert halves.activations == pytest.approx(whole.activations / 2, rel=0.01)
    assert halves.weights == whole.weights


def test_time_is_that_of_products_bytes_and_starts():
    graph = from_text("""graph one {
      x = input("f32", (100, 100))
      dense.kernel = parameter((100, 200))
      dense = dense(200, bias = false) x; kernel = dense.kernel
      output dense
    }""")
    flops, moved = 2 * 100 * 100 * 200, 4 * (100 * 100 + 100 * 200 + 100 * 200)
    wanted = flops / between(SPEEDS.products, flops) + moved / 1e10 + 1e-6
    assert graph_seconds(graph, SPEEDS) == pytest.approx(wanted)
    slower = replace(SPEEDS, start=1e-3)
    assert graph_seconds(graph, slower) - graph_seconds(graph, SPEEDS) == pytest.approx(1e-3 - 1e-6)


@pytest.mark.parametrize("found", [pytest.param(found, id=found.name) for found in headers.examples()])
def test_every_layer_of_the_examples_has_a_time(found: headers.Example):
    graph = compiler.graph(found.source)
    graph = sized(graph, sizes_of(graph, {}))
    assert graph_seconds(graph, SPEEDS) > 0


def test_a_norm_takes_its_numbers_by_the_way_that_it_goes_over_them():
    graph = from_text("""graph one {
      x = input("f32", (100, 50))
      rows.scale = parameter((50,))
      rows.bias = parameter((50,))
      rows = layer_norm() x; scale = rows.scale, bias = rows.bias
      output rows
    }""")
    assert graph_seconds(graph, replace(SPEEDS, along=((1e1, 1e6), (1e3, 1e6)))) == pytest.approx(100 * 50 / 2e6 + 1e-6)
    assert graph_seconds(graph, replace(SPEEDS, across=1e6)) == pytest.approx(100 * 50 / 2e9 + 1e-6)


def test_speeds_between_measured_ones_go_by_the_logarithm_of_the_size():
    points = ((1e2, 10.0), (1e4, 30.0))
    assert [between(points, at) for at in (1, 1e2, 1e3, 1e4, 1e9)] == pytest.approx([10, 10, 20, 30, 30])


@pytest.mark.usefixtures("optimized")
def test_the_two_directions_of_a_layer_work_at_once():
    both = HEAD + "reshape([batch, 16, 4]) -> bidirectional { lstm(64) } -> last -> dense(10) }\n"
    text = both + TRAIN.format(256)
    found = of_plan(plan_of(text))
    counted = Compilation(Source("m.net", f"net 1\n{text}"), Options()).compile.memory_analysis()
    assert counted is not None
    said, there = found.total + found.batch, counted.argument_size_in_bytes + counted.temp_size_in_bytes
    # One direction at a time would be a quarter less.
    assert abs(said - there) < 0.1 * there, (said, there)


def test_gradients_lie_where_the_optimizer_kept_its_old_state():
    adam, sgd = (
        of_plan(plan_of(MLP + TRAIN.format(8).replace("batch", f"optimizer = {rule}  batch")))
        for rule in ("adam(lr = 1e-3)", "sgd(lr = 1e-3)")
    )
    # Two slots for each weight, and copies of them while they are written, less the gradients.
    assert adam.total - sgd.total == 2 * adam.weights + 2 * adam.gradients - adam.gradients


def test_updates_of_every_step_work_at_once_and_others_take_turns():
    text = """model a { input image: [batch, 8, 8, 1]  output logits = image -> flatten -> dense(256) -> relu -> dense(10) }
      model b { input image: [batch, 8, 8, 1]  output logits = image -> flatten -> dense(128) -> relu -> dense(10) }
      train both { data = digits()  batch = 64
        step one { update = [a]  first = (image -> a, label) -> cross_entropy  loss = first }
        step two { update = [b]  second = (image -> b, label) -> cross_entropy  loss = second }
      }"""
    rarely = text.replace("update = [b]", "update = [b]  every = 2")
    together, turns = (of_plan(plan_of(part)) for part in (text, rarely))
    assert together.activations + together.temporaries > 1.2 * (turns.activations + turns.temporaries)
    assert together.weights == turns.weights


def test_a_backward_rule_has_two_products_and_a_bias_none():
    graph = from_text("""graph one {
      x = input("f32", (100, 100))
      dense.kernel = parameter((100, 200))
      dense.bias = parameter((200,))
      dense = dense(200) x; kernel = dense.kernel, bias = dense.bias
      second.kernel = parameter((200, 10))
      second = dense(10, bias = false) dense; kernel = second.kernel
      loss = sum() second
      output loss
    }""")
    made = differentiate(graph, "loss", ["dense.kernel", "dense.bias", "second.kernel"])
    products = {node.name: node.op.products for node in made if isinstance(node.op, Backward)}
    assert (products["dense.gradient"], products["second.gradient"]) == (1, 2)


def test_a_step_takes_its_rows_its_share_of_the_order_and_the_loop():
    plan = plan_of(MLP + TRAIN.format(64))
    fast = replace(SPEEDS, gathered=1e12, sorted=1e12, start=1e-12)
    assert loop_seconds(plan, None, replace(fast, gathered=1e6)) == pytest.approx(64 * (64 + 1) / 1e6, rel=1e-3)
    assert loop_seconds(plan, 1024, replace(fast, sorted=1e6)) == pytest.approx(1024 * 10 / 1e6 / 16, rel=1e-3)
    assert loop_seconds(plan, None, replace(fast, start=1e-3)) == pytest.approx(LOOP * 1e-3, rel=1e-3)
