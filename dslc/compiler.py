"""The stages, in order.

    source --parse--> tree --resolve--> program --build--> graph --optimize--> leaner graph
           --differentiate--> graph with its backward pass --lower--> JAX function --train--> weights

Every stage takes what the one before it returned and returns a new value; `--after STAGE` prints it.
"""

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from dslc import build as building
from dslc import linting
from dslc.errors.base import Failed, Problems
from dslc.errors.data import FileProblem
from dslc.errors.names import NothingChosen
from dslc.graph import Graph
from dslc.parse import parse
from dslc.parse import tree as syntax
from dslc.plan import Plan
from dslc.resolve import Program, resolve
from dslc.resolve.dimensions import require_known
from dslc.resolve.imports import reached
from dslc.resolve.names import Names
from dslc.source import Source, Span

STAGES = ("parse", "resolve", "build", "optimize", "differentiate", "lower")
LARGEST = 4_000_000
"""Characters of a file."""
sys.setrecursionlimit(max(sys.getrecursionlimit(), 20_000))  # nesting is bounded by the parser, not by the stack


@dataclass(frozen=True)
class Options:
    """What the command line (or the Python API) says about a compilation."""

    model: str | None = None
    variant: str | None = None
    settings: Mapping[str, str] = field(default_factory=dict[str, str])
    """Settings of the model or of the train block, as text of the language."""
    dims: Mapping[str, int] = field(default_factory=dict[str, int])
    data: tuple[Path, ...] = ()
    """Folders in which data is looked up first."""
    seed: int | None = None


def read(path: str) -> Source:
    """The text of a file.

    Raises:
        Failed: when it cannot be read.
    """
    try:
        return decoded(path, Path(path).read_bytes())
    except FileNotFoundError:
        problem = FileProblem(Span(path, 0, 0), path, "is not there", "check the spelling and the folder")
    except IsADirectoryError:
        problem = FileProblem(Span(path, 0, 0), path, "is a folder", "name a `.net` file in it")
    except OSError as error:
        problem = FileProblem(
            Span(path, 0, 0), path, f"cannot be read: {(error.strerror or '').lower()}", "check its permissions"
        )
    raise _failed(problem)


def decoded(path: str, data: bytes) -> Source:
    """The text of what has been read.

    Raises:
        Failed: when it is too long, or no UTF-8.
    """
    if len(data) > LARGEST:
        raise _failed(FileProblem(Span(path, 0, 0), path, f"has more than {LARGEST:,} characters", "split it"))
    try:
        return Source(path, data.decode("utf-8-sig").replace("\r\n", "\n"))
    except UnicodeDecodeError as error:
        where = f"is not UTF-8 text (byte {error.start})"
        raise _failed(FileProblem(Span(path, 0, 0), path, where, "save it as UTF-8")) from None


def _failed(problem: FileProblem) -> Failed:
    problems = Problems()
    problems.add(problem)
    return Failed(problems)


def front(source: Source, problems: Problems, options: Options = Options()) -> Program:
    """Parse and resolve."""
    return resolved(source, parse(source, problems), problems, options)


def resolved(source: Source, file: syntax.File, problems: Problems, options: Options) -> Program:
    """What a file declares, and what the command line says about it."""
    whole = not problems.errors
    program = resolve(source, file, problems)
    program = replace(program, overrides=_overrides(options, problems), dims=dict(options.dims), whole=whole)
    require_known(program, problems)
    return program


def setting_source(name: str, text: str) -> Source:
    """The text of a `--set` as a file of the language, in which what was written has a line of its own."""
    return Source(f"--set {name}", f"variant set of model(\n{name} = {text}\n)")


def _overrides(options: Options, problems: Problems) -> tuple[syntax.Item, ...]:
    """`--set name=value` as arguments of a call."""
    items: list[syntax.Item] = []
    for name, text in options.settings.items():
        file = parse(setting_source(name, text), problems)
        items.extend(item for part in file.parts if isinstance(part, syntax.Variant) for item in part.arguments)
    return tuple(items)


def check(source: Source, options: Options = Options()) -> Problems:
    """Every problem of a file: all models with their defaults, all variants, all train blocks, all names."""
    return survey(source, options)[1]


def survey(source: Source, options: Options = Options()) -> tuple[Program, Problems]:
    """What a file declares, and every problem of it."""
    problems = Problems()
    program = front(source, problems, options)
    for part, found in reached(program, problems):
        for block in part.blocks.values():
            Names(block, part.blocks, building.value_names(), found, part.imported)
    graphs = {name: building.model(program, name, None, problems) for name in program.models}
    variants = [
        building.model(program, program.varied(variant), variant, problems)
        for variant in program.variants
        if program.model(program.varied(variant)) is not None
    ]
    plans = {name: building.plan(program, name, None, problems, options.data) for name in program.trains}
    _hold((*graphs.values(), *variants, *plans.values()), options, problems)
    if program.whole:
        building.check_weights(program, graphs, plans, problems, options.data)
    for name in program.samples:
        building.sample(program, name, None, problems, plans.get(name))
    if not problems.errors:
        linting.add(program, (*graphs.values(), *variants), tuple(plans.values()), options.data, problems)
    linting.silence(source, problems)
    return program, problems


def graph(source: Source, options: Options = Options()) -> Graph:
    """The graph of the chosen model.

    Raises:
        Failed: when the file has errors.
    """
    problems = Problems()
    return graph_of(front(source, problems, options), options, problems)


def graph_of(program: Program, options: Options, problems: Problems) -> Graph:
    """The graph of the chosen model of a program."""
    name, variant = chosen(program, options, problems)
    made = building.model(program, name, variant, problems)
    _hold((made,), options, problems)
    if problems.errors or made is None:
        raise Failed(problems)
    return made


def plan(source: Source, options: Options = Options()) -> Plan:
    """The plan of the chosen train block.

    Raises:
        Failed: when the file has errors, or its data is not there.
    """
    problems = Problems()
    return plan_of(front(source, problems, options), options, problems)


def _hold(made: Iterable[Graph | Plan | None], options: Options, problems: Problems) -> None:
    """Report the budgets and the memory of the author that models and train blocks do not keep to."""
    for one in made:
        graph = one.graph if isinstance(one, Plan) else one
        if graph is not None and graph.budgets:
            from dslc.estimate import budgets  # noqa: PLC0415  # most files have none

            budgets.check(one, options.dims, problems)
        if isinstance(one, Plan) and one.memory is not None:
            from dslc.recompute import fit  # noqa: PLC0415

            fit.check(one, problems)


def plan_of(program: Program, options: Options, problems: Problems, must_have_data: bool = True) -> Plan:
    """The plan of the chosen train block of a program."""
    names = tuple(program.trains)
    wanted = trained(program, options, problems)
    if wanted not in program.trains:
        problems.add(NothingChosen(Span(program.source.name, 0, 0), "train block", wanted, names))
        raise Failed(problems)
    made = building.plan(program, wanted, options.variant, problems, options.data, must_have_data)
    named = made is not None and program.model(wanted) and any(one.of == "model" for one in made.graph.budgets)
    _hold((made, *((building.model(program, wanted, options.variant, problems),) if named else ())), options, problems)
    if problems.errors or made is None:
        raise Failed(problems)
    if program.weights:
        named = building.model(program, wanted, options.variant, problems) if program.model(wanted) else None
        made = replace(made, sections=building.sections(program, made.model, named, made.graph))
    return made if options.seed is None else replace(made, seed=options.seed)


def sample_of(program: Program, name: str, options: Options, problems: Problems) -> Graph:
    """The graph of a sample block of a program.

    Raises:
        Failed: when it has errors.
    """
    made = building.sample(program, name, options.variant, problems)
    if problems.errors or made is None:
        raise Failed(problems)
    return made


def trained(program: Program, options: Options, problems: Problems) -> str | None:
    """The train block that is meant: what the command line names, else that of a model, else one with a free title.

    Raises:
        Failed: when the command line names a variant that the file does not have.
    """
    titles = [name for name in program.trains if program.model(name) is None]
    if options.model in titles:
        _named(program, replace(options, model=None), problems)
        return options.model
    name = _named(program, options, problems)
    if name is None:
        return next((name for name in program.trains if name not in titles), next(iter(titles), None))
    # A variant of a model that is trained with others.
    return titles[0] if options.model is None and name not in program.trains and titles else name


def chosen(program: Program, options: Options, problems: Problems) -> tuple[str, str | None]:
    """Name of the model and of its variant.

    Raises:
        Failed: when the file has none such.
    """
    name = _named(program, options, problems)
    if name is None:
        trained = next((name for name in program.trains if program.model(name)), None)
        name = trained or next(reversed(program.models), None)
    if name is None or program.model(name) is None:
        problems.add(NothingChosen(Span(program.source.name, 0, 0), "model", name, tuple(program.models)))
        raise Failed(problems)
    return name, options.variant


def _named(program: Program, options: Options, problems: Problems) -> str | None:
    """The model that the command line names, by itself or by one of its variants."""
    if options.variant is None:
        return options.model
    known = {
        name: name if program.borrowed(name) else program.varied(name)
        for name in program.variants
        if options.model in (None, program.varied(name)) or (options.model == name and program.borrowed(name))
    }
    if options.variant not in known:
        problems.add(NothingChosen(Span(program.source.name, 0, 0), "variant", options.variant, tuple(known)))
        raise Failed(problems)
    return known[options.variant]
