"""Small weights in one array."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from runs import LINEAR, block, loop_of, task_of

from dslc.train import packing
from dslc.train.generator import base_key
from dslc.train.packing import PACKED, SMALL, Packing
from dslc.train.program import Loop
from dslc.train.task import on_device

SHAPES = {"a.kernel": (3, 4), "big.kernel": (SMALL // 2, 4), "a.bias": (4,), "scale": ()}


def arrays() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {name: np.asarray(rng.normal(size=shape), np.float32) for name, shape in SHAPES.items()}


def test_only_small_weights_are_packed() -> None:
    packed = Packing.of(arrays()).pack(arrays())
    assert packed.keys() == {PACKED, "big.kernel"}
    assert packed[PACKED].shape == (12 + 4 + 1,)


@pytest.mark.parametrize("module", [np, jnp])
def test_unpacking_undoes_packing(module: object) -> None:
    given = {name: module.asarray(array) for name, array in arrays().items()}  # type: ignore[attr-defined]
    made = Packing.of(given)
    again = made.unpack(made.pack(given))
    assert again.keys() == given.keys()
    for name, array in arrays().items():
        assert np.array_equal(again[name], array)


def test_trees_of_an_optimizer_are_packed_and_unpacked_throughout() -> None:
    made = Packing.of(arrays())
    tree = (np.int32(3), {"mu": arrays(), "nu": (arrays(), np.ones(2))})
    packed = made.pack_all(tree)
    assert packed[1]["mu"].keys() == {PACKED, "big.kernel"}
    again = made.unpack_all(packed)
    assert jax.tree.structure(again) == jax.tree.structure(tree)
    assert all(
        np.array_equal(one, other) for one, other in zip(jax.tree.leaves(again), jax.tree.leaves(tree), strict=True)
    )


def test_one_small_weight_stays_by_itself() -> None:
    given = {"kernel": np.ones(3, np.float32)}
    assert Packing.of(given).pack(given).keys() == {"kernel"}


def test_other_dtypes_stay_by_themselves() -> None:
    given = {"a": np.ones(3, np.float32), "b": np.ones(3, np.float16), "c": np.ones(2, np.float32)}
    assert Packing.of(given).shapes.keys() == {"a", "c"}


def test_packing_does_not_change_what_is_learnt(monkeypatch: pytest.MonkeyPatch) -> None:
    text = LINEAR + block("optimizer = adam()  batch = 16  clip = 0.5  l2 = 0.01")

    def trained() -> tuple[dict[str, jax.Array], set[str]]:
        loop: Loop = loop_of(text)
        key, data = base_key(0), on_device(task_of(text).train)
        carry = jax.jit(loop.run)(jax.jit(loop.start)(key), data, key, np.int32(20))
        return loop.packing.unpack(carry.weights), set(carry.weights)

    packed, names = trained()
    monkeypatch.setattr(packing, "SMALL", 0)
    plain, plain_names = trained()
    assert names == {PACKED}
    assert plain_names == {"dense.kernel", "dense.bias"}
    for name, array in plain.items():
        # The same operations in another grouping: a few roundings of float32 in 20 steps of at most 1e-3.
        np.testing.assert_allclose(packed[name], array, rtol=1e-5, atol=1e-6)


def test_weights_that_are_read_as_a_stack_are_rows_of_one_array() -> None:
    given = {f"d{number}.kernel": np.full((2, 3), number, np.float32) for number in range(4)} | arrays()
    made = Packing.of(given, [tuple(given)[:4], ("a.kernel", "unknown")])
    packed = made.pack(given)
    assert packed.keys() == {"stacked d0.kernel", PACKED, "big.kernel"}
    assert packed["stacked d0.kernel"].shape == (4, 2, 3)
    again = made.unpack(packed)
    assert again.keys() == given.keys()
    assert all(np.array_equal(again[name], array) for name, array in given.items())
