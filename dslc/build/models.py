"""A model by itself: its settings from defaults, a variant and the command line, its inputs as inputs of the graph."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from dslc.build import blocks, evaluate, modules, nodes, settings, stages, types
from dslc.build.frame import Frame, Place
from dslc.build.initial import choose
from dslc.build.scope import Build, Env, Scope
from dslc.build.values import BROKEN, Bundle, Skip, Tensor
from dslc.errors.base import Problems
from dslc.errors.settings import MissingSetting
from dslc.graph import Graph
from dslc.parse import tree
from dslc.resolve import Program
from dslc.source import Span

InputOf = Callable[[Env, tree.TypeTree, str, Span, tree.Tree | None], Any]
"""Gives a model's input its tensor: from its type, name, place and default."""


def root(build: Build, name: str) -> Env:
    """The outermost surroundings of a graph."""
    frame = Frame(name)
    return Env(build, Scope(), frame, Place(frame))


def model(program: Program, name: str, variant: str | None, problems: Problems) -> Graph | None:
    """The graph of a model; None when it has problems (they are reported)."""
    from dslc.build.training import settable  # noqa: PLC0415  # the two call each other

    found = program.model(name)
    assert found is not None, "the model was chosen from those that there are"
    home, block = found
    variant = program.variant(name, variant)
    build = Build(program, problems, dict(program.dims))
    outer = root(build, block.name.text)
    build.active.append(home.title(block.name.text))
    section = program.trains.get(name)
    train = settable(section) if section else frozenset[str]()
    given, _ = overridden(program, block, variant, train)
    env = at_home(outer, name, variant)
    try:
        bind(env, block, given, outer)
        made = outputs(env, block, declared)
    except Skip:
        return None
    env.frame.builder.outputs = {name: env.frame.ref(tensor) for name, tensor in made.items()}
    return replace(choose(env.frame.builder.graph()), remarks=tuple(build.remarks), budgets=tuple(build.budgets))


def at_home(env: Env, name: str, variant: str | None) -> Env:
    """The surroundings of a model, in which names are those of its own file."""
    program = env.build.program
    found = program.model(name)
    if found is None or found[0] is program:
        return env
    part = program.imports.get(name.rpartition(".")[0])
    use = program.variants[variant].of.span if variant else part.span if part else program.file.span
    return replace(env, build=modules.within(env.build, found[0], use))


def overridden(
    program: Program, block: tree.Block, variant: str | None, train: frozenset[str], head: frozenset[str] = frozenset()
) -> tuple[list[tree.Item], list[tree.Item]]:
    """Settings of the model by the variant and the command line, and those that belong to its train block.

    What both have in their heads is set in both.
    """
    names = [parameter.name.text for parameter in block.parameters]
    chosen: dict[str, tree.Item] = {}
    part = program.variants[variant] if variant else None
    for position, item in enumerate(part.arguments if part else ()):
        name = item.name or (names[position] if position < len(names) else f"{position}")
        chosen[name] = item
    of_train = [item for item in program.overrides if item.name in train and item.name not in names]
    chosen |= {item.name: item for item in program.overrides if item.name and item not in of_train}
    rest = [item for item in program.overrides if item in of_train or item.name in head]
    return list(chosen.values()), rest


def varied(program: Program, variant: str) -> str | None:
    """The model that a variant is of."""
    part = program.variants.get(variant)
    return part.of.text if part and isinstance(part.of, tree.Name) else None


def bind(env: Env, block: tree.Block, items: Sequence[tree.Item], outer: Env | None = None) -> None:
    """Settings of a model: given ones (read without any name of a block in sight, in the file of `outer`), then defaults.

    Raises:
        Skip: when a setting is unknown, or has neither a value nor a default.
    """
    name = block.name.text
    wanted = [replace(one, required=False) for one in settings.block_settings(block.parameters)]
    trees = settings.arrange(env, name, wanted, items, block.name.span)
    for parameter in block.parameters:
        given = trees.get(parameter.name.text, parameter.default)
        if given is None:
            text = parameter.name.text
            raise env.fail(MissingSetting(parameter.span, name, text, f"{name}({text} = ...)"))
        here = env if parameter.name.text not in trees else replace(outer or env, scope=Scope())
        try:
            value = evaluate.value(here, given)
        except Skip:
            value = BROKEN  # so that the body is checked all the same
        env.bind(parameter.name.text, value, parameter.span, "setting")


def outputs(env: Env, block: tree.Block, input_of: InputOf) -> Mapping[str, Tensor]:
    """The outputs of a model by name."""
    env = replace(env, it=None)
    if block.chain is None:
        return blocks.statements(
            env, block, lambda here, item: input_of(here, item.type, item.name.text, item.span, item.value)
        )
    if block.signature is None:
        call = f"model {block.name.text}: [batch, 4] -> [batch, 2] = ..."
        raise env.fail(MissingSetting(block.name.span, block.name.text, "its input", call))
    wanted = block.signature.inputs
    names = [f"x{i + 1}" if len(wanted) > 1 else "x" for i in range(len(wanted))]
    given = tuple(input_of(env, item, name, item.span, None) for item, name in zip(wanted, names, strict=True))
    value = given[0] if len(given) == 1 else Bundle.of(given)
    found = stages.chain(replace(env, it=value), block.chain, value)
    made = found.items if isinstance(found, Bundle) else (found,)
    blocks.meet_outputs(env, block.signature.outputs, made)
    return dict(zip(output_names(block), made, strict=True))


def output_names(block: tree.Block) -> tuple[str, ...]:
    """Names of a model's outputs; those of a chain are `output`, or `output1`, `output2`, ..."""
    if block.chain is None:
        return tuple(name.text for part in block.body if isinstance(part, tree.Output) for name in part.names)
    count = len(block.signature.outputs) if block.signature else 1
    return ("output",) if count == 1 else tuple(f"output{i + 1}" for i in range(count))


def declared(env: Env, item: tree.TypeTree, name: str, span: Span, default: tree.Tree | None) -> Any:
    """An input of the graph; one with a default has that value when the model runs by itself."""
    if default is not None:
        value = evaluate.value(env, default)
        if value is None:
            return None
        tensor = nodes.constant(env, nodes.force(env, value, span), None, span)
        blocks.meet_input(env, item, tensor, env.frame.builder.name, name, span)
        return tensor
    type, bounds = types.declare(env, item)
    return env.frame.tensor(env.frame.input(name, type, span, bounds))
