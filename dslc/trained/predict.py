"""What a model says about rows that it has not seen."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dslc.bind import Unfit, bind, dims_of
from dslc.errors.data import InputRefused
from dslc.graph import Ref
from dslc.lazy import jax, np
from dslc.lower import lower
from dslc.ops.loss.base import Loss
from dslc.optimize import optimize
from dslc.source import Span
from dslc.summary import type_text
from dslc.trained.inputs import read
from dslc.trained.run import Run, failed

if TYPE_CHECKING:
    from numpy.typing import NDArray

ROWS = 256
"""Rows that are computed at a time."""


@dataclass(frozen=True)
class Answer:
    """An output of the model; where it holds the logits of classes, what these are called."""

    name: str
    values: "NDArray[Any]"
    """`[rows, ...]`; probabilities `[rows, classes]` where there are classes."""
    classes: tuple[str, ...] = ()

    def rows(self) -> Iterator[dict[str, Any]]:
        """What is said about each row."""
        for row in self.values:
            if not self.classes:
                yield {self.name: row.tolist()}
                continue
            best = int(row.argmax())
            probabilities = {name: float(share) for name, share in zip(self.classes, row, strict=True)}
            yield {"class": self.classes[best], "probability": float(row[best]), "probabilities": probabilities}


def predict(run: Run, path: Path) -> list[dict[str, Any]]:
    """The answers to the rows of a file: the likeliest class with the probabilities of all, or the outputs.

    Raises:
        Failed: when the file does not fit the model, or the run has no weights.
    """
    answers = [_answer(run, name, values) for name, values in outputs(run, read(path, run), path).items()]
    if len(answers) == 1:
        return list(answers[0].rows())
    parts = (
        dict(zip((answer.name for answer in answers), row, strict=True))
        for row in zip(*(answer.rows() for answer in answers), strict=True)
    )
    return [
        {
            name: said if answer.classes else said[name]
            for answer, (name, said) in zip(answers, row.items(), strict=True)
        }
        for row in parts
    ]


def outputs(run: Run, given: Mapping[str, Any], path: Path) -> "dict[str, NDArray[Any]]":
    """The outputs of the model by name, for all rows."""
    count = len(next(iter(given.values())))
    size = min(ROWS, count)
    batch = {name: (size, *array.shape[1:]) for name, array in given.items()}
    try:
        graph, _ = optimize(bind(run.graph, dims_of(run.graph, batch)), "inference", run.passes, run.precision)
    except Unfit as unfit:
        wanted = tuple((node.name, type_text(node.type)) for node in run.graph.sources("input"))
        raise failed(InputRefused(Span(str(path), 0, 0), str(path), str(unfit), wanted)) from None
    weights, state = run.arrays(run.graph)
    program = lower(graph, run.source)
    compiled = jax.jit(lambda inputs: program(weights, state, inputs)[0])
    made = [
        compiled({name: _slice(array, start, size) for name, array in given.items()}) for start in range(0, count, size)
    ]
    return {name: np.concatenate([np.asarray(part[name]) for part in made])[:count] for name in run.graph.outputs}


def _slice(array: "NDArray[Any]", start: int, size: int) -> "NDArray[Any]":
    """So many rows; the last ones are repeated where there are too few, so that one program is enough."""
    part = array[start : start + size]
    return np.concatenate([part, np.repeat(part[-1:], size - len(part), axis=0)])


def _answer(run: Run, name: str, values: "NDArray[Any]") -> Answer:
    loss, target = _loss_on(run, run.graph.outputs[name])
    if loss is None or loss.takes != "logits":
        return Answer(name, values)
    if loss.name == "cross_entropy" and values.ndim == 2:
        shares = np.exp(values.astype(np.float64) - values.max(axis=1, keepdims=True))
        return Answer(name, shares / shares.sum(axis=1, keepdims=True), _classes(run, target, values.shape[1]))
    if loss.name == "binary_cross_entropy" and values.size == len(values):
        yes = 0.5 * (1.0 + np.tanh(0.5 * values.astype(np.float64).reshape(-1, 1)))
        return Answer(name, np.concatenate([1.0 - yes, yes], axis=1), _classes(run, target, 2))
    return Answer(name, values)


def _loss_on(run: Run, ref: Ref) -> tuple[Loss | None, str]:
    """The loss of the train block that reads an output of the model as it is, and the field that it is compared with."""
    for node in run.declared.graph:
        if isinstance(node.op, Loss) and node.inputs[0] == ref:
            return node.op, node.inputs[1].node if node.inputs[1] else ""
    return None, ""


def _classes(run: Run, field: str, count: int) -> tuple[str, ...]:
    """Names of the classes that the run has learnt; their numbers where the data has no names."""
    names = run.config.get("names", {}).get(field, ())
    return tuple(map(str, names)) if len(names) == count else tuple(map(str, range(count)))
