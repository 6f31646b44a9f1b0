"""The folder of a run, read back."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dslc import compiler
from dslc.compiler import Options
from dslc.data.base import DataFailure, Folders
from dslc.data.sources.csv import Csv
from dslc.errors.base import Failed, Problem, Problems
from dslc.errors.data import NotARun, from_failure
from dslc.errors.train import NoOneModel
from dslc.graph import Graph
from dslc.plan import Plan
from dslc.source import Source, Span
from dslc.train.checkpoint import Damaged, read_arrays
from dslc.train.folder import CONFIG, IMPORTS, SOURCE, RunFolder
from dslc.train.weights import stack

if TYPE_CHECKING:
    from dslc.data.pipeline import Loaded

Arrays = dict[str, Any]


def asked(file: str, options: Options, plan: Plan, folders: Folders) -> dict[str, Any]:
    """What `config.json` keeps of how the run was asked for, and the columns of a table that it learns from, in order."""
    source = plan.data.source
    columns = source.stacked(folders) if isinstance(source, Csv) else ()
    return {
        "file": str(Path(file).resolve()),
        "model": options.model,
        "variant": options.variant,
        "settings": dict(options.settings),
        "dims": dict(options.dims),
        "data": [str(folder.resolve()) for folder in options.data],
        "seed": options.seed,
        "columns": list(columns),
    }


@dataclass(frozen=True)
class Run:
    """A run that has been trained: its source, what it was asked, and its weights."""

    path: Path
    source: Source
    config: Mapping[str, Any]
    options: Options

    @property
    def name(self) -> str:
        """The name of its train block."""
        return str(self.config["train"])

    @cached_property
    def plan(self) -> Plan:
        """The train block.

        Raises:
            Failed: when the source has errors, or its data is not there.
        """
        return replace(compiler.plan(self.source, self.options), passes=self.passes)

    @property
    def passes(self) -> tuple[str, ...] | None:
        """The optimizations that the run was asked for; None: all of them."""
        found: list[str] | None = self.config.get("passes")
        return None if found is None else tuple(found)

    @property
    def precision(self) -> str:
        """The floats that it was trained in, and computes in."""
        return str(self.config.get("precision", "f32"))

    @cached_property
    def declared(self) -> Plan:
        """The train block, for what can be done without its data."""
        problems = Problems()
        program = compiler.front(self.source, problems, self.options)
        return compiler.plan_of(program, self.options, problems, must_have_data=False)

    @cached_property
    def graph(self) -> Graph:
        """The model by itself.

        Raises:
            Failed: when the train block names no model, but applies several.
        """
        program = compiler.front(self.source, Problems(), self.options)
        if program.model(self.name) is None:
            raise failed(NoOneModel(program.trains[self.name].name.span, self.name))
        return compiler.graph(self.source, self.options)

    @cached_property
    def folders(self) -> Folders:
        """Where its data is looked up."""
        return Folders(self.path, self.options.data)

    def load(self) -> "Loaded":
        """Its data.

        Raises:
            Failed: when that is not there, or broken.
        """
        try:
            return self.plan.data.load(self.folders, self.plan.seed)
        except DataFailure as failure:
            raise failed(from_failure(self.plan.spans.get("data", self.plan.span), failure)) from failure

    def arrays(self, graph: Graph) -> tuple[Arrays, Arrays]:
        """Weights and state of a graph of the model.

        Raises:
            Failed: when the folder has none that are whole and fit.
        """
        file = RunFolder(self.path).weights
        try:
            arrays, _ = read_arrays(file)
        except Damaged as problem:
            raise self._lacks(f"`{file.name}`: {problem}") from None
        made, unfit = stack(graph, arrays)
        if unfit:
            raise self._lacks(f"`{file.name}` does not fit the model at `{unfit[0].name}`")
        weights, state = (
            {node.name: made[node.name] for node in graph.sources(kind)} for kind in ("parameter", "state")
        )
        return weights, state

    def _lacks(self, what: str) -> Failed:
        return failed(NotARun(Span(str(self.path), 0, 0), str(self.path), what))


def failed(problem: Problem) -> Failed:
    """One problem as the exception that stages raise."""
    problems = Problems()
    problems.add(problem)
    return Failed(problems)


def open_run(path: Path, data: tuple[Path, ...] = (), seed: int | None = None) -> Run:
    """The run in a folder.

    Args:
        data: folders to look for data in before those that the run knows.
        seed: in place of the one that the run was asked for.

    Raises:
        Failed: when the folder is not that of a run.
    """
    config = RunFolder(path).config()
    options = config.get("options")
    if not isinstance(options, dict):
        what = f"it has no `{CONFIG}` that `dslc train` wrote" if path.is_dir() else "there is no such folder"
        raise failed(NotARun(Span(str(path), 0, 0), str(path), what))
    source = replace(compiler.read(str(path / SOURCE)), folder=str(path / IMPORTS))
    try:
        return Run(path, source, config, _options(options, config, data, seed))
    except (KeyError, TypeError, ValueError) as problem:
        what = f"its `{CONFIG}` is not as `dslc train` wrote it"
        raise failed(NotARun(Span(str(path), 0, 0), str(path), what)) from problem


def _options(asked: Mapping[str, Any], config: Mapping[str, Any], data: tuple[Path, ...], seed: int | None) -> Options:
    # Where the file was when it was trained, its data may still be.
    folders = (*data, *map(Path, asked["data"]), Path(asked["file"]).parent)
    there = tuple(folder for folder in folders if folder.is_dir())
    return Options(
        model=str(config["model"]),
        variant=asked["variant"],
        settings={str(name): str(text) for name, text in dict(asked["settings"]).items()},
        dims={str(name): int(size) for name, size in dict(asked["dims"]).items()},
        data=there,
        seed=asked["seed"] if seed is None else seed,
    )
