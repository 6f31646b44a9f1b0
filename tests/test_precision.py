"""`precision` as a rewrite of graphs: what computes in 16 bits, what in float32, and what the sums are worth."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import small
from handmade import Net
from nets import graph_of, plan_of

from dslc import compiler
from dslc.bind import bind
from dslc.compilation import Compilation
from dslc.differentiate import differentiate, gradient_name
from dslc.graph import Graph, Node, Ref
from dslc.lower import _given, _run, lower, shapes_of  # pyright: ignore[reportPrivateUsage]  # the walk, watched
from dslc.ops._bits import never_differentiated, scan
from dslc.ops.base import Weight
from dslc.ops.core.repeat import Repeat
from dslc.optimize import optimize
from dslc.precision import Precision
from dslc.types import BYTES, JAX_DTYPES
from dslc.verify import verify

ROOT = Path(__file__).parent.parent
EXAMPLES = [pytest.param(file, "bf16", id=file.stem) for file in small.FILES]
LANGUAGE = [pytest.param(file, "f16", id=file.stem) for file in sorted((ROOT / "tests/language").glob("*.net"))]
BF16 = 2.0**-8
"""Relative distance of neighbours in bfloat16: rounding errs by half of it."""


def narrowed(text: str, dtype: str = "bf16", **dims: int) -> Graph:
    graph = bind(graph_of(text), {"batch": 4, **dims})
    return verify(Precision(dtype).run(graph).graph)


def dtypes(graph: Graph) -> dict[str, str]:
    """Dtype of every node's output by its name."""
    return {node.name: node.type.dtype for node in graph}


def called(
    op: str, inputs: Sequence[Any], weights: dict[str, Any] | None = None, training: bool = False, **settings: Any
) -> Any:
    """What an op makes of 16-bit arrays after the rewrite, and its next states."""
    net = Net()
    refs = [None if array is None else net.input(f"x{place}", _type(array)) for place, array in enumerate(inputs)]
    # A product that changes nothing: what it gives is in 16 bits.
    x = net.call("prelu", refs[0], name="low")
    net.builder.outputs["y"] = net.call(op, x, *refs[1:], name="op", **settings)
    graph = Precision("bf16").run(net.builder.graph()).graph
    state = {node.name: jnp.zeros(node.type.shape) for node in graph.sources("state")}
    named = {f"op.{role}": array for role, array in (weights or {}).items()}
    named |= {node.name: jnp.ones(node.type.shape) for node in graph.sources("parameter") if "low." in node.name}
    given = {f"x{place}": array for place, array in enumerate(inputs) if array is not None}
    return jax.jit(lambda *arrays: lower(graph)(*arrays, training=training))(named, state, given)


def _type(array: Any) -> str:
    short = {"float32": "f32", "int32": "i32"}[str(array.dtype)]
    return f"{short}[{', '.join(map(str, array.shape))}]"


def rounded(values: Any) -> np.ndarray[Any, Any]:
    """The values in bfloat16, as float64."""
    return np.asarray(jnp.asarray(values, jnp.bfloat16).astype(jnp.float32), np.float64)


# What computes in what.


def test_products_are_narrow_and_sums_are_wide() -> None:
    graph = narrowed(
        """model m {
             input  x: [batch, 8]
             h      = x -> dense(16) -> layer_norm -> gelu
             output y = h -> dense(4)
             output level = h -> mean
           }"""
    )
    found = dtypes(graph)
    assert [found[name] for name in ("dense", "layer_norm", "gelu", "dense_2")] == ["bf16"] * 4
    assert found["mean"] == "f32"
    assert {found[node.name] for node in graph.sources("parameter")} == {"f32"}
    # The norm takes its scale and shift as they are.
    assert graph.nodes["layer_norm"].weights == {"scale": Ref("layer_norm.scale"), "bias": Ref("layer_norm.bias")}
    assert {graph.type(ref).dtype for ref in graph.outputs.values()} == {"f32"}


def test_a_tensor_is_cast_once_for_all_who_read_it() -> None:
    graph = narrowed("model m { input x: [batch, 8]  output y = (x -> dense(3)) + (x -> dense(3)) }")
    casts = [node.inputs for node in graph if node.op.name == "cast" and node.inputs[0] == Ref("x")]
    assert len(casts) == 1


def test_weights_of_a_loop_are_cast_once_in_front_of_it() -> None:
    graph = narrowed("model m { input x: [batch, 8]  output y = x -> repeat 20 { dense(8) -> layer_norm -> tanh } }")
    region = next(node for node in graph if isinstance(node.op, Repeat))
    assert isinstance(region.op, Repeat)
    body = region.op.body
    assert not [node for node in body if node.op.name == "cast"]
    inside = {
        node.name.split(".")[-2:][0] + "." + node.name.split(".")[-1]: node.type.dtype
        for node in body.sources("parameter")
    }
    assert inside == {"dense.kernel": "bf16", "dense.bias": "bf16", "layer_norm.scale": "f32", "layer_norm.bias": "f32"}
    assert {graph.type(ref).dtype for role, ref in region.weights.items() if "dense" in role} == {"bf16"}
    assert region.type.dtype == "bf16"


def test_what_a_loop_adds_up_is_carried_in_float32() -> None:
    graph = narrowed(
        """model m {
             input  x: [batch, time, 8]
             output y = x -> scan { counting } -> it[:, -1]
           }
           block counting {
             input  x: [batch, c]
             carry  total: [batch, 1] = zeros
             next   total = total + (x -> dense(4) -> mean(axis = -1, keep = true))
             output total
           }""",
        time=50,
    )
    region = next(node for node in graph if isinstance(node.op, Repeat))
    assert isinstance(region.op, Repeat)
    assert region.type.dtype == "f32"
    assert region.op.body.nodes[region.op.given[0]].type.dtype == "f32"
    assert "bf16" in dtypes(region.op.body).values()


def test_what_the_author_casts_to_float32_stays_so_up_to_the_next_product() -> None:
    found = dtypes(
        narrowed('model m { input x: [batch, 8]  output y = x -> dense(8) -> cast("f32") -> tanh -> dense(4) -> relu }')
    )
    assert [found[name] for name in ("dense", "cast", "tanh", "dense_2", "relu")] == [
        "bf16",
        "f32",
        "f32",
        "bf16",
        "bf16",
    ]


def test_what_is_made_of_weights_alone_is_made_in_float32_and_rounded_once() -> None:
    graph = narrowed(
        "model m { input t: i32[batch]  layer words = embedding(9, 8)  output y = t -> words -> dense(8) -> (it @ words.table.T) }"
    )
    turned = next(node for node in graph if node.op.name == "transpose")
    assert turned.type.dtype == "f32"
    (reader,) = graph.uses[Ref(turned.name)]
    assert graph.nodes[reader].op.name == "cast"


def test_the_loss_and_its_targets_stay_in_float32() -> None:
    plan = plan_of(
        """model m { input features: [batch, 10]  output y = features -> dense(1) }
           train m { data = diabetes()  loss = (y -> squeeze, target) -> squared_error  precision = "bf16" }"""
    )
    assert plan.precision == "bf16"
    graph, report = optimize(bind(plan.graph, {"batch": 4}), "training", (), plan.precision)
    (loss,) = (node for node in graph if node.op.name == "squared_error")
    assert [graph.type(ref).dtype for ref in loss.inputs if ref] == ["bf16", "f32"]
    assert loss.type.dtype == "f32"
    (step,) = report.steps
    assert step.optimization.name == "precision"
    assert [str(match.gain) for match in step.taken] == ["computes in bf16, of 3 rounded tensors"]


def test_gradients_of_weights_are_float32() -> None:
    graph = narrowed(
        "model m { input x: [batch, 8]  output y = x -> dense(8) -> repeat 9 { dense(8) -> relu } -> mean }"
    )
    weights = [node.name for node in graph.sources("parameter")]
    derived = differentiate(graph, "y", weights)
    assert {derived.type(derived.outputs[gradient_name(name)]).dtype for name in weights} == {"f32"}


def test_float32_changes_nothing() -> None:
    graph = bind(graph_of("model m { input x: [batch, 8]  output y = x -> dense(8) }"), {"batch": 4})
    assert optimize(graph, "always", (), "f32")[0] is graph


@pytest.mark.parametrize(("file", "dtype"), [*EXAMPLES, *LANGUAGE])
def test_every_array_has_the_dtype_that_its_type_says(file: Path, dtype: str) -> None:
    compilation = Compilation(compiler.read(str(file)), compiler.Options(data=(ROOT / "tests/data",)))
    plan = compilation.plan
    if plan is None:
        pytest.skip("its data is not here, and so neither are the fields of its train block")
    vars(compilation)["plan"] = replace(plan, precision=dtype, batch=2, accumulate=1)
    graph = compilation.differentiate
    wrong: list[str] = []

    def look(node: Node, outputs: Any, iterations: Any) -> None:
        for type, array in zip(node.types, outputs, strict=True):
            if (array.dtype, array.shape) != (JAX_DTYPES[type.dtype], type.shape):
                wrong.append(f"`{node.name}` is {type}, and gives {array.dtype}{list(array.shape)}")

    given = (shapes_of(graph, kind) for kind in ("parameter", "state", "input"))
    run = _run(lower(graph), True, jax.random.key(0), look)
    jax.eval_shape(lambda *arrays: run(graph, _given(graph, *arrays)), *given)
    assert not wrong
    assert dtype in {type.dtype for node in graph for type in node.types}


# What sums are worth. bfloat16 counts to 256: a sum in it stops there.


def test_a_mean_of_a_hundred_thousand_ones_is_1() -> None:
    outputs, _ = called("mean", [jnp.ones((100_000,))])
    assert float(outputs["y"]) == 1.0
    outputs, _ = called("sum", [jnp.ones((100_000,))])
    assert float(outputs["y"]) == 100_000.0


@pytest.mark.parametrize("op", ["mean", "var", "norm", "logsumexp"])
def test_a_reduction_of_many_is_as_good_as_float32(op: str) -> None:
    x = np.random.default_rng(0).normal(1.0, 2.0, 50_000).astype(np.float32)
    wide = rounded(x)
    wanted = {
        "mean": wide.mean(), "var": wide.var(), "norm": np.linalg.norm(wide), "logsumexp": np.log(np.exp(wide).sum()),
    }[op]  # fmt: skip
    outputs, _ = called(op, [jnp.asarray(x)])
    # Summation by pairs in float32 loses some bits of 24.
    assert float(outputs["y"]) == pytest.approx(wanted, rel=1e-5)


def test_layer_norm_far_from_zero_has_the_variance_of_float64() -> None:
    x = np.random.default_rng(1).normal(64.0, 1.0, (4, 512)).astype(np.float32)
    wide = rounded(x)
    wanted = (wide - wide.mean(-1, keepdims=True)) / np.sqrt(wide.var(-1, keepdims=True) + 1e-5)
    outputs, _ = called("layer_norm", [jnp.asarray(x)], {"scale": jnp.ones(512), "bias": jnp.zeros(512)})
    # The output is rounded to bfloat16, the statistics are not.
    assert np.abs(np.asarray(outputs["y"], np.float64) - wanted).max() <= BF16 / 2 * np.abs(wanted).max() + 1e-4


def test_batch_norm_keeps_running_statistics_of_float32() -> None:
    x = np.random.default_rng(2).normal(10.0, 0.5, (4096, 3)).astype(np.float32)
    wide = rounded(x)
    weights = {"scale": jnp.ones(3), "bias": jnp.zeros(3)}
    _, state = called("batch_norm", [jnp.asarray(x)], weights, training=True, momentum=0.0)
    # A mean of thousands in float32: some bits of 24.
    np.testing.assert_allclose(np.asarray(state["op.mean"]), wide.mean(0), rtol=1e-5)
    np.testing.assert_allclose(np.asarray(state["op.var"]), wide.var(0), rtol=1e-4)
    assert state["op.mean"].dtype == jnp.float32


def test_cross_entropy_over_32k_classes_is_as_good_as_float32() -> None:
    x = np.random.default_rng(3).normal(0.0, 1.0, (8, 32_768)).astype(np.float32)
    target = np.arange(8, dtype=np.int32) * 1000
    wide = rounded(x)
    wanted = (np.log(np.exp(wide).sum(-1)) - wide[np.arange(8), target]).mean()
    outputs, _ = called("cross_entropy", [jnp.asarray(x), jnp.asarray(target)])
    assert float(outputs["y"]) == pytest.approx(wanted, rel=1e-5)


def test_softmax_of_32k_shares_adds_up_to_1() -> None:
    outputs, _ = called("softmax", [jnp.asarray(np.random.default_rng(4).normal(size=32_768), jnp.float32), None])
    # Each share is rounded by itself: their errors cancel but for a part of half a unit.
    assert float(np.asarray(outputs["y"], np.float64).sum()) == pytest.approx(1.0, abs=BF16 / 2)


@pytest.mark.parametrize(
    ("op", "settings"), [("avg_pool", {"size": 15, "stride": 1}), ("avg_pool", {"size": 15}), ("global_avg_pool", {})]
)
def test_a_pool_of_many_places_rounds_once(op: str, settings: dict[str, Any]) -> None:
    x = np.random.default_rng(5).normal(3.0, 1.0, (1, 15, 15, 2)).astype(np.float32)
    outputs, _ = called(op, [jnp.asarray(x)], **settings)
    wanted = rounded(x).mean((1, 2)).reshape(-1)
    np.testing.assert_allclose(np.asarray(outputs["y"], np.float64).reshape(-1), wanted, rtol=BF16 / 2 + 1e-6)


def test_a_depthwise_convolution_rounds_once() -> None:
    random = np.random.default_rng(6)
    x, kernel = (random.normal(1.0, 0.3, shape).astype(np.float32) for shape in ((1, 9, 9, 2), (9, 9, 1, 2)))
    weights = {"kernel": jnp.asarray(kernel), "bias": jnp.zeros(2)}
    outputs, _ = called("depthwise_conv", [jnp.asarray(x)], weights, kernel=9, padding="valid")
    wanted = (rounded(x) * rounded(kernel).reshape(1, 9, 9, 2)).sum((1, 2))
    # Once for the sum, once for the bias that is added to it.
    np.testing.assert_allclose(np.asarray(outputs["y"], np.float64).reshape(1, 2), wanted, rtol=BF16 + 1e-6)


def test_gradients_of_what_a_loop_captures_are_added_up_in_float32() -> None:
    net = Net()
    x, w = net.call("prelu", net.input("x", "[1000, 1]"), name="low"), net.source("parameter", "w", Weight(()))
    _, parts = net.repeat(
        [net.input("start", "[]")], 1000, lambda inner, h, w, row: (h, inner.call("multiply", w, row)), [w], [x]
    )
    net.builder.outputs["y"] = net.call("sum", parts)
    graph = Precision("bf16").run(net.builder.graph()).graph
    derived = differentiate(graph, "y", ["w"])
    region = next(node for node in derived if node.name == "blocks")
    assert isinstance(region.op, Repeat)
    assert "bf16" in {region.op.body.nodes[name].type.dtype for name in region.op.given}
    weights = {"w": jnp.asarray(0.5), "low.scale": jnp.ones(1)}
    outputs, _ = lower(derived)(weights, {}, {"x": jnp.ones((1000, 1)), "start": jnp.asarray(0.0)})
    assert float(outputs[gradient_name("w")]) == 1000.0


def test_a_drop_rate_that_grows_with_the_depth_is_counted_in_float32() -> None:
    text = """model m {
      input  x: [batch, 64]
      output y = x -> dense(64) -> repeat i in 0..10 { dropout(0.05 * i) }
    }"""
    graph = narrowed(text, "f16", batch=64)
    weights = {"dense.kernel": jnp.zeros((64, 64)), "dense.bias": jnp.ones(64)}
    outputs, _ = lower(graph)(weights, {}, {"x": jnp.ones((64, 64))}, training=True, key=jax.random.key(1))
    left = float((outputs["y"] != 0).mean())
    wanted = float(np.prod([1 - 0.05 * i for i in range(10)]))
    # Four standard deviations of a share of 4,096 draws.
    assert left == pytest.approx(wanted, abs=4 * np.sqrt(wanted * (1 - wanted) / 4096))


# Loops over 16-bit floats on CPUs.


@pytest.mark.parametrize("reverse", [False, True])
def test_a_loop_over_bits_gives_what_the_loop_over_floats_gives(reverse: bool) -> None:
    random = np.random.default_rng(7)
    start, rows = (jnp.asarray(random.normal(size=shape), jnp.bfloat16) for shape in ((8, 16), (5, 16, 16)))

    def step(carry: Any, row: Any) -> Any:
        made = jnp.tanh(carry @ row["kernel"])
        return made, (made, made.astype(jnp.float32).sum())

    def whole(start: Any, rows: Any) -> Any:
        return scan(step, start, {"kernel": rows}, reverse=reverse)

    plain = jax.jit(whole)(start, rows)
    with never_differentiated():
        lowered = jax.jit(partial(whole)).lower(start, rows)
    in_bits = lowered.compile()(start, rows)
    assert "ui16" in lowered.as_text()
    assert jax.tree.all(jax.tree.map(lambda a, b: a.dtype == b.dtype and bool((a == b).all()), plain, in_bits))


@pytest.mark.usefixtures("optimized")
def test_a_loop_that_training_derives_keeps_half_of_the_bytes() -> None:
    text = "model m { input x: [batch, 256]  output y = x -> repeat 24 { residual { layer_norm -> dense(256) -> gelu } } -> mean }"
    sizes: dict[str, tuple[int, int]] = {}
    for dtype in ("f32", "bf16"):
        graph = bind(graph_of(text), {"batch": 512})
        graph, _ = optimize(graph, "training", (), dtype)
        derived = differentiate(graph, "y", [node.name for node in graph.sources("parameter")])
        (region, *_) = (node for node in derived if isinstance(node.op, Repeat))
        kept = sum(int(str(type.size)) * BYTES[type.dtype] for type in region.types)
        given = [shapes_of(derived, kind) for kind in ("parameter", "state", "input")]
        with never_differentiated():
            program = jax.jit(partial(lower(derived), training=True))
            memory = program.lower(*given).compile().memory_analysis()
        assert memory is not None
        sizes[dtype] = kept, memory.temp_size_in_bytes
    # Statistics of the norms stay in float32: one number for 256.
    assert sizes["bf16"][0] == pytest.approx(0.5 * sizes["f32"][0], rel=0.02)
    # XLA adds the weights in bfloat16, and wide copies of what it works on.
    assert sizes["bf16"][1] < 0.75 * sizes["f32"][1]
