"""Regions at random: repeats of layers, scans, what is computed again; and whole graphs put into another."""

from collections.abc import Callable
from dataclasses import replace

from drawing import Drawer
from handmade import Net

from dslc.graph import Graph, Node, Ref
from dslc.ops.base import OPS
from dslc.ops.core.backward import Backward
from dslc.ops.core.enclosed import Enclosed
from dslc.ops.core.input import Input
from dslc.ops.core.repeat import Repeat
from dslc.ops.core.state import State
from dslc.types import Type

Fill = Callable[[Drawer, int], None]
"""Draws some nodes into a drawer."""


def repeat(drawer: Drawer, fill: Fill) -> None:
    """A repeat or a scan: carried, captured and sliced tensors, weights per iteration or from around, taps, states."""
    draw, net = drawer.draw, drawer.net
    is_scan = drawer.chance(0.4)
    count = draw.choice((1, 2, 3, 3, 5, 9))
    carried = [drawer.some() for _ in range(draw.choice((0, 1, 1, 2)) if is_scan else draw.choice((1, 1, 1, 2)))]
    captured = [drawer.some() for _ in range(draw.choice((0, 0, 1)))]
    sliced = _to_slice(drawer, count, draw.choice((1, 1, 2)) if is_scan else draw.choice((0, 0, 1)))
    count = drawer.shape(sliced[0])[0] if sliced else count
    sliced = [ref for ref in sliced if drawer.shape(ref)[0] == count]
    inner = Drawer(draw, Net(f"{net.prefix}{net.builder.fresh('scan' if is_scan else 'blocks')}"), drawer.sizes, drawer.depth + 1)  # fmt: skip
    name = inner.net.builder.name
    inner.net.prefix = f"{name}.*."
    types = [drawer.type(ref) for ref in (*carried, *captured)] + [_row(drawer.type(ref)) for ref in sliced]
    inner.pool = [inner.net.input(f"{inner.net.prefix}in.{place}", type) for place, type in enumerate(types)]
    given = [*inner.pool]
    inner.around = drawer if is_scan and drawer.around is None else None
    fill(inner, draw.randint(1, 4))
    inner.around = None
    results = [_next(inner, type) for type in types[: len(carried)]]
    results += [draw.choice(inner.pool) for _ in range(draw.choice((0, 1, 1)) if results else draw.choice((1, 2)))]
    inner.net.builder.outputs = {str(place): ref for place, ref in enumerate(results)}
    split = len(carried) + len(captured)
    order = [*given[:split], *(inside for inside, _ in inner.whole), *given[split:]]
    body = inner.net.builder.graph()
    body = replace(body, nodes={ref.node: body.nodes[ref.node] for ref in order} | dict(body.nodes))
    more = {"start": draw.choice((0, 0, 4)), "reverse": drawer.chance(0.2), "unroll": drawer.chance(0.1)}
    op = Repeat(body, count, len(carried), len(captured) + len(inner.whole), **more)
    inputs = (*carried, *captured, *(outside for _, outside in inner.whole), *sliced)
    _put(drawer, name, op, inputs, lambda inside: net._stacked(inside, more["start"], count))


def enclosed(drawer: Drawer, fill: Fill) -> None:
    """What is computed again in the backward pass."""
    net = drawer.net
    inner = Drawer(drawer.draw, Net(f"{net.prefix}{net.builder.fresh('remat')}"), drawer.sizes, drawer.depth + 1)
    inner.net.prefix = f"{inner.net.builder.name}."
    inputs = [drawer.some() for _ in range(drawer.draw.choice((1, 1, 2)))]
    inner.pool = [
        inner.net.input(f"{inner.net.prefix}in.{place}", drawer.type(ref)) for place, ref in enumerate(inputs)
    ]
    fill(inner, drawer.draw.randint(1, 4))
    inner.net.builder.outputs = {
        str(place): ref for place, ref in enumerate(inner.pool[-drawer.draw.choice((1, 1, 2)) :])
    }
    op = Enclosed(inner.net.builder.graph())
    _put(drawer, inner.net.builder.name, op, tuple(inputs), net._put)


def _put(
    drawer: Drawer, name: str, op: Repeat | Enclosed, inputs: tuple[Ref, ...], source: Callable[[Node], Ref]
) -> None:
    """Put a region into the net, with the sources around it that its body needs."""
    body, net = op.body, drawer.net
    weights = {node.name: source(node) for kind in ("parameter", "state") for node in body.sources(kind)}
    types = op.infer(*map(drawer.type, inputs))
    states = tuple(Type(weight.shape, weight.dtype) for weight in op.state().values())
    made = net._put(Node(name, op, inputs, weights, (*types, *states), path=name))
    for place, state in enumerate(body.updates):
        net.builder.updates[weights[state].node] = Ref(made.node, len(types) + place)
    drawer.pool += [Ref(made.node, place) for place in range(len(types))]


def _to_slice(drawer: Drawer, count: int, many: int) -> list[Ref]:
    found = [ref for ref in drawer.of() if drawer.type(ref).rank > 1]
    made: list[Ref] = []
    for _ in range(many):
        if found and drawer.chance(0.6):
            ref = drawer.draw.choice(found)
            if drawer.chance(0.5) and drawer.type(ref).rank > 2:
                rest = range(2, drawer.type(ref).rank)
                ref = drawer.call("transpose", ref, axes=(1, 0, *rest))
            made.append(ref)
        else:
            made.append(drawer.like(Type((count, *(drawer.size() for _ in range(drawer.draw.randint(1, 2)))))))
    return made


def _row(type: Type) -> Type:
    return replace(type, shape=type.shape[1:])


def _next(inner: Drawer, type: Type) -> Ref:
    """The next value of what is carried."""
    found = inner.of(shape=type.shape)
    if len(found) > 1 and inner.chance(0.8):
        return found[-1]
    return inner.fitted(inner.pool[-1], type) if inner.type(inner.pool[-1]).is_float else found[0]


def inlined(drawer: Drawer, graph: Graph) -> None:
    """The nodes of a graph in the net, on tensors of the pool where one fits; its outputs join the pool."""
    now: dict[str, Ref] = {}
    drawer.parts += 1

    def moved(ref: Ref | None) -> Ref | None:
        return ref and (Ref(now[ref.node].node, ref.output) if ref.output else now[ref.node])

    for node in graph:
        if isinstance(node.op, Input):
            now[node.name] = drawer.like(node.type) if drawer.pool and drawer.chance(0.6) else drawer.input(node.type)
            continue
        op = node.op
        if isinstance(op, Backward) and op.place in now:
            op = replace(op, place=now[op.place].node)
        if isinstance(op, State) and op.follows in now:
            op = replace(op, follows=now[op.follows].node)
        weights = {role: moved(ref) for role, ref in node.weights.items()}
        made = replace(
            node,
            name=f"{drawer.net.prefix}part{drawer.parts}.{node.name}",
            op=op,
            inputs=tuple(map(moved, node.inputs)),
            weights=weights,
        )  # type: ignore[arg-type]
        now[node.name] = drawer.net._put(made)
    for name, ref in graph.updates.items():
        drawer.net.builder.updates[now[name].node] = moved(ref)  # type: ignore[assignment]
    drawer.pool += [ref for out in graph.outputs.values() if (ref := moved(out)) and ref not in drawer.pool]


def frozen(drawer: Drawer) -> None:
    """A layer with statistics that stay as they are."""
    x = drawer.some(least=2)
    op, type = OPS["batch_norm"](), drawer.type(x)
    name = drawer.net.builder.fresh(f"{drawer.net.prefix}frozen")
    weights = {
        role: drawer.net.source("parameter", f"{name}.{role}", weight) for role, weight in op.weights(type).items()
    }
    weights |= {role: drawer.net.source("state", f"{name}.{role}", weight) for role, weight in op.state(type).items()}
    drawer.pool.append(drawer.net._put(Node(name, OPS["still"](op), (x,), weights, (type,), path=name)))
