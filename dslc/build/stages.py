"""Pipes: what stands after an arrow is looked up among layers, and applied to the value in the pipe."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from dslc.build import blocks, evaluate, modules, nodes, repeat, settings, types
from dslc.build.scope import Env, Scope
from dslc.build.values import Bundle, Layer, Symbol, Tensor
from dslc.errors.arithmetic import CannotCall
from dslc.errors.names import Recursive, UnknownLayer
from dslc.errors.placement import NeedsBody, SettingsAlready, SourceInPipe, TakesNoBody
from dslc.errors.steps import LayerOfModel
from dslc.ops.base import OPS
from dslc.ops.combinator.base import Combinator, Surroundings
from dslc.parse import tree
from dslc.resolve import meant
from dslc.source import Span


def pipe(env: Env, item: tree.Pipe) -> Any:
    """A pipe that stands as a value: its head is a value, the rest are stages."""
    head = item.stages[0]
    found = evaluate.value(env, head.value)
    if len(item.stages) > 1 or head.label or head.type:
        found = nodes.force(env, found, head.span)
        found = _finish(env, head, found)
    return _follow(env, item.stages[1:], found)


def chain(env: Env, item: tree.Tree, value: Any) -> Any:
    """A pipe that stands where a stage stands (a body, a branch, a named layer): its head is a stage too."""
    assert isinstance(item, tree.Pipe)
    return _follow(replace(env, sole=env.sole and len(item.stages) == 1), item.stages, value)


def _follow(env: Env, stages: Sequence[tree.Stage], value: Any) -> Any:
    for one in stages:
        value = stage(replace(env, it=value), one)
    return value


def stage(env: Env, item: tree.Stage) -> Any:
    """One stage, applied to `env.it`."""
    env.spend(item.span)
    label = item.label.text if item.label else None
    if isinstance(item.value, tree.Repeat):
        return _finish(env, item, repeat.apply(env, item.value, item.label))
    return _finish(env, item, nodes.force(env, _apply(env, item.value, label), item.span))


def _finish(env: Env, item: tree.Stage, found: Any) -> Any:
    """The type that is written behind a stage, and its name."""
    if item.type is not None:
        types.assertion(env, item.type, found)
    if item.label is not None:
        nodes.label(env, found, item.label.text)
        if not isinstance(item.value, tree.Repeat):  # which names what its iterations give
            env.bind(item.label.text, found, item.label.span, "tensor")
    return found


def _apply(env: Env, item: tree.Tree, label: str | None) -> Any:
    match item:
        case tree.Name():
            return _named(env, item, (), label, item.span)
        case tree.Call(callee=tree.Name() as callee):
            return _named(env, callee, item.arguments, label, item.span)
        case tree.Combinator():
            return _combinator(env, item, label)
        case tree.If():
            return _if(env if label is None else replace(env, place=env.place.child(label)), item)
        case tree.Attribute() | tree.Call():
            return _attribute(env, item, label)
        case _:
            return evaluate.value(env, item)


def _named(env: Env, callee: tree.Name, items: tuple[tree.Item, ...], label: str | None, span: Span) -> Any:
    """A layer, block or setting that holds a layer, by its name."""
    name = callee.text
    found = env.read(name, callee.span)
    if found is not None and isinstance(found.value, Layer | Symbol):
        return _held(env, found.value, callee, items, label, span)
    if name in env.build.program.models and env.build.applied and not env.build.active:
        return env.build.applied.apply(env, name, items, span)
    if name in env.build.program.blocks:
        return blocks.apply(env, env.build.program.blocks[name], items, label or name, span)
    if name in OPS and not issubclass(OPS[name], Combinator):
        return _op(env, name, items, label or name, span)
    if name in OPS and OPS[name].bare:  # pyright: ignore[reportAttributeAccessIssue]
        return settings.entry(env, OPS[name], items, span).expand(Surroundings(env, (), span))
    if name in OPS:
        raise env.fail(NeedsBody(span, name, 0))
    if modules.is_module(env, callee):
        raise modules.misused(env, callee)
    if found is not None:
        raise env.fail(UnknownLayer(callee.span, name, None, is_tensor=isinstance(found.value, Tensor | Bundle)))
    raise env.fail(meant.layer(callee, items, tuple(env.build.program.blocks)))


def _held(
    env: Env, held: Layer | Symbol, callee: tree.Name, items: tuple[tree.Item, ...], label: str | None, span: Span
) -> Any:
    if isinstance(held, Layer):
        if items:
            raise env.fail(SettingsAlready(span, held.name))
        return named_layer(env, held, span)
    if items and held.arguments:
        raise env.fail(SettingsAlready(span, callee.text))
    there = replace(env, scope=held.env.scope, build=held.env.build)
    if isinstance(held.callee, tree.Attribute):
        return modules.stage(env if items else there, there, held.callee, items or held.arguments, label, span)
    assert isinstance(held.callee, tree.Name)
    if items:  # settings given here are read with the names of here
        return _named_across(env, there, held.callee, items, label, span)
    return _named(there, held.callee, held.arguments, label or held.callee.text, span)


def _named_across(
    env: Env, there: Env, callee: tree.Name, items: tuple[tree.Item, ...], label: str | None, span: Span
) -> Any:
    """A layer looked up in one scope, its settings in another."""
    if there.scope.find(callee.text) is not None:
        raise there.fail(SettingsAlready(span, callee.text))
    home = there.build.program
    if home is not env.build.program and callee.text in home.blocks:
        return blocks.apply(env, home.blocks[callee.text], items, label or callee.text, span, home)
    return _named(env, callee, items, label or callee.text, span)


def _op(env: Env, name: str, items: tuple[tree.Item, ...], label: str, span: Span) -> Any:
    cls = OPS[name]
    if not cls.inputs():
        raise env.fail(SourceInPipe(span, name))
    op = settings.entry(env, cls, items, span)
    return nodes.add(env, op, nodes.fill(env, cls, env.it, span), label, span, varying=varying(env, op))


def varying(env: Env, op: Any) -> Any:
    """The settings of an op that are another number in each iteration."""
    return env.build.varying.pop(id(op), (op, None))[1]


def source(symbol: Symbol) -> Any:
    """The tensor of a source such as `normal([batch, 20])`; None when the symbol is no source."""
    if not isinstance(symbol.callee, tree.Name):
        return None
    name = symbol.callee.text
    if name not in OPS or OPS[name].inputs() or issubclass(OPS[name], Combinator):
        return None
    op = settings.entry(symbol.env, OPS[name], symbol.arguments, symbol.span)
    return nodes.add(symbol.env, op, (), name, symbol.span, varying=varying(symbol.env, op))


def named_layer(env: Env, layer: Layer, use: Span) -> Any:
    """A use of a `layer name = ...`: the names of where it was written, the weights of its own place."""
    using = env.build.using
    again = next((place for place, other in enumerate(using) if other is layer), None)
    if again is not None:
        raise env.fail(Recursive(use, (*(other.name for other in using[again:]), layer.name)))
    using.append(layer)
    try:
        return _used(env, layer, use)
    finally:
        using.pop()


def _used(env: Env, layer: Layer, use: Span) -> Any:
    place = layer.place.again()
    body = layer.value
    assert isinstance(body, tree.Pipe)
    first = body.stages[0]
    here = replace(layer.env, frame=env.frame, place=place, loop=env.loop, frozen=env.frozen, remade=env.remade)
    inner = replace(here, scope=Scope(layer.env.scope), it=env.it, use=use)
    if len(body.stages) > 1 or first.label or isinstance(first.value, tree.Combinator | tree.Repeat):
        inner = replace(inner, blocks=(*env.blocks, place.path))
        return chain(inner, body, env.it)
    # A layer of one stage takes the name as its path: `wte.table`, not `wte.embedding.table`.
    above = place.path.rpartition(".")[0]
    alone = replace(inner, place=type(place)(place.frame, above), blocks=env.blocks)
    found = _apply(alone, first.value, place.path.removeprefix(above).lstrip("."))
    return _finish(alone, first, nodes.force(alone, found, body.span))


def _if(env: Env, item: tree.If) -> Any:
    if evaluate.condition(env, item.condition):
        return chain(env, item.then, env.it)
    if item.otherwise is None:
        return env.it
    return _if(env, item.otherwise) if isinstance(item.otherwise, tree.If) else chain(env, item.otherwise, env.it)


def _combinator(env: Env, item: tree.Combinator, label: str | None) -> Any:
    if not isinstance(item.callee, tree.Name):
        raise env.fail(CannotCall(item.callee.span, "this", braces=True))
    name = item.callee.text
    if name not in OPS or not issubclass(OPS[name], Combinator) or OPS[name].bare:  # pyright: ignore[reportAttributeAccessIssue]
        if modules.is_module(env, item.callee, as_stage=True):
            raise modules.misused(env, item.callee)
        if name not in OPS:
            raise env.fail(meant.layer(item.callee, item.arguments, tuple(env.build.program.blocks)))
        raise env.fail(TakesNoBody(item.span, name))
    combinator = settings.entry(env, OPS[name], item.arguments, item.span)
    here = env if label is None else replace(env, place=env.place.child(label))
    return combinator.expand(Surroundings(here, item.branches, item.span))


def _attribute(env: Env, item: tree.Tree, label: str | None) -> Any:
    """`r.block` of an import as a stage; `model.layer` belongs to models applied by hand."""
    callee, items = (item.callee, item.arguments) if isinstance(item, tree.Call) else (item, ())
    if isinstance(callee, tree.Attribute) and modules.names_block(env, callee, as_stage=True):
        return modules.stage(env, env, callee, items, label, item.span)
    from dslc.build import parts  # noqa: PLC0415  # it builds models, and these build stages

    if isinstance(callee, tree.Attribute) and parts.names_layer(env, callee):
        return parts.apply(env, callee, items, item.span)
    raise env.fail(LayerOfModel(item.span))
