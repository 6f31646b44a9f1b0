"""`repeat`: iterations that keep the type and build equal graphs become one region; the others stand side by side."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from dslc.build import evaluate, nodes
from dslc.build.declared import Apart
from dslc.build.frame import Frame, Place
from dslc.build.initial import choose
from dslc.build.scope import Env, Scope
from dslc.build.values import Bundle, Tensor, kind_of
from dslc.errors.arithmetic import NotAList, NotWhole, TooMany
from dslc.errors.cells import KeptInLoop
from dslc.errors.infer import SharedDiffers, WrongCount
from dslc.errors.placement import NothingPiped
from dslc.graph import Graph, Node, Ref
from dslc.ops.base import OPS
from dslc.parse import tree
from dslc.types import Type

MOST = 1_000_000


@dataclass(frozen=True)
class Body:
    """One iteration, built as a graph of its own."""

    graph: Graph
    captured: tuple[Ref, ...]
    keeps_type: bool
    is_bundle: bool


def apply(env: Env, item: tree.Repeat, label: str | None) -> Any:
    """The value after all iterations."""
    from dslc.build import stages  # noqa: PLC0415  # the two call each other

    rows = _rows(env, item)
    if env.it is None:
        raise env.fail(NothingPiped(item.span, "`repeat`"))
    base = env.place.name(label or "repeat")
    value, at = env.it, 0
    while at < len(rows):
        here = replace(env, it=value)
        until = _run_length(here, item, rows, at, base)
        if until - at > 1:
            value = _region(here, item, rows, at, until, base)
        else:
            inner = _iteration(
                here, item, rows[at], Place(env.place.frame, f"{base}.{at}"), (*env.blocks, base, f"{base}.{at}")
            )
            value = stages.chain(inner, item.body, value)
        at = until
    return value


def _rows(env: Env, item: tree.Repeat) -> Sequence[Any]:
    over = evaluate.value(env, item.over)
    if not item.names:
        if not isinstance(over, int) or isinstance(over, bool) or over < 0:
            raise env.fail(NotWhole(item.over.span, "the count of a `repeat`", kind_of(over), "`repeat 12 { ... }`"))
        if over > MOST:
            raise env.fail(TooMany(item.over.span, "a `repeat`", MOST, "iterations"))
        return range(over) if over <= MOST else ()
    if isinstance(over, Bundle):
        over = over.items
    if not isinstance(over, list | tuple | range):
        whole = isinstance(over, int) and not isinstance(over, bool)
        shown = f"`{item.names[0].text} in 0..{over}`" if whole else "`repeat w in [64, 128] { ... }`"
        counted = f"0..{over}" if isinstance(item.over, tree.Literal) and whole else None
        raise env.fail(NotAList(item.over.span, "`repeat` runs over", kind_of(over), shown, counted))
    return over


def _iteration(env: Env, item: tree.Repeat, row: Any, place: Place, blocks: tuple[str, ...]) -> Env:
    """Names and place of one iteration."""
    inner = replace(env, scope=Scope(env.scope), place=place, blocks=blocks, sole=True)
    names = item.names
    row = row.items if isinstance(row, Bundle) else row
    parts: Any = (row,) if len(names) == 1 else row
    if names and (not isinstance(parts, tuple | list) or len(parts) != len(names)):
        count = len(parts) if isinstance(parts, tuple | list) else 1
        raise env.fail(WrongCount(item.over.span, len(names), count))
    values: list[Any] = [*parts] if names else []
    for name, part in zip(names, values, strict=False):
        inner.bind(name.text, part, name.span, "tensor" if isinstance(part, Tensor) else "setting")
    return inner


def _run_length(env: Env, item: tree.Repeat, rows: Sequence[Any], at: int, base: str) -> int:
    """The end of the run of iterations from `at` that build one and the same graph."""
    if len(rows) - at < 2:
        return at + 1
    try:
        first = _body(env, item, rows[at], f"{base}.*")
    except Apart:
        return at + 1
    if not first.keeps_type:
        return at + 1
    if not _reads(item.body, {name.text for name in item.names}):
        return len(rows)
    until = at + 1
    while until < len(rows) and _body(env, item, rows[until], f"{base}.*") == first:
        until += 1
    return until


def _reads(item: Any, names: set[str]) -> bool:
    """Whether a piece of syntax reads one of the names."""
    if isinstance(item, tree.Name):
        return item.text in names
    if isinstance(item, tuple):
        return any(_reads(part, names) for part in item)
    if not isinstance(item, tree.Tree):
        return False
    return any(_reads(getattr(item, field), names) for field in item.__dataclass_fields__ if field != "span")


def _body(env: Env, item: tree.Repeat, row: Any, path: str) -> Body:
    """One iteration as a graph: inputs are the carried tensors, then what it captures from outside."""
    from dslc.build import stages  # noqa: PLC0415

    frame = Frame(path, env.frame)
    given = nodes.to_tensors(env, env.it if isinstance(env.it, Bundle) else Bundle.of((env.it,)), item.span)
    carried = tuple(tensor for tensor in given if tensor is not None)
    inside = tuple(frame.tensor(frame.input(f"{path}.carry.{i}", tensor.type)) for i, tensor in enumerate(carried))
    value = Bundle.of(inside) if isinstance(env.it, Bundle) else inside[0]
    inner = _iteration(replace(env, it=value, frame=frame), item, row, Place(frame, path), (*env.blocks, path))
    found = stages.chain(inner, item.body, value)
    made = nodes.to_tensors(inner, found if isinstance(found, Bundle) else Bundle.of((found,)), item.span)
    types: list[Type | None] = [tensor.type if tensor else None for tensor in made]
    keeps = types == [tensor.type for tensor in carried] and isinstance(found, Bundle) == isinstance(env.it, Bundle)
    frame.builder.outputs = {str(i): frame.ref(tensor) for i, tensor in enumerate(made) if tensor}
    return Body(choose(frame.builder.graph()), tuple(frame.captured), keeps, isinstance(env.it, Bundle))


def _region(env: Env, item: tree.Repeat, rows: Sequence[Any], at: int, until: int, base: str) -> Any:
    """The iterations `at` to `until` as one node that holds the graph of one of them."""
    whole = until - at == len(rows)
    path = f"{base}.*" if whole else f"{base}.{at}:{until}"
    body = _body(env, item, rows[at], path)
    given = nodes.to_tensors(env, env.it if isinstance(env.it, Bundle) else Bundle.of((env.it,)), item.span)
    carried = [env.frame.ref(tensor) for tensor in given if tensor]
    kind: Any = OPS["repeat"]
    op = kind(body=body.graph, count=until - at, carried=len(carried), captured=len(body.captured), start=at)
    weights = {
        inner.name: _stacked(env, inner, at, until - at)
        for kind in ("parameter", "state")
        for inner in body.graph.sources(kind)
    }
    finals = tuple(tensor.type for tensor in given if tensor)
    states = tuple(body.graph.nodes[name].type.stacked(until - at) for name in body.graph.updates)
    node = Node(
        path.removesuffix(".*"), op, (*carried, *body.captured), weights, finals + states, path.removesuffix(".*"),
        item.span, (), env.blocks,
    )  # fmt: skip
    ref = env.frame.builder.add(node)
    for position, name in enumerate(body.graph.updates):
        env.frame.builder.updates[weights[name].node] = Ref(ref.node, len(finals) + position)
    made = tuple(Tensor(Ref(ref.node, i), type, env.frame) for i, type in enumerate(finals))
    return Bundle.of(made) if body.is_bundle else made[0]


def _stacked(env: Env, inner: Node, start: int, count: int) -> Ref:
    """The weight of all iterations of the run, in the graph that the repeat's place belongs to; shared ones are there."""
    op: Any = inner.op
    owner, type = env.place.frame, inner.type.stacked(count)
    if op.name == "state" and owner is not env.frame:
        raise env.fail(KeptInLoop(inner.span, inner.name))
    found = owner.builder.nodes.get(inner.name)
    if found is not None and found.type != type:
        problem = SharedDiffers(env.use or inner.span, inner.name, str(found.type), str(type))
        raise env.fail(problem)
    if found is None:
        stack = replace(op, stack=((start, count), *op.stack))
        owner.builder.add(Node(inner.name, stack, types=(type,), path=inner.path, span=inner.span))
    return env.frame.ref(owner.tensor(Ref(inner.name)))
