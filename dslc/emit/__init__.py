"""A training program as one module of Python that imports JAX and no dslc: `--emit python`.

The text is printed from what runs. The graph with its backward pass, as the optimizer leaves it, is cut in two (`split`), and
each half is traced by JAX just as for training: there is no second implementation of an op to keep in step, and what has a
rule of its own, a derived one, a loop or random numbers is covered alike. The trace is flattened (`flat`), each primitive gets
the form that a person would write (`primitives`: `x @ kernel + bias`, `jnp.where`, `lax.scan` with a named function), and the
steps stand under comments with their lines of the source (`writer`). The optimizer is traced weight by weight, and written
once for all weights whose text is the same (`pieces`). Random numbers, the loop and the files are the same in every module
and stand in `module` as text.

Same seed, same order of batches, same draws: the losses are those of `dslc train`. Beside the module lie the first weights,
the training data as its stages left it, and tables that are too long for a source.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dslc.compilation import Compilation
from dslc.data.base import DataFailure, Folders
from dslc.emit.flat import Step
from dslc.emit.module import module
from dslc.emit.pieces import Entangled, Pieces, Unpacked, rule
from dslc.emit.primitives import Unwritten
from dslc.errors.base import Failed, Problems
from dslc.errors.data import from_failure
from dslc.errors.emit import DataDraws, NoForm, NothingTrains, OptimizerEntangled, ScaledLoss
from dslc.lazy import jax, np
from dslc.profile.hlo import line_of
from dslc.source import Source, Span
from dslc.train.generator import base_key
from dslc.train.load import beginning
from dslc.train.scaling import scales
from dslc.train.task import Task, failed, make
from dslc.train.weights import unstack


@dataclass(frozen=True)
class Emitted:
    """A module and the arrays that lie beside it, by file."""

    name: str
    text: str
    arrays: dict[str, dict[str, Any]]


def emitted(compilation: Compilation) -> Emitted:
    """The module of a training program.

    Raises:
        Failed: when the file has errors, its data is not there, or something in it has no form in Python.
    """
    plan = compilation.plan
    if plan is None:
        problems = Problems()
        problems.add(NothingTrains(Span(compilation.source.name, 0, 0), compilation.build.name))
        raise Failed(problems)
    if scales(plan.precision):
        raise failed(ScaledLoss(plan.spans.get("precision", plan.span), str(plan.precision)))
    folders = Folders(Path(compilation.source.name).parent, compilation.options.data)
    try:
        task = make(plan, plan.data.load(folders, plan.seed))
    except DataFailure as failure:
        raise failed(from_failure(plan.spans.get("data", plan.span), failure)) from failure
    if task.train.table.draws:
        raise failed(DataDraws(plan.spans.get("data", plan.span)))
    first = _first(task, compilation.source, folders)
    pieces = Pieces(task, compilation.source)
    try:
        rules = {update.name: rule(pieces, update, first) for update in plan.updates}
        text = module(pieces, rules, plan.name)
    except Unwritten as found:
        raise failed(NoForm(_span(found.step, compilation.source, plan.span), found.step.name)) from None
    except Entangled:
        span = plan.updates[0].spans.get("optimizer", plan.span)
        raise failed(OptimizerEntangled(span, plan.optimizer.name)) from None
    arrays = {"weights.safetensors": unstack(task.kept, first), "data.safetensors": dict(task.train.table.arrays)}
    if pieces.constants:
        arrays["constants.safetensors"] = pieces.constants
    return Emitted(plan.name, text, arrays)


def _first(task: Task, source: Source, folders: Folders) -> dict[str, Any]:
    """The weights and states that the run begins with."""
    carry = jax.jit(Unpacked(task, source).start)(base_key(task.plan.seed))
    drawn = {name: np.array(array) for name, array in {**carry.weights, **carry.state}.items()}
    begin = beginning(task.plan, folders)
    return drawn if begin.is_drawn else begin.into(drawn, task.kept)


def _span(step: Step, source: Source, other: Span) -> Span:
    """The line of the source that a step is for."""
    line = line_of(step.scope)
    for one in (source, *source.imported.values()):
        if line is not None and one.name.endswith(line.file):
            start = sum(len(text) + 1 for text in one.text.split("\n")[: line.number - 1])
            text = one.line(line.number)
            return Span(one.name, start + len(text) - len(text.lstrip()), start + len(text))
    return other
