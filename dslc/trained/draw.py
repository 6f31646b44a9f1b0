"""What the sample block of a run puts out."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dslc import compiler
from dslc.errors.base import Failed, Problems
from dslc.errors.data import FileProblem
from dslc.errors.settings import UnknownSetting
from dslc.lazy import jax, np
from dslc.lower import lower
from dslc.optimize import optimize
from dslc.resolve import Program
from dslc.sizes import sized, sizes_of
from dslc.source import Span
from dslc.summary import type_text
from dslc.train.checkpoint import replacing
from dslc.train.generator import base_key
from dslc.trained.picture import grid, png, range_of, shows
from dslc.trained.run import Run, failed
from dslc.types import Type

if TYPE_CHECKING:
    from numpy.typing import NDArray

ARRAYS = "samples.npz"


def has_block(run: Run) -> bool:
    """Whether the file has a sample block for the train block of the run.

    Raises:
        Failed: when the file has errors.
    """
    return run.name in _front(run, {})[0].samples


def draw(run: Run, settings: Mapping[str, str], seed: int) -> "dict[str, NDArray[Any]]":
    """The outputs of the sample block by name, with the weights of the run.

    Args:
        settings: of the head of the block, in place of its defaults; as text of the language.

    Raises:
        Failed: when a setting is unknown, or the run has no weights that fit.
    """
    program, options, problems = _front(run, settings)
    section = program.samples[run.name]
    known = tuple(parameter.name.text for parameter in section.parameters)
    for item in program.overrides:
        if item.name in settings and item.name not in known:
            problems.add(UnknownSetting(item.span, f"sample {run.name}", item.name or "", None, known))
    graph = compiler.sample_of(program, run.name, options, problems)
    weights, state = run.arrays(graph)
    graph, _ = optimize(sized(graph, sizes_of(graph, options.dims)), "inference", run.passes, run.precision)
    made = lower(graph, run.source)
    outputs = jax.jit(lambda weights, state, key: made(weights, state, {}, key=key)[0])
    found = outputs(weights, state, base_key(seed))
    # In the order of the block: a compiled function gives names sorted.
    return {name: np.asarray(found[name]) for name in graph.outputs}


def _front(run: Run, settings: Mapping[str, str]) -> tuple[Program, compiler.Options, Problems]:
    problems = Problems()
    options = replace(run.options, settings={**run.options.settings, **settings})
    program = compiler.front(run.source, problems, options)
    if problems.errors:
        raise Failed(problems)
    return program, options, problems


def write(outputs: "Mapping[str, NDArray[Any]]", folder: Path) -> Iterator[str]:
    """Write `samples.npz`, and a PNG of each output that is a batch of pictures; gives a line about each file.

    Raises:
        Failed: when the folder cannot be written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with replacing(folder / ARRAYS) as temporary, temporary.open("wb") as file:
            np.savez(file, allow_pickle=False, **outputs)  # pyright: ignore[reportArgumentType]  # outputs by name
        types = ", ".join(f"{name} {type_text(_type(array))}" for name, array in outputs.items())
        yield f"{folder / ARRAYS}: {types}"
        for name, array in outputs.items():
            if shows(array):
                path = folder / f"samples-{name}.png"
                with replacing(path) as temporary:
                    temporary.write_bytes(png(grid(array)))
                low, high = range_of(array)
                yield f"{path}: {len(array)} pictures, black at {low:g} and white at {high:g}"
    except OSError as error:
        what = f"cannot be written: {(error.strerror or str(error)).lower()}"
        problem = FileProblem(Span(str(folder), 0, 0), str(folder), what, "name another folder with `-o`")
        raise failed(problem) from None


def _type(array: "NDArray[Any]") -> Type:
    names = {"float": "f", "int": "i", "uint": "u", "bool": "bool"}
    kind = array.dtype.name.rstrip("0123456789")
    return Type(array.shape, names.get(kind, kind) + array.dtype.name.removeprefix(kind))
