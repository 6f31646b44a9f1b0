"""`repeat`: iterations that keep the type and build equal graphs become one region; the others stand side by side."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from dslc.build import evaluate, nodes
from dslc.build.frame import Escapes, Frame, Place
from dslc.build.initial import choose
from dslc.build.runs import Slot, numbers, with_numbers
from dslc.build.scope import Env, Scope
from dslc.build.values import Apart, Bundle, Looped, Skip, Taps, Tensor, Varying, kind_of
from dslc.errors.arithmetic import NotAList, NotWhole, TooMany
from dslc.errors.base import Problems
from dslc.errors.cells import KeptInLoop
from dslc.errors.infer import SharedDiffers, WrongCount
from dslc.errors.placement import NothingPiped
from dslc.graph import Graph, Node, Ref
from dslc.ops.base import OPS
from dslc.parse import tree
from dslc.types import Type

MOST = 100_000
MANY = 16
"""Iterations above which they are built all at once where that is possible."""
FIRST, MORE = 64, 8
"""Iterations that are tried first, and so many times more after each success."""


@dataclass(frozen=True)
class Body:
    """One iteration, built as a graph of its own."""

    graph: Graph
    captured: tuple[Ref, ...]
    keeps_type: bool
    is_bundle: bool
    numbers: Mapping[Slot, Sequence[float]] = field(default_factory=dict[Slot, Sequence[float]])


def apply(env: Env, item: tree.Repeat, label: tree.Name | None) -> Any:
    """The value after all iterations."""
    from dslc.build import stages  # noqa: PLC0415  # the two call each other

    rows = _rows(env, item)
    if env.it is None:
        raise env.fail(NothingPiped(item.span, "`repeat`"))
    base = env.place.name(label.text if label else "repeat")
    value, at, pieces = env.it, 0, list[Any]()
    while at < len(rows):
        here = replace(env, it=value)
        run = _run(here, item, rows, at, base)
        if run.until - at > 1:
            value, node = _region(here, item, rows, at, run, base)
            is_bundle = isinstance(value, Bundle)
            if label is not None:  # nobody else can ask for them, and there may be a million
                pieces += [Looped(env.frame, node, place, is_bundle) for place in range(run.until - at)]
        else:
            inner = _iteration(
                here, item, rows[at], Place(env.place.frame, f"{base}.{at}"), (*env.blocks, base, f"{base}.{at}")
            )
            value = stages.chain(inner, item.body, value)
            pieces.append(value)
        at = run.until
    if label is not None:
        env.bind(label.text, Taps(tuple(pieces)), label.span, "tensor")
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


@dataclass(frozen=True)
class Run:
    """Iterations that are one graph: the end of the run, and the numbers in which they differ, from its first one on."""

    until: int
    numbers: Mapping[Slot, Sequence[float]] = field(default_factory=dict[Slot, Sequence[float]])
    body: Body | None = None
    """The first of them, as it was built to be compared."""


def _run(env: Env, item: tree.Repeat, rows: Sequence[Any], at: int, base: str) -> Run:
    """The run of iterations from `at` that build one and the same graph, but for numbers; says why it is not longer."""
    if len(rows) - at < 2:
        return Run(at + 1)
    try:
        first = _body(env, item, rows[at], f"{base}.*")
    except Apart:
        env.build.remark(item.span, at, "a cell in it carries a value of its own in every iteration")
        return Run(at + 1)
    if not first.keeps_type:
        env.build.remark(item.span, at, "it gives another type than it takes")
        return Run(at + 1)
    if not _reads(item.body, {name.text for name in item.names}):
        return Run(len(rows), body=first)
    if len(rows) - at > MANY and (run := _at_once(env, item, rows, at, base)) is not None:
        if at + run.until < len(rows):
            env.build.remark(item.span, at + run.until, "its layers are others")
        return replace(run, until=at + run.until, body=first)
    found: list[Mapping[Slot, tuple[float, float]]] = []
    for place in range(at + 1, len(rows)):
        other = _body(env, item, rows[place], f"{base}.*")
        differs = numbers(first.graph, other.graph)
        if not isinstance(differs, str) and (other.captured != first.captured or not other.keeps_type):
            differs = "it reads other tensors"
        if isinstance(differs, str):
            env.build.remark(item.span, place, differs)
            break
        found.append(differs)
    return Run(at + 1 + len(found), _by_slot(first.graph, found), first)


def _at_once(env: Env, item: tree.Repeat, rows: Sequence[Any], at: int, base: str) -> Run | None:
    """The run of iterations from `at` on, built all together with their numbers.

    Some are tried first and then more: where every second one is another graph, looking at all of them each time would
    take the square of their number. None: something else than numbers depends on the index, and only iteration by
    iteration shows what becomes of that.
    """
    best, count, left = None, FIRST, len(rows) - at
    while True:
        count = min(count, left)
        run = _tried(env, item, rows[at : at + count], base)
        if run is None or run.until < count or count == left:
            return run or best
        best, count = run, MORE * count


def _tried(env: Env, item: tree.Repeat, rows: Sequence[Any], base: str) -> Run | None:
    """The first of some iterations that are one graph but for numbers."""
    scratch = replace(env, build=replace(env.build, problems=Problems(), remarks={}))
    count = len(rows)
    told = env.build.effort is not None and env.build.effort.told
    while count > MANY:
        row = _together(rows[:count])
        if row is None:
            return None
        try:
            scratch.spend(item.span, count // MANY)
            body = _body(scratch, item, row, f"{base}.*", numbers={})
        except Apart as apart:
            count = apart.at
            continue
        except (Skip, Escapes):
            if env.build.effort is not None:  # what was told in here was told to nobody
                env.build.effort.told = told
            return None
        return Run(count, body.numbers, body) if body.keeps_type and not scratch.build.problems.errors else None
    return None


def _together(rows: Sequence[Any]) -> Any:
    """The rows of many iterations as one, in which numbers vary; None where something else does."""
    parts = [row.items if isinstance(row, Bundle) else row if isinstance(row, list | tuple) else (row,) for row in rows]
    if len({len(part) for part in parts}) != 1:
        return None
    made: list[Any] = []
    for values in zip(*parts, strict=True):
        kinds = {type(value) for value in values}
        if not kinds <= {int, float, Fraction}:
            return None
        made.append(values[0] if len(set(values)) == 1 else Varying(tuple(values)))
    return made[0] if len(made) == 1 else tuple(made)


def _by_slot(first: Graph, found: Sequence[Mapping[Slot, tuple[float, float]]]) -> Mapping[Slot, Sequence[float]]:
    """The numbers of every setting that is not the same in all iterations."""
    starts = {slot: pair[0] for differs in found for slot, pair in differs.items()}
    order = {name: place for place, name in enumerate(first.nodes)}
    slots = sorted(starts, key=lambda slot: (order[slot[0]], slot[1]))
    return {slot: [starts[slot], *(differs.get(slot, (0, starts[slot]))[1] for differs in found)] for slot in slots}


def _reads(item: Any, names: set[str]) -> bool:
    """Whether a piece of syntax reads one of the names."""
    if isinstance(item, tree.Name):
        return item.text in names
    if isinstance(item, tuple):
        return any(_reads(part, names) for part in item)
    if not isinstance(item, tree.Tree):
        return False
    return any(_reads(getattr(item, field), names) for field in item.__dataclass_fields__ if field != "span")


def _body(env: Env, item: tree.Repeat, row: Any, path: str, numbers: dict[Slot, tuple[Any, ...]] | None = None) -> Body:
    """One iteration as a graph: inputs are the carried tensors, then what it captures from outside."""
    from dslc.build import stages  # noqa: PLC0415

    frame = Frame(path, env.frame)
    frame.numbers = numbers
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
    return Body(choose(frame.builder.graph()), tuple(frame.captured), keeps, isinstance(env.it, Bundle), numbers or {})


def _region(env: Env, item: tree.Repeat, rows: Sequence[Any], at: int, run: Run, base: str) -> tuple[Any, str]:
    """The iterations from `at` on as one node that holds the graph of one of them: what it gives, and its name."""
    count = run.until - at
    path = f"{base}.*" if count == len(rows) else f"{base}.{at}:{run.until}"
    # Built only once where it can be: repeats inside of repeats would double the work at every level.
    body = run.body if run.body and count == len(rows) else _body(env, item, rows[at], path)
    # The body was compared under another path.
    slots = [(name.replace(f"{base}.*", path, 1), setting) for name, setting in run.numbers]
    graph, _ = with_numbers(body.graph, slots)
    sliced = [_numbers(env, graph, slot, values) for slot, values in zip(slots, run.numbers.values(), strict=True)]
    given = nodes.to_tensors(env, env.it if isinstance(env.it, Bundle) else Bundle.of((env.it,)), item.span)
    carried = [env.frame.ref(tensor) for tensor in given if tensor]
    kind: Any = OPS["repeat"]
    op = kind(body=graph, count=count, carried=len(carried), captured=len(body.captured), start=at)
    weights = {
        inner.name: _stacked(env, inner, at, count) for kind in ("parameter", "state") for inner in graph.sources(kind)
    }
    finals = tuple(tensor.type for tensor in given if tensor)
    states = tuple(graph.nodes[name].type.stacked(count) for name in graph.updates)
    node = Node(
        path.removesuffix(".*"), op, (*carried, *body.captured, *sliced), weights, finals + states,
        path.removesuffix(".*"), item.span, (), env.blocks,
    )  # fmt: skip
    ref = env.frame.builder.add(node)
    for position, name in enumerate(graph.updates):
        env.frame.builder.updates[weights[name].node] = Ref(ref.node, len(finals) + position)
    made = tuple(Tensor(Ref(ref.node, i), type, env.frame) for i, type in enumerate(finals))
    return (Bundle.of(made) if body.is_bundle else made[0]), ref.node


def _numbers(env: Env, body: Graph, slot: Slot, values: Sequence[float]) -> Ref:
    """The numbers of one setting, in the graph around."""
    name, setting = slot
    node = body.nodes[name]
    kind: Any = OPS["numbers"]
    source = node if node.op.name == "input" else body.nodes[f"{name}.{setting}"]
    op = kind(values=tuple(values), dtype=source.type.dtype)
    path = f"{name}.{setting}"
    return env.frame.builder.add(Node(path, op, types=(op.infer(),), path=path, span=node.span))


def _stacked(env: Env, inner: Node, start: int, count: int) -> Ref:
    """The weight of all iterations of the run, in the graph that the repeat's place belongs to; shared ones are there."""
    op: Any = inner.op
    owner, type = env.place.frame, inner.type.stacked(count)
    if op.name == "state" and owner is not env.frame and env.build.keeps:
        raise env.fail(KeptInLoop(inner.span, inner.name))
    found = owner.builder.nodes.get(inner.name)
    if found is not None and found.type != type:
        problem = SharedDiffers(env.use or inner.span, inner.name, str(found.type), str(type))
        raise env.fail(problem)
    if found is None:
        stack = replace(op, stack=((start, count), *op.stack))
        owner.builder.add(Node(inner.name, stack, types=(type,), path=inner.path, span=inner.span))
    return env.frame.ref(owner.tensor(Ref(inner.name)))
