"""Memory for time: what is computed again changes no number, and takes the memory that it says."""

from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import pytest
from graphs import Arrays
from nets import plan_of, problems_of

from dslc.bind import bind
from dslc.differentiate import differentiate
from dslc.differentiate.hoist import hoist
from dslc.errors.base import Failed
from dslc.estimate.liveness import peak
from dslc.graph import Graph
from dslc.lower import lower, shapes_of
from dslc.ops.core.repeat import Repeat
from dslc.optimize import optimize
from dslc.plan import Plan
from dslc.recompute.choose import choices
from dslc.recompute.enclose import enclosed
from dslc.recompute.fit import fit
from dslc.recompute.segments import segmented
from dslc.verify import verify

LAYER = "residual { layer_norm -> dense(16) -> gelu -> dropout(0.3) -> dense(16) -> batch_norm -> (it * (i + 1)) }"
DEEP = f"""model deep(depth = 12) {{
  input  image: [batch, 8, 8, 1]
  output logits = image -> flatten -> dense(16) -> repeat i in 0..depth {{ {LAYER} }} -> dense(10)
}}
"""
PLAIN = """model plain {
  input  image: [batch, 8, 8, 1]
  a = image -> conv(8, 3) -> batch_norm -> relu -> dropout(0.2) -> conv(8, 3) -> batch_norm
  b = a -> relu -> conv(8, 3) -> gelu -> conv(8, 3)
  output logits = a + b -> relu -> flatten -> dense(32) -> tanh -> dense(10)
}
"""
BLOCK = "residual { layer_norm -> dense(64) -> gelu -> dropout(0.2) -> dense(64) }"
COPIES = f"""model copies {{
  input  image: [batch, 8, 8, 1]
  output logits = image -> flatten -> {" -> ".join([BLOCK] * 24)} -> dense(10)
}}
"""
"""A pass makes one loop of them; their draws are those of 24 places."""
TRAIN = "train {} {{ data = digits()  loss = (logits, label) -> cross_entropy  batch = {}  {} }}\n"
WIDE = """model deep(depth = {}) {{
  input  image: [batch, 8, 8, 1]
  output logits = image -> flatten -> repeat depth {{ residual {{ layer_norm -> dense(128) -> gelu -> dense(64) }} }} -> dense(10)
}}
"""


def forward(text: str, rows: int) -> Graph:
    plan = plan_of(text)
    graph = replace(plan.graph, outputs={"loss": plan.graph.outputs["loss"]}).live()
    return hoist(optimize(bind(graph, {"batch": rows}), "training")[0])


def weights(graph: Graph) -> list[str]:
    return [node.name for node in graph.sources("parameter")]


def results(graph: Graph, arrays: Arrays) -> Any:
    """Loss, gradients and next states in float64."""
    joint = verify(differentiate(verify(graph), "loss", weights(graph)))

    def run(weights: Any, state: Any, inputs: Any) -> Any:
        return lower(joint)(weights, state, inputs, training=True, key=jax.random.key(3))

    return jax.jit(run)(arrays.weights, arrays.state, arrays.inputs)


def differ(one: Any, other: Any) -> float:
    pairs = zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True)
    return max(float(jnp.abs(a - b).max() / (1 + jnp.abs(a).max())) for a, b in pairs)


def temporary(graph: Graph) -> int:
    """XLA's own count."""
    joint = differentiate(graph, "loss", weights(graph))

    def run(weights: Any, state: Any, inputs: Any) -> Any:
        return lower(joint)(weights, state, inputs, training=True, key=jax.random.key(3))

    given = (shapes_of(graph, kind) for kind in ("parameter", "state", "input"))
    found = jax.jit(run).lower(*given).compile().memory_analysis()
    assert found is not None
    return found.temp_size_in_bytes


def repeat_of(graph: Graph) -> str:
    return next(node.name for node in graph if isinstance(node.op, Repeat))


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("whole", [False, True], ids=["", "bodies_again"])
@pytest.mark.parametrize("length", [2, 3, 6])
def test_a_repeat_in_segments_gives_the_same_numbers_bit_for_bit(length: int, whole: bool):
    graph = forward(DEEP + TRAIN.format("deep", 8, ""), 8)
    name, arrays = repeat_of(graph), Arrays.drawn(graph)
    before = results(graph, arrays)
    node = graph.nodes[name]
    assert isinstance(node.op, Repeat)
    if whole:
        body = enclosed(node.op.body, [inner.name for inner in node.op.body])
        graph = replace(graph, nodes={**graph.nodes, name: replace(node, op=replace(node.op, body=body))})
    assert differ(before, results(segmented(graph, name, length), arrays)) == 0


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("model", [DEEP, PLAIN, COPIES], ids=["deep", "plain", "copies"])
def test_no_choice_changes_a_gradient_a_draw_or_a_statistic(model: str):
    name = model.split("(", maxsplit=1)[0].split(" {", maxsplit=1)[0].removeprefix("model ")
    graph = forward(model + TRAIN.format(name, 4, ""), 4)
    arrays = Arrays.drawn(graph)
    before = results(graph, arrays)
    others = {
        step_peak(choice.graph): choice.graph for choice in choices(graph, weights(graph), "loss") if choice.again
    }
    assert len(others) > 3
    # Every third of them: each is a program to compile.
    for other in list(others.values())[::3]:
        # XLA fuses what is computed again in another way: some last bits of float64.
        assert differ(before, results(other, arrays)) < 1e-13


@pytest.mark.usefixtures("optimized")
def test_memory_grows_with_the_square_root_of_depth():
    claimed, counted, kept = [], [], []
    for depth in (64, 256):
        graph = forward(WIDE.format(depth) + TRAIN.format("deep", 256, ""), 256)
        found = [(step_peak(choice.graph), choice.graph) for choice in choices(graph, weights(graph), "loss")]
        least, chosen = min(found, key=lambda pair: pair[0])
        claimed.append(least)
        counted.append(temporary(chosen))
        kept.append(temporary(graph))
    # Everything kept grows fourfold. Twice is the root; a quarter more for the gradient of one segment's weights.
    assert kept[1] > 3.8 * kept[0]
    assert counted[1] < 2.5 * counted[0]
    assert counted[1] < kept[1] / 8
    # XLA shares and pads buffers in its own way: a fifth.
    assert all(abs(one - other) < 0.2 * other for one, other in zip(claimed, counted, strict=True))


def step_peak(graph: Graph) -> int:
    return peak(differentiate(graph, "loss", weights(graph))).bytes


@pytest.mark.usefixtures("optimized")
def test_what_stands_in_no_loop_takes_less_memory_too():
    graph = forward(PLAIN + TRAIN.format("plain", 128, ""), 128)
    found = [temporary(choice.graph) for choice in choices(graph, weights(graph), "loss") if len(choice.again) != 1]
    assert min(found) < 0.8 * found[0]


@pytest.mark.usefixtures("optimized")
def test_the_author_s_remat_takes_less_memory_too():
    layer = "dense(256) -> gelu -> dense(64)"
    plain = f"model m {{ input image: [batch, 8, 8, 1]  h = image -> flatten\n a = h -> {layer}\n b = a -> {layer}\n"
    plain += f" c = b -> {layer}\n d = c -> {layer}\n output logits = d -> dense(10) }}\n" + TRAIN.format("m", 512, "")
    again = plain.replace(layer, f"remat {{ {layer} }}")
    before, after = (temporary(forward(text, 512)) for text in (plain, again))
    assert after < 0.6 * before


def test_a_budget_that_everything_fits_into_changes_nothing():
    text = DEEP + TRAIN.format("deep", 8, 'memory = "1GB"')
    plan, graph = plan_of(text), forward(text, 8)
    assert fit(graph, plan, plan.updates[0], weights(graph)).again == ()


def least(graph: Graph, plan: Plan) -> int:
    """What the message says that a step takes at least."""
    with pytest.raises(Failed) as raised:
        fit(graph, replace(plan, memory=1), plan.updates[0], weights(graph))
    (problem,) = raised.value.problems
    assert problem.code == "E0463"
    assert "weights" in problem.label()
    return getattr(problem, "least")  # noqa: B009  # a field of this class of problems alone


def test_less_memory_costs_more_operations_and_the_least_can_be_met():
    text = WIDE.format(64) + TRAIN.format("deep", 4096, "")
    plan, graph = plan_of(text), forward(text, 4096)
    low, flops = least(graph, plan), list[int]()
    for budget in (10**9, 300 * 10**6, 150 * 10**6, low):
        choice = fit(graph, replace(plan, memory=budget), plan.updates[0], weights(graph))
        flops.append(choice.flops)
        assert not choice.again or choice.needs <= budget
    assert flops[0] == 0
    assert sorted(flops) == flops
    assert len(set(flops)) > 2
    with pytest.raises(Failed):
        fit(graph, replace(plan, memory=low - 1), plan.updates[0], weights(graph))


@pytest.mark.parametrize("given", ['"8 bananas"', "0", '"GB"'])
def test_memory_is_an_amount(given: str):
    codes = [problem.code for problem in problems_of(DEEP + TRAIN.format("deep", 8, f"memory = {given}"))]
    assert codes == ["E0461"]
