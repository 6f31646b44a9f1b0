"""Groups of weights: decay, learning rate, freezing and largest norms, by path."""

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
import pytest
from nets import graph_of, plan_of, problems_of, told
from runs import LINEAR, block, loop_of, task_of

from dslc.optimizers.base import OPTIMIZERS
from dslc.plan import Group
from dslc.schedules.base import Length
from dslc.train.generator import base_key
from dslc.train.groups import Groups, limited
from dslc.train.packing import PACKED, Packing
from dslc.train.program import Loop
from dslc.train.task import on_device
from dslc.train.update import applied
from dslc.train.weights import unstack

STEPS = 12
RUN = Length(total=STEPS, per_epoch=4)
DEEP = """model m {
  input  features: [batch, 4]
  output logits = features -> dense(5) -> repeat 3 { dense(5) -> tanh } as blocks -> layer_norm -> dense(3)
}
"""
GROUPS = (
    Group(("*.bias", "*norm*"), decay=0.0),
    Group(("blocks.*",), lr=0.5),
    Group(("blocks.1.*",), frozen=True),
    Group(("blocks.1.*.bias", "dense.kernel"), lr=0.25, frozen=False),
    Group(("dense_2.bias",), frozen=True),
    Group(("blocks.2.*",), decay=0.3),
)
CASES: dict[str, tuple[dict[str, Any], str, dict[str, Any]]] = {
    "adamw": ({"lr": 0.02, "decay": 0.1}, "AdamW", {}),
    "sgd": ({"lr": 0.05, "momentum": 0.9, "decay": 0.1}, "SGD", {"momentum": 0.9}),
    "rmsprop": ({"lr": 0.02, "decay": 0.1}, "RMSprop", {"alpha": 0.9}),
}


def settings(path: str, lr: float) -> dict[str, Any] | None:
    """What `GROUPS` say of a weight, written out by hand as PyTorch wants it; None: frozen."""
    layer = path.split(".")[1] if path.startswith("blocks.") else ""
    is_bias = path.endswith(".bias")
    if path == "dense_2.bias" or (layer == "1" and not is_bias):
        return None
    decay = 0.3 if layer == "2" else 0.0 if is_bias or "norm" in path else 0.1
    rate = 0.25 if path == "dense.kernel" or layer == "1" else 0.5 if layer else 1.0
    return {"lr": lr * rate, "weight_decay": decay}


def drawn(shapes: Mapping[str, tuple[int, ...]], seed: int, dtype: str) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {name: rng.normal(size=shape).astype(dtype) for name, shape in shapes.items()}


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", CASES)
def test_groups_take_the_steps_of_pytorchs_parameter_groups(name: str, dtype: str) -> None:
    torch = pytest.importorskip("torch")
    given, peer, more = CASES[name]
    graph = graph_of(DEEP)
    shapes = {node.name: tuple(map(int, node.type.shape)) for node in graph.sources("parameter")}
    weights = drawn(shapes, 0, dtype)
    tensors = {path: torch.tensor(array, requires_grad=True) for path, array in unstack(graph, weights).items()}
    trained = {path: settings(path, given["lr"]) for path in tensors}
    parameters = [{"params": [tensors[path]], **said} for path, said in trained.items() if said]
    rule = getattr(torch.optim, peer)(parameters, **more)

    with jax.enable_x64(True):
        groups = Groups(graph, GROUPS)
        packing = groups.packing(weights)
        assert bool(packing.shapes) == (dtype == "float32"), "both ways are tried: packed and not"
        made: Any = groups.rule(OPTIMIZERS[name](**given), RUN, packing)
        packed = packing.pack({path: jax.numpy.asarray(array) for path, array in weights.items()})
        state = made.init(packed)
        for step in range(STEPS):
            slopes = drawn(shapes, step + 1, dtype)
            for path, array in unstack(graph, slopes).items():
                tensors[path].grad = torch.tensor(array)
            rule.step()
            asked = {path: jax.numpy.asarray(slopes[path]) for path in groups.trained}
            changes, state = made.update(packing.pack(groups.masked(asked)), state, packed)
            packed = applied(packed, changes)
        found = unstack(graph, packing.unpack(packed))
    # Twelve steps in the precision of the dtype.
    bound = 2e-5 if dtype == "float32" else 1e-12
    for path, tensor in tensors.items():
        np.testing.assert_allclose(found[path], tensor.detach().numpy(), rtol=bound, atol=bound, err_msg=path)
        if trained[path] is None:
            assert np.array_equal(found[path], unstack(graph, weights)[path])


@pytest.mark.parametrize("name", [cls.name for cls in OPTIMIZERS if "decay" in cls.setting_types()])
def test_decay_of_a_group_is_that_of_the_optimizer(name: str) -> None:
    graph = graph_of(DEEP)
    shapes = {node.name: tuple(map(int, node.type.shape)) for node in graph.sources("parameter")}
    weights, slopes = drawn(shapes, 0, "float32"), drawn(shapes, 1, "float32")
    given = {"lr": 0.1} if name == "sgd" else {}
    own: Any = Groups(graph, ()).rule(OPTIMIZERS[name](**given, decay=0.3), RUN)
    grouped: Any = Groups(graph, (Group(("*",), decay=0.3),)).rule(OPTIMIZERS[name](**given, decay=0.7), RUN)
    first, second = (rule.update(slopes, rule.init(weights), weights)[0] for rule in (own, grouped))
    for path in weights:
        np.testing.assert_array_equal(first[path], second[path])


def trained(text: str, steps: int) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """The weights before and after some steps, one array for each layer."""
    loop = loop_of(text)
    key, data = base_key(loop.task.plan.seed), on_device(loop.task.train)
    carry = jax.jit(loop.start)(key)
    graph = loop.task.plan.graph
    before = unstack(graph, {**loop.packing.unpack(carry.weights), **carry.state})
    carry = jax.jit(loop.run)(carry, data, key, np.int32(steps))
    return before, unstack(graph, {**loop.packing.unpack(carry.weights), **carry.state})


def test_one_layer_of_a_repeat_stays_as_it_is() -> None:
    before, after = trained(DEEP + block('group "blocks.1.*" { frozen = true }  optimizer = adamw()'), 7)
    for path in before:
        assert np.array_equal(before[path], after[path]) == path.startswith("blocks.1."), path


def test_frozen_weights_have_no_gradient_and_no_state_of_the_optimizer() -> None:
    loop = Loop(task_of(DEEP + block('group "dense.*" { frozen = true }')))
    (changing,) = loop.updates
    assert loop.task.groups.changed(changing.update) == tuple(
        name for name in loop.task.groups.of("lr", 1.0) if not name.startswith("dense.")
    )
    assert "dense.kernel" not in {name.removesuffix(".gradient") for name in changing.program.graph.outputs}
    carry = jax.eval_shape(loop.start, base_key(0))
    assert carry.weights["dense.kernel"].shape == (4, 5)
    trained = 3 * (5 * 5 + 5) + 2 * 5 + 5 * 3 + 3
    assert {name: like.shape for name, like in carry.optimizer[0][0].mu.items()} == {PACKED: (trained,)}


def test_frozen_layers_do_not_count_in_the_norm_that_is_clipped() -> None:
    groups = Groups(graph_of(DEEP), (Group(("blocks.0.*",), frozen=True),))
    slopes = groups.masked({"blocks.*.dense.kernel": np.ones((3, 5, 5)), "dense.bias": np.ones(5)})
    assert np.asarray(slopes["blocks.*.dense.kernel"]).sum() == 50
    assert slopes["dense.bias"].sum() == 5


def test_a_unit_is_no_longer_than_its_largest_norm() -> None:
    weight = jax.numpy.asarray([[3.0, 0.3], [4.0, 0.4]])
    # By hand: the first column has norm 5, the second 0.5.
    np.testing.assert_allclose(limited(weight, 2.0), [[1.2, 0.3], [1.6, 0.4]], rtol=1e-6)
    np.testing.assert_allclose(limited(jax.numpy.asarray([3.0, 4.0]), 1.0), [0.6, 0.8], rtol=1e-6)
    np.testing.assert_array_equal(limited(jax.numpy.zeros((2, 2)), 1.0), np.zeros((2, 2)))
    layers = np.asarray([1.0, np.inf]).reshape(2, 1, 1)
    found = limited(jax.numpy.stack([weight, weight]), layers, 1)
    np.testing.assert_allclose(found, [[[0.6, 0.3], [0.8, 0.4]], weight], rtol=1e-6)


def test_largest_norms_hold_after_each_step() -> None:
    free = trained(LINEAR + block("optimizer = sgd(lr = 1.0)"), 20)[1]["dense.kernel"]
    held = trained(LINEAR + block('optimizer = sgd(lr = 1.0)  group "*.kernel" { max_norm = 0.5 }'), 20)[1]
    norms = np.linalg.norm(held["dense.kernel"], axis=0)
    # float32 rounds the norm of four numbers.
    assert (norms <= 0.5 * (1 + 1e-6)).all()
    assert (np.linalg.norm(free, axis=0) > 0.6).any()


def test_packing_changes_nothing() -> None:
    text = DEEP + block('optimizer = adamw(decay = 0.1)  group "*.bias" { decay = 0  lr = 0.5 }')
    loop = Loop(task_of(text))
    assert loop.packing.shapes, "small weights are packed"
    bare = Loop(task_of(text))
    vars(bare)["packing"] = Packing({})
    key, data = base_key(0), on_device(loop.task.train)
    ends = [jax.jit(one.run)(jax.jit(one.start)(key), data, key, np.int32(9)) for one in (loop, bare)]
    packed, plain = loop.packing.unpack(ends[0].weights), ends[1].weights
    for path in plain:
        # The same sums in programs that XLA fuses differently.
        np.testing.assert_allclose(packed[path], plain[path], rtol=1e-4, atol=1e-6, err_msg=path)


def test_groups_are_planned_in_the_order_of_writing() -> None:
    written = 'group "*" { decay = 2 * 1e-2 }  group "*.bias", "*kernel", { decay = 0  lr = 1 }  optimizer = adamw()'
    plan = plan_of(LINEAR + block(written))
    assert plan.groups == (Group(("*",), decay=0.02), Group(("*.bias", "*kernel"), decay=0.0, lr=1.0))


@pytest.mark.parametrize(
    ("group", "code", "part"),
    [
        ('group "*.bais" { lr = 0.1 }', "E0450", '`"*.bias"`'),
        ('group "blocks.0.*" { lr = 0.1 }', "E0450", "`dense"),
        ('group "*.bias" { decay = 0.1 }', "E0451", "`adamw`"),
        ('group "*" { frozen = true }', "E0452", "frozen"),
        ('group "*.bias" { dekay = 0.1 }', "E0203", "`decay`"),
        ('group "*.bias" { lr = "no" }', "E0204", "a number"),
        ('group "*.bias" { lr = 0.1  lr = 0.2 }', "E0204", "remove one"),
        ('group "*.bias" { lr = -0.1 }', "E0410", "at least 0"),
        ('group "*.bias" { max_norm = 0 }', "E0410", "above 0"),
        ('group "*.bias" { input x: [3] }', "E0259", "`lr = ...`"),
    ],
)  # fmt: skip
def test_a_group_that_cannot_work_is_a_problem(group: str, code: str, part: str) -> None:
    problems = problems_of(LINEAR + block(group))
    assert [problem.code for problem in problems] == [code], [told(problem) for problem in problems]
    assert part in told(problems[0])


def test_a_stacked_weight_keeps_its_layers_in_order() -> None:
    graph = graph_of(DEEP)
    rates = Groups(graph, (Group(("blocks.2.*",), lr=0.5),)).of("lr", 1.0)
    assert rates["blocks.*.dense.kernel"].shape == (3, 1, 1)
    assert rates["blocks.*.dense.kernel"].ravel().tolist() == [1.0, 1.0, 0.5]
    assert rates["dense.kernel"] == 1.0
