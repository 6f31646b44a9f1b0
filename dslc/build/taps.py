"""What the single iterations of a labelled `repeat` give: `stages[0]`."""

from dataclasses import replace
from typing import Any

from dslc.build import nodes
from dslc.build.scope import Env
from dslc.build.values import Bundle, Looped, Taps, Tensor
from dslc.graph import Node, Ref
from dslc.ops.base import OPS
from dslc.ops.core.repeat import Repeat
from dslc.source import Span

_TAP = "tap."


def values(env: Env, taps: Taps, span: Span) -> list[Any]:
    """What all iterations give, in order."""
    return [value(env, piece, span) for piece in taps.pieces]


def value(env: Env, piece: Any, span: Span) -> Any:
    """What one iteration gives: of a region, its part of what that puts out stacked."""
    if not isinstance(piece, Looped):
        return piece
    node = _tapped(piece)
    assert isinstance(node.op, Repeat)
    first = node.op.carried
    stacked = [
        Tensor(Ref(node.name, first + place), node.types[first + place], piece.home) for place in range(node.op.carried)
    ]
    kind: Any = OPS["index"]
    parts = tuple(nodes.add(env, kind(items=(piece.place,)), (tensor,), "index", span) for tensor in stacked)
    return Bundle.of(parts) if piece.is_bundle else parts[0]


def _tapped(piece: Looped) -> Node:
    """The node of a region that puts out, stacked, what every iteration carries on."""
    builder = piece.home.builder
    node = builder.nodes[piece.node]
    op = node.op
    assert isinstance(op, Repeat)
    if any(name.startswith(_TAP) for name in op.body.outputs):
        return node
    carried = list(op.body.outputs.items())[: op.carried]
    taps = {f"{_TAP}{name}": ref for name, ref in carried}
    stacked = tuple(type.stacked(op.count) for type in node.types[: op.carried])
    made = replace(
        node,
        op=replace(op, body=replace(op.body, outputs={**op.body.outputs, **taps})),
        types=(*node.types[: op.carried], *stacked, *node.types[op.carried :]),
    )
    builder.nodes[node.name] = made
    # What the states become stands behind the outputs.
    moved = {name: ref for name, ref in builder.updates.items() if ref.node == node.name}
    builder.updates |= {name: Ref(ref.node, ref.output + len(stacked)) for name, ref in moved.items()}
    return made
