"""Names that a body declares with a type: weights of its own (`param`), what is kept (`state`) and what a cell carries."""

from dataclasses import replace
from math import prod
from typing import Any

from dslc.build import evaluate, nodes, settings, types
from dslc.build.frame import Escapes
from dslc.build.scope import Env
from dslc.build.values import Apart, Tensor
from dslc.errors.base import Note
from dslc.errors.cells import (
    CellOutsideScan,
    KeptInLoop,
    NeverNext,
    NextDiffers,
    NextOfNothing,
    NextTwice,
    NoFirstValue,
    ParamNotFloat,
    StartVaries,
)
from dslc.initializers.base import INITIALIZERS, Initializer
from dslc.ops.base import OPS, Weight
from dslc.parse import tree
from dslc.types import Type

KEPT = ("state", "carry")
"""What has a next value."""


def declare(env: Env, item: tree.Declaration) -> None:
    """Give a `param`, `state` or `carry` its meaning.

    Raises:
        Skip: when it has a problem, which is reported.
    """
    type = types.exact(env, item.type)
    made = carry(env, item, type) if item.kind == "carry" else _stored(env, item, type)
    env.bind(item.name.text, made, item.name.span, item.kind)


def _stored(env: Env, item: tree.Declaration, type: Type) -> Tensor:
    """A weight, or an array that is kept."""
    name, is_weight = item.name.text, item.kind == "param"
    if is_weight and not type.is_float:
        raise env.fail(ParamNotFloat(item.type.span, name, str(type)))
    init = None
    if item.value is not None:
        given = settings.setting(env, item.value, Initializer | float, item.kind, name)
        made: Any = INITIALIZERS["constant"]
        init = made(given) if isinstance(given, float) else given
    elif not is_weight or type.rank < 2:
        raise env.fail(NoFirstValue(item.name.span, item.kind, name, env.build.program.source.snippet(item.type.span)))
    shape = type.shape
    fans = (prod(shape[:-1]), shape[-1]) if type.rank > 1 else (1, prod(shape))  # pyright: ignore[reportArgumentType, reportCallIssue]
    kind = "parameter" if is_weight else "state"
    path = env.place.name(name)
    ref = nodes.weight_ref(env, kind, path, Weight(shape, init, *fans, dtype=type.dtype), item.name.span)
    return env.frame.tensor(ref)


def carry(env: Env, item: tree.Declaration, type: Type) -> Tensor:
    """What a cell carries, as it is before the present step."""
    loop = env.loop
    if loop is None:
        raise env.fail(CellOutsideScan(item.span, item.name.text))
    if loop.frame is not env.frame:
        raise Apart
    around = replace(env, frame=loop.around, it=None)
    try:
        start = _start(around, item, type, loop.like)
    except Escapes:
        assert item.value is not None
        raise env.fail(StartVaries(item.value.span, item.name.text)) from None
    return loop.carry(env.place.name(item.name.text), start, item.name.span)


def _start(env: Env, item: tree.Declaration, type: Type, like: Tensor) -> Tensor:
    """The value before the first step: a number everywhere, or a tensor."""
    fill = _fill(env, item.value)
    if fill is None and item.value is not None:
        value = nodes.force(env, evaluate.value(env, item.value), item.value.span)
        fill = float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
        if fill is None:
            start = nodes.constant(env, value, type, item.value.span)
            env.frame.ref(start)
            types.assertion(env, item.type, start)
            return start
    kind: Any = OPS["filled"]
    op = kind(value=fill or 0.0, type=type, of=like.type)
    return nodes.add(env, op, (like,), f"{item.name.text}.start", item.span)


def _fill(env: Env, item: tree.Tree | None) -> float | None:
    """The number that an initializer such as `zeros` puts everywhere; None for anything else."""
    while isinstance(item, tree.Pipe) and len(item.stages) == 1:
        item = item.stages[0].value
    if item is None:
        return 0.0
    callee = item.callee if isinstance(item, tree.Call) else item
    is_sized = isinstance(item, tree.Call) and isinstance(callee, tree.Name) and callee.text in OPS
    if is_sized or not isinstance(callee, tree.Name) or env.scope.find(callee.text) or callee.text not in INITIALIZERS:
        return None
    return settings.setting(env, item, Initializer, "carry", callee.text).everywhere


def give_next(env: Env, item: tree.Next) -> None:
    """`next h = ...`: what a carry or a state is in the step after this one."""
    name = item.name.text
    found = env.read(name, item.name.span)
    if found is None or found.what not in KEPT:
        raise env.fail(NextOfNothing(item.name.span, name))
    value = nodes.constant(
        env, nodes.force(env, evaluate.value(env, item.value), item.span), found.value.type, item.span
    )
    if value.type != found.value.type:
        origins = nodes.origin_notes(env, (value,), item.value.span)
        raise env.fail(NextDiffers(item.value.span, name, str(found.value.type), str(value.type), origins))
    here, before = env.frame.ref(value), found.value.ref
    if found.what == "state":
        if not env.build.keeps:
            return
        owner = env.place.frame
        if owner is not env.frame:
            raise env.fail(KeptInLoop(item.span, name))
        env.frame.builder.updates[before.node] = here
        return
    assert env.loop is not None
    for one in env.loop.carried:
        if one.input == before:
            one.next = here


def require_next(env: Env, body: tuple[tree.Tree, ...]) -> None:
    """Add a problem for every carry and state that a body gives no next value, or a second one."""
    given: dict[str, tree.Next] = {}
    for part in body:
        if isinstance(part, tree.Next) and part.name.text in given:
            first = given[part.name.text]
            env.build.problems.add(NextTwice(part.name.span, part.name.text, (Note(first.name.span, "the first one"),)))
        elif isinstance(part, tree.Next):
            given[part.name.text] = part
    for part in body:
        if isinstance(part, tree.Declaration) and part.kind in KEPT and part.name.text not in given:
            env.build.problems.add(NeverNext(part.name.span, part.kind, part.name.text))
