"""Regions at a run of positions: loops over layers, with what each layer keeps, and loops over the positions themselves."""

from dataclasses import replace

from dslc.decode.walk import OFFSET, Blocked, Keeping, Walk
from dslc.graph import Graph, Node, Ref
from dslc.ops._time import Axis
from dslc.ops.core.enclosed import Enclosed
from dslc.ops.core.repeat import Repeat


def region(walk: Walk, node: Node) -> bool:
    """Put a node that holds a graph into the walk; no other node."""
    match node.op:
        case Repeat():
            op = node.op
            sliced = node.inputs[op.carried + op.captured :]
            (over_time if 0 in walk.axes(sliced) else over_layers)(walk, node, op)
        case Enclosed():
            enclosed(walk, node, node.op)
        case _:
            return False
    return True


def over_layers(walk: Walk, node: Node, op: Repeat) -> None:
    """A loop whose iterations are no positions: what the body keeps is stacked along a first axis."""
    edge = op.carried + op.captured
    axes = list(walk.axes(node.inputs))
    given = dict(
        zip(op.given, (*axes[:edge], *(None if axis is None else axis - 1 for axis in axes[edge:])), strict=True)
    )
    inner, found = _settled(walk, node, op, given)
    carried = [given[name] for name in op.given[: op.carried]]
    starts = [
        walk.cut(node, ref, axis if was is None else None)
        for ref, axis, was in zip(node.inputs[: op.carried], carried, axes, strict=False)
    ]
    inputs = (*starts, *node.inputs[op.carried : edge], Ref(OFFSET), *node.inputs[edge:])
    body = _body(inner, (*op.given[:edge], OFFSET, *op.given[edge:]))
    kept = [_stacked(keeping, op.times) for keeping in inner.keeping]
    made = replace(op, body=body, captured=op.captured + 1)
    outputs = (*carried, *(None if axis is None else axis + 1 for axis in found[op.carried :]))
    _put(walk, replace(node, op=made, inputs=inputs), outputs, kept)


def _settled(walk: Walk, node: Node, op: Repeat, given: dict[str, Axis]) -> tuple[Walk, list[Axis]]:
    """The body, once what it carries has the positions along the same axis before and after; `given` becomes that."""
    part = walk.part.nodes[node.name].op
    assert isinstance(part, Repeat)
    while True:
        inner, found = _walked(walk, node, op.body, part.body, given)
        changed = False
        for name, axis in zip(op.given[: op.carried], found, strict=False):
            if given[name] == axis:
                continue
            if given[name] is not None:
                raise Blocked(node, f"carries `{name}`, and has its positions elsewhere after an iteration")
            given[name], changed = axis, True
        if not changed:
            return inner, found


def _walked(walk: Walk, node: Node, whole: Graph, part: Graph, given: dict[str, Axis]) -> tuple[Walk, list[Axis]]:
    inner = Walk(whole, part, walk.length, walk.first, region)
    inner.run(given)
    if any(ref in inner.over for ref in whole.outputs.values()):
        raise Blocked(node, "puts out what is known after the last position")
    return inner, [inner.time.get(ref) for ref in whole.outputs.values()]


def _body(inner: Walk, given: tuple[str, ...]) -> Graph:
    """The graph of the body, its inputs in front: those given, then what is kept."""
    names = (*given, *(keeping.name for keeping in inner.keeping if not inner.first))
    nodes = inner.builder.nodes
    first = {name: nodes[name] for name in names}
    outputs = dict(inner.whole.outputs) | {keeping.name: keeping.now for keeping in inner.keeping}
    return Graph(inner.whole.name, {**first, **nodes}, outputs)


def _stacked(keeping: Keeping, count: int) -> Keeping:
    axis = None if keeping.axis is None else keeping.axis + 1
    return replace(keeping, type=keeping.type.stacked(count), axis=axis)


def _put(walk: Walk, node: Node, outputs: tuple[Axis, ...], kept: list[Keeping]) -> None:
    """A region in the graph around, with what its body keeps."""
    names = [walk.bring(keeping.name, keeping.type) for keeping in kept]
    came = () if walk.first else tuple(map(Ref, names))
    made = walk.put(replace(node, inputs=(*node.inputs, *came)))
    for place, axis in enumerate(outputs):
        walk.time[Ref(made.name, place)] = axis
    for place, (name, keeping) in enumerate(zip(names, kept, strict=True), len(outputs)):
        walk.keeping.append(replace(keeping, name=name, now=Ref(made.name, place)))


def enclosed(walk: Walk, node: Node, op: Enclosed) -> None:
    """A graph that runs once."""
    part = walk.part.nodes[node.name].op
    assert isinstance(part, Enclosed)
    given = dict(zip(op.given, walk.axes(node.inputs), strict=True))
    inner, found = _walked(walk, node, op.body, part.body, given)
    made = replace(op, body=_body(inner, (*op.given, OFFSET)))
    _put(walk, replace(node, op=made, inputs=(*node.inputs, Ref(OFFSET))), tuple(found), inner.keeping)


def over_time(walk: Walk, node: Node, op: Repeat) -> None:
    """A loop over the positions: what it carries is kept."""
    edge = op.carried + op.captured
    axes = list(walk.axes(node.inputs))
    if op.reverse:
        raise Blocked(node, "begins at the last position", ahead=True)
    if any(axis not in (0, None) for axis in axes[edge:]) or any(axis is not None for axis in axes[:edge]):
        raise Blocked(node, "loops over the positions, and reads others in each step")
    if node.weights:
        raise Blocked(node, "loops over the positions, with weights of its own for each")
    names = [
        walk.bring(f"{node.name}.kept.{place}", walk.whole.type(ref)) for place, ref in enumerate(_given(node, op))
    ]
    starts = _given(node, op) if walk.first else tuple(map(Ref, names))
    rows = (
        walk.cut(node, ref, 0 if axis is None else None)
        for ref, axis in zip(node.inputs[edge:], axes[edge:], strict=True)
    )
    inputs = (*starts, *node.inputs[op.carried : edge], *rows)
    made = walk.put(replace(node, op=replace(op, count=walk.length), inputs=inputs))
    for place in range(len(made.types)):
        ref = Ref(made.name, place)
        if place < op.carried:
            walk.over.add(ref)
            walk.keeping.append(Keeping(names[place], made.types[place], None, ref))
        else:
            walk.time[ref] = 0


def _given(node: Node, op: Repeat) -> tuple[Ref, ...]:
    """What the carried values are before the first iteration."""
    return tuple(ref for ref in node.inputs[: op.carried] if ref is not None)
