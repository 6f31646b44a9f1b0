"""Checkpoints: what is written reads back, what is damaged is left out, and nothing is ever half there."""

from pathlib import Path
from typing import Any

import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest

from dslc.train.checkpoint import (
    Best,
    Checkpoint,
    Checkpoints,
    Damaged,
    flatten,
    read_arrays,
    replacing,
    restore,
    write_arrays,
)

ARRAYS = {
    "kernel": np.arange(6, dtype=np.float32).reshape(2, 3) / 7,
    "half": np.asarray([1.5, -2.0], ml_dtypes.bfloat16),
    "step": np.asarray(12, np.int32),
    "fine": np.asarray(True),
    "nothing": np.zeros((0, 4), np.float32),
    "strided": np.arange(12.0).reshape(3, 4).T,
}


def at(step: int, value: float = 0.0) -> Checkpoint:
    return Checkpoint(step, {"kernel": np.full(3, value, np.float32)}, {"best": None})


def test_arrays_and_facts_read_back_as_they_were(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    write_arrays(path, ARRAYS, {"step": 12, "loss": 0.1})
    arrays, facts = read_arrays(path)
    assert facts == {"step": 12, "loss": 0.1}
    assert arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert arrays[name].dtype == array.dtype
        assert arrays[name].shape == array.shape
        assert arrays[name].tobytes() == array.tobytes()


def test_any_changed_byte_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    write_arrays(path, {"kernel": np.ones(5, np.float32)}, {"step": 1, "best": {"step": 1, "loss": 0.5}})
    whole = path.read_bytes()
    changes = [(where, mask) for where in range(len(whole)) for mask in (0x01, 0x41)]
    for where, mask in changes:
        path.write_bytes(whole[:where] + bytes([whole[where] ^ mask]) + whole[where + 1 :])
        with pytest.raises(Damaged):
            read_arrays(path)


def test_a_file_that_is_cut_short_is_noticed_at_every_length(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    write_arrays(path, {"kernel": np.ones(20, np.float32)}, {"step": 1})
    whole = path.read_bytes()
    for length in range(0, len(whole), 11):
        path.write_bytes(whole[:length])
        with pytest.raises(Damaged):
            read_arrays(path)


def test_files_of_others_are_no_checkpoints(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    path = tmp_path / "a.safetensors"
    save_file({"kernel": np.ones(3, np.float32)}, path)
    with pytest.raises(Damaged, match="it was not written by dslc"):
        read_arrays(path)
    with pytest.raises(Damaged, match="it is not there"):
        read_arrays(tmp_path / "b.safetensors")


def test_the_newest_whole_checkpoint_is_found(tmp_path: Path) -> None:
    checkpoints, notes = Checkpoints(tmp_path / "checkpoints"), list[str]()
    assert checkpoints.newest(notes.append) is None
    for step in (10, 20):
        checkpoints.write(at(step, step))
    checkpoints.path(20).write_bytes(checkpoints.path(20).read_bytes()[:-5])
    found = checkpoints.newest(notes.append)
    assert found is not None
    assert found.step == 10
    assert found.arrays["kernel"].tolist() == [10.0] * 3
    assert len(notes) == 1
    assert "step-00000020" in notes[0]


def test_the_last_two_and_the_best_are_kept(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    good, better = (Best(step, 1 / step, {"kernel": np.full(2, step)}) for step in (20, 30))
    for step, best in ((10, None), (20, good), (30, better), (40, better), (50, better)):
        checkpoints.write(at(step), best)
    assert checkpoints.steps() == [40, 50]
    assert sorted(path.name for path in tmp_path.glob("best-*")) == ["best-00000030.safetensors"]
    assert checkpoints.read_best(30)["kernel"].tolist() == [30, 30]


def test_a_damaged_later_checkpoint_pushes_no_good_one_out(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path)
    for step in (10, 20, 90):
        checkpoints.path(step).write_bytes(b"")
        checkpoints.write(at(step))
    checkpoints.path(90).write_bytes(b"damaged")
    checkpoints.write(at(30))
    assert checkpoints.steps() == [20, 30, 90]


def test_a_write_that_fails_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text("old")

    def fail() -> None:
        with replacing(path) as temporary:
            temporary.write_text("new and only ha")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_files_are_readable_by_whom_the_umask_lets(tmp_path: Path) -> None:
    usual, ours = tmp_path / "usual", tmp_path / "a.safetensors"
    usual.touch()
    write_arrays(ours, {"kernel": np.ones(1)}, {})
    assert ours.stat().st_mode == usual.stat().st_mode


def test_a_tree_is_restored_to_its_places() -> None:
    tree: Any = {"weights": {"dense.kernel": jnp.ones((2, 2))}, "optimizer": (jnp.zeros(3), {"mu": jnp.ones(1)})}
    flat = flatten(tree)
    assert sorted(flat) == ["optimizer/0", "optimizer/1/mu", "weights/dense.kernel"]
    again, wrong = restore(tree, flat)
    assert wrong == []
    assert flatten(again).keys() == flat.keys()
    assert again["optimizer"][1]["mu"].tolist() == [1.0]


def test_what_does_not_fit_is_named() -> None:
    tree: Any = {"a": np.ones(2), "b": np.ones(2), "c": np.ones(2, np.float32)}
    _, wrong = restore(tree, {"a": np.ones(3), "c": np.ones(2), "d": np.ones(1)})
    assert wrong == ["a", "b", "c", "d"]
