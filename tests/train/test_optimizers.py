"""Update rules against PyTorch's, in float64."""

from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from dslc.ops.base import Mismatch
from dslc.optimizers.base import OPTIMIZERS, Optimizer
from dslc.plan import Duration
from dslc.schedules.base import Length
from dslc.schedules.warmup_cosine import WarmupCosine

torch = pytest.importorskip("torch")

STEPS = 20
RUN = Length(total=STEPS, per_epoch=5)
SHAPES = {"dense.kernel": (4, 3), "dense.bias": (3,), "table": (5, 2)}

Arrays = dict[str, Any]
Peer = Callable[[list[torch.Tensor]], torch.optim.Optimizer]

PEERS: dict[str, tuple[str, dict[str, Any], Peer]] = {
    "sgd": ("sgd", {"lr": 0.1}, lambda ws: torch.optim.SGD(ws, lr=0.1)),
    "sgd with momentum": (
        "sgd", {"lr": 0.1, "momentum": 0.9, "decay": 0.02},
        lambda ws: torch.optim.SGD(ws, lr=0.1, momentum=0.9, weight_decay=0.02),
    ),
    "sgd looking ahead": (
        "sgd", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "decay": 5e-3},
        lambda ws: torch.optim.SGD(ws, lr=0.1, momentum=0.9, nesterov=True, weight_decay=5e-3),
    ),
    "adagrad": ("adagrad", {}, torch.optim.Adagrad),
    "rmsprop": ("rmsprop", {}, lambda ws: torch.optim.RMSprop(ws, lr=1e-3, alpha=0.9)),
    "rmsprop with momentum": (
        "rmsprop", {"lr": 2e-3, "rho": 0.95, "momentum": 0.8, "decay": 0.1},
        lambda ws: torch.optim.RMSprop(ws, lr=2e-3, alpha=0.95, momentum=0.8, weight_decay=0.1),
    ),
    "adam": ("adam", {}, torch.optim.Adam),
    "adam with its settings": (
        "adam", {"lr": 0.02, "beta1": 0.5, "beta2": 0.99, "eps": 1e-3},
        lambda ws: torch.optim.Adam(ws, lr=0.02, betas=(0.5, 0.99), eps=1e-3),
    ),
    "adamw": ("adamw", {}, torch.optim.AdamW),
    "adamw with its settings": (
        "adamw", {"lr": 0.02, "beta1": 0.8, "beta2": 0.95, "eps": 1e-4, "decay": 0.3},
        lambda ws: torch.optim.AdamW(ws, lr=0.02, betas=(0.8, 0.95), eps=1e-4, weight_decay=0.3),
    ),
    "adafactor": ("adafactor", {}, torch.optim.Adafactor),
    "adafactor with its settings": (
        "adafactor", {"lr": 0.1, "decay": 0.2}, lambda ws: torch.optim.Adafactor(ws, lr=0.1, weight_decay=0.2),
    ),
}  # fmt: skip
# PyTorch has no lamb and no lion.
OPTAX: dict[str, tuple[str, dict[str, Any], Any]] = {
    "lion": ("lion", {}, lambda: optax.lion(1e-4)),
    "lion with its settings": (
        "lion", {"lr": 0.01, "beta1": 0.8, "beta2": 0.95, "decay": 0.1}, lambda: optax.lion(0.01, 0.8, 0.95, weight_decay=0.1),
    ),
    "lamb": ("lamb", {}, lambda: optax.lamb(1e-3)),
    "lamb with its settings": (
        "lamb", {"lr": 0.02, "beta1": 0.8, "beta2": 0.95, "eps": 1e-4, "decay": 0.3},
        lambda: optax.lamb(0.02, 0.8, 0.95, 1e-4, weight_decay=0.3),
    ),
}  # fmt: skip


@pytest.fixture(autouse=True)
def _float64() -> Iterator[None]:
    with jax.enable_x64(True):
        yield


def start() -> Arrays:
    rng = np.random.default_rng(3)
    return {name: rng.normal(size=shape) for name, shape in SHAPES.items()}


def slopes(weights: Arrays) -> Arrays:
    """Gradients of a loss with curvatures from 0.01 to 10 that no two weights share."""
    return {
        name: np.geomspace(0.01, 10, array.size).reshape(array.shape) * np.sin(np.asarray(array))
        for name, array in weights.items()
    }


def made(name: str, **settings: Any) -> Optimizer:
    maker: Any = OPTIMIZERS[name]
    return maker(**settings)


def trained(settings: Optimizer, run: Length = RUN) -> Arrays:
    return followed(settings.build(run), run)


def followed(rule: Any, run: Length = RUN) -> Arrays:
    weights: Any = {name: jax.numpy.asarray(array) for name, array in start().items()}
    state = rule.init(weights)
    for _ in range(run.total):
        gradients = {name: jax.numpy.asarray(array) for name, array in slopes(weights).items()}
        updates, state = rule.update(gradients, state, weights)
        weights = jax.tree.map(lambda weight, update: weight + update, weights, updates)
    return {name: np.asarray(array) for name, array in weights.items()}


def trained_by_torch(make: Peer) -> Arrays:
    weights = {name: torch.tensor(array, requires_grad=True) for name, array in start().items()}
    peer = make(list(weights.values()))
    for _ in range(STEPS):
        for name, array in slopes({name: weight.detach().numpy() for name, weight in weights.items()}).items():
            weights[name].grad = torch.tensor(array)
        peer.step()  # pyright: ignore[reportUnknownMemberType]
    return {name: weight.detach().numpy() for name, weight in weights.items()}


@pytest.mark.parametrize("case", PEERS)
def test_twenty_steps_equal_those_of_pytorch(case: str) -> None:
    name, settings, peer = PEERS[case]
    ours, theirs = trained(made(name, **settings)), trained_by_torch(peer)
    for weight, before in start().items():
        assert np.abs(theirs[weight] - before).max() > 1e-3
        # Rounding of 20 steps in float64; adagrad leaves out an eps of 1e-10.
        np.testing.assert_allclose(ours[weight], theirs[weight], rtol=1e-7, atol=1e-9, err_msg=weight)


@pytest.mark.parametrize("name", OPTIMIZERS.names())
def test_every_optimizer_is_compared_with_pytorch(name: str) -> None:
    assert name in {member for member, _, _ in PEERS.values()} | {member for member, _, _ in OPTAX.values()} | {"muon"}


@pytest.mark.parametrize("name", OPTIMIZERS.names())
def test_a_schedule_gives_the_rate_of_each_step(name: str) -> None:
    schedule = WarmupCosine(lr=0.1, warmup=Duration(fraction=0.2), floor=0.01)
    rule: Any = made(name, lr=schedule).build(RUN)
    fixed: Any = made(name, lr=1.0).build(RUN)
    weights: Any = {name: jax.numpy.asarray(array) for name, array in start().items()}
    state, still = rule.init(weights), fixed.init(weights)
    for step in range(STEPS):
        gradients = {name: jax.numpy.asarray(array) for name, array in slopes(weights).items()}
        updates, state = rule.update(gradients, state, weights)
        units, still = fixed.update(gradients, still, weights)
        rate = float(schedule.rate(step, RUN))
        for weight, update in updates.items():
            # The rate is a factor of the whole update: one rounding apart.
            np.testing.assert_allclose(np.asarray(update), rate * np.asarray(units[weight]), rtol=1e-12)


@pytest.mark.parametrize("name", OPTIMIZERS.names())
def test_float32_weights_stay_float32(name: str) -> None:
    weights: Any = {"kernel": jax.numpy.ones((2, 2), "float32")}
    rule: Any = made(name, lr=WarmupCosine(lr=0.1, warmup=Duration(steps=3))).build(RUN)
    state = rule.init(weights)
    updates, after = rule.update(weights, state, weights)
    assert jax.tree.map(lambda x: x.dtype, updates) == {"kernel": np.dtype("float32")}
    assert jax.tree.map(lambda x: (x.shape, x.dtype), state) == jax.tree.map(lambda x: (x.shape, x.dtype), after)


def test_adagrad_leaves_alone_what_has_no_gradient() -> None:
    weights: Any = {"kernel": jax.numpy.ones(2)}
    rule: Any = made("adagrad").build(RUN)
    updates, _ = rule.update({"kernel": jax.numpy.asarray([0.0, 1.0])}, rule.init(weights), weights)
    assert np.asarray(updates["kernel"]).tolist() == [0.0, -0.01]


def test_nesterov_without_momentum_is_refused() -> None:
    with pytest.raises(Mismatch, match="`nesterov` needs a `momentum` above 0"):
        made("sgd", lr=0.1, nesterov=True)


@pytest.mark.parametrize("kind", [*OPTIMIZERS], ids=lambda kind: kind.name)
def test_numbers_with_which_no_rule_comes_down_are_refused(kind: type[Optimizer]) -> None:
    # Some settings have no default.
    needed = {"lr": 0.1}
    wrong = {"lr": -0.1, "eps": -1e-8, "beta1": 1.0, "beta2": -0.5, "momentum": 2.0, "rho": 1.0}
    for name in kind.setting_types().keys() & wrong.keys():
        with pytest.raises(Mismatch, match=f"`{name} = "):
            kind(**{**needed, name: wrong[name]})


def test_settings_are_equal_by_value() -> None:
    assert made("adam") == made("adam", lr=1e-3)
    assert made("adam") != made("adam", lr=0.1)


@pytest.mark.parametrize("case", OPTAX)
def test_twenty_steps_equal_those_of_optax(case: str) -> None:
    name, settings, peer = OPTAX[case]
    ours = trained(made(name, **settings))
    # Optax's own lamb raises a float to an int.
    with jax.numpy_dtype_promotion("standard"):
        theirs = followed(peer())
    for weight, before in start().items():
        assert np.abs(theirs[weight] - before).max() > 1e-3
        # Rounding of 20 steps in float64.
        np.testing.assert_allclose(ours[weight], theirs[weight], rtol=1e-9, atol=1e-12, err_msg=weight)


@pytest.mark.parametrize("settings", [{}, {"lr": 0.02, "momentum": 0.8, "nesterov": False, "decay": 0.3}])
def test_matrices_of_muon_are_those_of_pytorch(settings: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    # PyTorch orthogonalizes in bfloat16, of which three digits are left: here in the precision of the weights, too.
    monkeypatch.setattr(torch.Tensor, "bfloat16", lambda self: self.clone())
    there = {"momentum": 0.95, "nesterov": True, "lr": 1e-3, "decay": 0.1, **settings}
    weight = torch.tensor(start()["dense.kernel"], requires_grad=True)
    peer = torch.optim.Muon(
        [weight], lr=there["lr"], weight_decay=there["decay"], momentum=there["momentum"],
        nesterov=there["nesterov"], adjust_lr_fn="match_rms_adamw",
    )  # fmt: skip
    for _ in range(STEPS):
        whole = {**start(), "dense.kernel": weight.detach().numpy()}
        weight.grad = torch.tensor(slopes(whole)["dense.kernel"])
        peer.step()
    found = trained(made("muon", **settings))["dense.kernel"]
    np.testing.assert_allclose(found, weight.detach().numpy(), rtol=1e-7, atol=1e-9)


def test_vectors_and_tables_of_muon_are_trained_by_adamw() -> None:
    ours, adam = trained(made("muon")), trained(made("adamw", decay=0.1))
    for name in ("dense.bias", "table"):
        np.testing.assert_allclose(ours[name], adam[name], rtol=1e-12)


@pytest.mark.parametrize("name", [name for name in OPTIMIZERS.names() if OPTIMIZERS[name].whole])
def test_each_layer_of_a_stacked_weight_is_a_weight_by_itself(name: str) -> None:
    rng = np.random.default_rng(0)
    kernels, slopes_of = rng.normal(size=(2, 3, 4, 5)), rng.normal(size=(5, 2, 3, 4, 5))
    stacked: Any = OPTIMIZERS[name]().build(RUN, None, {"kernel": 2})  # type: ignore[call-arg]
    alone: Any = made(name).build(RUN)
    weights: Any = {"kernel": jnp.asarray(kernels)}
    layers: Any = {f"{i}.{j}.kernel": jnp.asarray(kernels[i, j]) for i in range(2) for j in range(3)}
    state, states = stacked.init(weights), alone.init(layers)
    for step in slopes_of:
        changes, state = stacked.update({"kernel": jnp.asarray(step)}, state, weights)
        parts, states = alone.update(
            {f"{i}.{j}.kernel": jnp.asarray(step[i, j]) for i in range(2) for j in range(3)}, states, layers
        )
        for i in range(2):
            for j in range(3):
                # The same sums of 20 numbers, in another order.
                np.testing.assert_allclose(changes["kernel"][i, j], parts[f"{i}.{j}.kernel"], rtol=1e-11)
