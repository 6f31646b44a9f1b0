"""Blocks of imported files: `r.bottleneck(64)` as a stage, `r.bottleneck` as a setting."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dslc.build.scope import Build, Env
from dslc.build.values import Layer, Skip, Symbol
from dslc.errors.base import Note, Relayed
from dslc.errors.imports import ModelOfAnotherFile, ModuleMisused
from dslc.parse import tree
from dslc.resolve import meant
from dslc.source import Span

if TYPE_CHECKING:
    from dslc.resolve import Program


def is_module(env: Env, item: tree.Tree, as_stage: bool = False) -> bool:
    """Whether a name means an import here. What the block calls so comes first: as a stage, only what holds a layer."""
    if not isinstance(item, tree.Name) or item.text not in env.build.program.imports:
        return False
    found = env.scope.find(item.text)
    return found is None or (as_stage and not isinstance(found.value, Layer | Symbol))


def names_block(env: Env, item: tree.Tree, as_stage: bool = False) -> bool:
    """Whether something dotted means a block of an import."""
    return isinstance(item, tree.Attribute) and is_module(env, item.value, as_stage)


def misused(env: Env, item: tree.Name) -> Skip:
    """The name of an import stands where a layer or a value is looked for."""
    module = env.build.program.modules.get(item.text)
    return Skip() if module is None else env.fail(ModuleMisused(item.span, item.text, tuple(module.blocks)))


def find(env: Env, item: tree.Attribute) -> "tuple[Program, tree.Block]":
    """The block that `r.bottleneck` names, and the file that it stands in.

    Raises:
        Skip: when there is none.
    """
    assert isinstance(item.value, tree.Name)
    module = env.build.program.modules.get(item.value.text)
    if module is not None and item.name in module.blocks:
        return module, module.blocks[item.name]
    if module is None or not module.whole:  # the import has its own message
        raise Skip
    raise env.fail(meant.block(item.span, item.value.text, item.name, tuple(module.blocks)))


def symbol(env: Env, item: tree.Attribute) -> Symbol:
    """A block of an import as a setting: `block = r.bottleneck`."""
    find(env, item)
    return Symbol(item, (), env, item.span)


def stage(
    env: Env, there: Env, callee: tree.Attribute, items: tuple[tree.Item, ...], label: str | None, span: Span
) -> Any:
    """Apply a block of an import; its name is looked up in one place, its settings are read in another.

    Args:
        env: where the settings stand.
        there: where the name stands.
    """
    from dslc.build import blocks  # noqa: PLC0415  # the two call each other

    module, block = find(there, callee)
    if block.kind == "model" and env.build.applied and not env.build.active:
        raise env.fail(ModelOfAnotherFile(span, callee.name))
    return blocks.apply(env, block, items, label or callee.name, span, module)


def within(build: Build, home: "Program | None", use: Span) -> Build:
    """The build as the names of another file are looked up in it; its problems say where the file is used."""
    if home is None or home is build.program:
        return build
    return replace(build, program=home, problems=Relayed(build.problems, Note(use, "applied here")))
