"""What a model is to predict from: a file of rows, as arrays by the name of the model's inputs."""

from collections.abc import Mapping, Sequence
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile, is_zipfile

from dslc.data.base import DataFailure, Records, Schema
from dslc.data.sources._columns import Columns
from dslc.data.sources._columns import read as read_columns
from dslc.data.sources.csv import Csv
from dslc.errors.base import Note
from dslc.errors.data import DataBroken, FileProblem, InputRefused, from_failure
from dslc.graph import Node
from dslc.lazy import jnp, np
from dslc.source import Span
from dslc.summary import type_text
from dslc.trained.run import Run, failed
from dslc.types import JAX_DTYPES, Type

if TYPE_CHECKING:
    from numpy.typing import NDArray


def read(path: Path, run: Run) -> dict[str, Any]:
    """The inputs of a run's model, from a csv, npz or npy file, prepared as those that it learnt from were.

    Raises:
        Failed: when the file is missing, broken, or does not fit the model.
    """
    nodes = run.graph.sources("input")
    reader = {".csv": _from_csv, ".npz": _from_npz, ".npy": _from_npy}.get(path.suffix.lower())
    if reader is None:
        raise failed(FileProblem(_span(path), str(path), "is no csv, npz or npy file", "save the rows as one of these"))
    if not path.is_file():
        raise failed(FileProblem(_span(path), str(path), "is not there", "check the spelling and the folder"))
    try:
        return _prepared(
            {node.name: _fitted(array, node, path, run) for node, array in reader(path, nodes, run)}, path, run
        )
    except DataFailure as failure:
        raise failed(from_failure(_span(path), failure)) from None
    except (OSError, ValueError, EOFError, KeyError, BadZipFile, RuntimeError) as error:
        reason = f"is not a whole {path.suffix[1:]} file: {error}"
        raise failed(DataBroken(_span(path), path.name, "", reason, None)) from None


def _span(path: Path) -> Span:
    return Span(str(path), 0, 0)


def _from_npy(path: Path, nodes: Sequence[Node], run: Run) -> "list[tuple[Node, NDArray[Any]]]":
    if len(nodes) != 1:
        raise _refused(path, run, f"it holds one array, and the model has {len(nodes)} inputs")
    return [(nodes[0], np.load(path, allow_pickle=False))]


def _from_npz(path: Path, nodes: Sequence[Node], run: Run) -> "list[tuple[Node, NDArray[Any]]]":
    if not is_zipfile(path):
        raise ValueError("it is no zip archive")
    with np.load(path, allow_pickle=False) as archive:
        held: dict[str, NDArray[Any]] = {name: archive[name] for name in archive.files}
    if len(nodes) == len(held) == 1:
        return [(nodes[0], next(iter(held.values())))]
    missing = next((node.name for node in nodes if node.name not in held), None)
    if missing:
        raise _refused(
            path, run, f"it has no array `{missing}`, but {', '.join(f'`{name}`' for name in held) or 'none'}"
        )
    return [(node, held[node.name]) for node in nodes]


def _from_csv(path: Path, nodes: Sequence[Node], run: Run) -> "list[tuple[Node, NDArray[Any]]]":
    """Columns of their own for the inputs of their names; the others are stacked for the input that is left."""
    columns = read_columns(path)
    found = [(node, _column(columns, node, run)) for node in nodes if node.name in columns.cells]
    rest = [node for node in nodes if node.name not in columns.cells]
    if len(rest) > 1:
        raise _refused(path, run, f"it has no column `{rest[0].name}`")
    if rest:
        taken = {node.name for node, _ in found}
        names = _stacked_names(columns, taken, run)
        found.append((rest[0], np.stack([columns.numbers(name) for name in names], axis=1)))
    return found


def _stacked_names(columns: Columns, taken: set[str], run: Run) -> list[str]:
    """The columns of numbers that are stacked, in the order in which the run has learnt them."""
    learnt = tuple(run.config["options"].get("columns") or ())
    missing = [name for name in learnt if name not in columns.cells]
    if missing:
        raise _refused(columns.file, run, f"it has no column `{missing[0]}`")
    source = run.declared.data.source
    target = source.target if isinstance(source, Csv) else None
    names = learnt or [name for name in columns.cells if name not in taken and name != target]
    if not names:
        raise _refused(columns.file, run, "it has no columns of numbers")
    return list(names)


def _column(columns: Columns, node: Node, run: Run) -> "NDArray[Any]":
    """Numbers as they are; words by their place among those that the run has learnt."""
    known: list[str] = run.config.get("names", {}).get(node.name, [])
    if not known:
        return columns.numbers(node.name)
    place = {word: number for number, word in enumerate(known)}
    for row, word in enumerate(columns.cells[node.name]):
        if word not in place:
            reason = (
                f"`{word}` of column `{node.name}` in line {columns.lines[row]} was not among what the model learnt"
            )
            raise _refused(columns.file, run, reason)
    return np.array([place[word] for word in columns.cells[node.name]], np.int32)


def _fitted(array: "NDArray[Any]", node: Node, path: Path, run: Run) -> "NDArray[Any]":
    """The array in the shape and dtype of an input: a lone item gets a batch of one."""
    if array.dtype.kind not in "fiub":
        raise _refused(path, run, f"it holds {array.dtype}, not numbers")
    item = node.type.shape[1:]
    if any(stage.resizes for stage in run.declared.data.stages) and node.type.rank == 4:
        array = array[None] if array.ndim == 3 else array
        if array.ndim != 4 or array.shape[-1] != item[-1]:
            raise _refused(path, run, f"an item has the shape {list(array.shape[1:])}")
    elif all(isinstance(size, int) for size in item):
        sizes = [int(size) for size in item]  # pyright: ignore[reportArgumentType]
        if list(array.shape) == sizes:
            array = array[None]
        if array.ndim == 0 or prod(array.shape[1:]) != prod(sizes):
            raise _refused(path, run, f"an item has the shape {list(array.shape[1:])}")
        array = array.reshape(len(array), *sizes)
    elif array.ndim != node.type.rank:
        raise _refused(path, run, f"it has {array.ndim} axes")
    if len(array) == 0:
        raise _refused(path, run, "it has no rows")
    if node.type.is_float and not np.isfinite(array).all():
        raise _refused(path, run, "it holds a NaN or an infinity")
    return array.astype(JAX_DTYPES[node.type.dtype])


def _prepared(given: "Mapping[str, NDArray[Any]]", path: Path, run: Run) -> dict[str, Any]:
    """The rows after the data stages, with the statistics of the run."""
    lengths = {name: len(array) for name, array in given.items()}
    first, count = next(iter(lengths.items()))
    for name, length in lengths.items():
        if length != count:
            raise _refused(path, run, f"`{name}` has {length} rows, and `{first}` has {count}")
    types: dict[str, Type] = {node.name: node.type for node in run.graph.sources("input")}
    table = run.declared.data.replay(Records(Schema(types), dict(given)), run.config["fitted"])
    found = {name: np.asarray(array) for name, array in table.gather(table.arrays, jnp.arange(count)).items()}
    for name, type in types.items():
        shape = found[name].shape
        if any(isinstance(size, int) and size != have for size, have in zip(type.shape[1:], shape[1:], strict=True)):
            raise _refused(path, run, f"after the data stages an item of `{name}` has the shape {list(shape[1:])}")
    return found


def _refused(path: Path, run: Run, reason: str) -> Exception:
    inputs = run.graph.sources("input")
    wanted = tuple((node.name, type_text(node.type)) for node in inputs)
    notes = tuple(Note(node.span, "the model takes it here") for node in inputs)
    return failed(InputRefused(_span(path), str(path), reason, wanted, notes))
