"""Checkpoints: one file each, complete or not there at all, and the newest whole one is found again."""

import json
import os
import zlib
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dslc.lazy import jax, np

if TYPE_CHECKING:
    from numpy.typing import NDArray

KEPT = 2
"""Checkpoints that stay besides the best one: the last may be the one that the disk lost."""
TEMPORARY = ".part"
FACTS = "dslc"


class Damaged(Exception):
    """A file that is no whole checkpoint; the message says why."""


@dataclass(frozen=True)
class Checkpoint:
    """The arrays of a checkpoint by flattened name, and facts as JSON has them."""

    step: int
    arrays: Mapping[str, "NDArray[Any]"]
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class Best:
    """The weights and states with the lowest loss so far; `arrays` is None when only their file has them."""

    step: int
    loss: float
    arrays: Mapping[str, "NDArray[Any]"] | None = None

    def facts(self) -> dict[str, Any]:
        return {"step": self.step, "loss": self.loss}


class Checkpoints:
    """The checkpoints of a run, in one folder: `step-00001234.safetensors` to go on from, `best-...` to use."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.best_written: int | None = None

    def path(self, step: int) -> Path:
        return self.folder / f"step-{step:08d}.safetensors"

    def best_path(self, step: int) -> Path:
        return self.folder / f"best-{step:08d}.safetensors"

    def steps(self) -> list[int]:
        """Steps that have a file, in order."""
        found = (path.stem.removeprefix("step-") for path in self.folder.glob("step-*.safetensors"))
        return sorted(int(digits) for digits in found if digits.isdigit())

    def write(self, checkpoint: Checkpoint, best: Best | None = None) -> None:
        """Write a checkpoint and the best weights that it speaks of, then remove what is older, but for the last one."""
        self.folder.mkdir(exist_ok=True)
        if best is not None and best.arrays is not None and best.step != self.best_written:
            write_arrays(self.best_path(best.step), best.arrays, best.facts())
            self.best_written = best.step
        write_arrays(self.path(checkpoint.step), checkpoint.arrays, {"step": checkpoint.step, **checkpoint.facts})
        kept = [self.path(step) for step in self.steps() if step <= checkpoint.step][-KEPT:]
        kept += [self.best_path(best.step)] if best is not None else []
        # A checkpoint of a later step is damaged, or this run would have begun from it.
        newer = [self.path(step) for step in self.steps() if step > checkpoint.step]
        for path in self.folder.glob("*.safetensors"):
            if path not in kept and path not in newer:
                path.unlink(missing_ok=True)

    def read_best(self, step: int) -> dict[str, "NDArray[Any]"]:
        """The best weights and states by name.

        Raises:
            Damaged: when their file is missing, cut short or changed.
        """
        return read_arrays(self.best_path(step))[0]

    def read(self, step: int) -> Checkpoint:
        """A checkpoint.

        Raises:
            Damaged: when its file is missing, cut short or changed.
        """
        arrays, facts = read_arrays(self.path(step))
        return Checkpoint(step, arrays, facts)

    def newest(self, note: Callable[[str], None]) -> Checkpoint | None:
        """The newest whole checkpoint; tells of those that are damaged."""
        for step in reversed(self.steps()):
            try:
                return self.read(step)
            except Damaged as problem:
                note(f"left out `{self.path(step)}`: {problem}")
        return None


def write_arrays(path: Path, arrays: Mapping[str, Any], facts: Mapping[str, Any]) -> None:
    """A safetensors file with arrays and facts, and the sum by which damage shows."""
    from safetensors.numpy import save_file  # noqa: PLC0415  # not before there is something to save

    ready = {name: np.asarray(array, order="C") for name, array in sorted(arrays.items())}
    told = json.dumps({**facts, "crc32": _sum(ready, facts)}, allow_nan=False)
    with replacing(path) as temporary:
        save_file(ready, temporary, {FACTS: told})


def read_arrays(path: Path) -> tuple[dict[str, "NDArray[Any]"], dict[str, Any]]:
    """Arrays and facts of a file that `write_arrays` wrote.

    Raises:
        Damaged: when it is missing, cut short or changed.
    """
    from safetensors import SafetensorError, safe_open  # noqa: PLC0415

    try:
        with safe_open(path, "numpy") as file:
            told = (file.metadata() or {}).get(FACTS)
            arrays: dict[str, NDArray[Any]] = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        facts = json.loads(told) if told else None
    except FileNotFoundError:
        raise Damaged("it is not there") from None
    except (OSError, SafetensorError, ValueError) as problem:
        raise Damaged(str(problem)) from problem
    if not isinstance(facts, dict):
        raise Damaged("it was not written by dslc")
    if facts.pop("crc32", None) != _sum(arrays, facts):  # pyright: ignore[reportUnknownMemberType]
        raise Damaged("its sum differs: the file has changed since it was written")
    return arrays, facts


@contextmanager
def replacing(path: Path) -> Generator[Path]:
    """A path to write to; at the end the file takes its place at once, and a power cut leaves the old one or the new."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}{TEMPORARY}")
    try:
        temporary.touch()
        # What safetensors writes could be read by its owner alone.
        mode = temporary.stat().st_mode
        yield temporary
        temporary.chmod(mode)
        _flush(temporary)
        temporary.replace(path)
        _flush(path.parent)
    finally:
        temporary.unlink(missing_ok=True)


def _flush(path: Path) -> None:
    """Have the disk write it; folders cannot be flushed everywhere."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except PermissionError:
        if path.is_dir():
            return
        raise
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _sum(arrays: Mapping[str, "NDArray[Any]"], facts: Mapping[str, Any]) -> int:
    total = zlib.crc32(json.dumps(facts, sort_keys=True).encode())
    for name in sorted(arrays):
        array = np.asarray(arrays[name], order="C")
        total = zlib.crc32(f"{name} {array.dtype} {array.shape}".encode(), total)
        total = zlib.crc32(array.reshape(-1).view(np.uint8).data, total)
    return total


def flatten(tree: Any) -> dict[str, "NDArray[Any]"]:
    """Arrays of a tree by their path in it, in the host's memory: `weights/dense.kernel`, `optimizer/0/mu/dense.kernel`."""
    return {name: np.asarray(leaf) for name, leaf in by_name(tree).items()}


def by_name(tree: Any) -> dict[str, Any]:
    """The leaves of a tree by their path in it."""
    return {_name(path): leaf for path, leaf in jax.tree_util.tree_flatten_with_path(tree)[0]}


def restore(template: Any, arrays: Mapping[str, Any]) -> tuple[Any, list[str]]:
    """The arrays in the places of a template, and the names that are missing, left over or of another type."""
    leaves, structure = jax.tree_util.tree_flatten_with_path(template)
    names = [_name(path) for path, _ in leaves]
    wrong = [name for name, (_, leaf) in zip(names, leaves, strict=True) if not _same(arrays.get(name), leaf)]
    wrong += [name for name in arrays if name not in names]
    if wrong:
        return None, wrong
    return jax.tree_util.tree_unflatten(structure, [arrays[name] for name in names]), []


def _name(path: Any) -> str:
    return jax.tree_util.keystr(path, simple=True, separator="/")


def _same(array: Any, leaf: Any) -> bool:
    return array is not None and array.shape == leaf.shape and array.dtype == leaf.dtype
