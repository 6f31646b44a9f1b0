"""What the norms of rows have in common where they are written out: the weights, and what a row is."""

from collections.abc import Callable, Sequence

from dslc.graph import Graph, Node
from dslc.ops.base import Op
from dslc.ops.source.ones import Ones
from dslc.passes._edit import Edit
from dslc.passes._match import Found, Pattern, become, is_share, recognized
from dslc.passes.base import Rewritten
from dslc.types import Type


def norms(graph: Graph, forms: Sequence[Pattern], made: Callable[[Found, float], Op]) -> Rewritten:
    """The graph with an op for every norm that is written out.

    A form holds `x`, the number `eps`, and the weights `scale` and `bias`; without a scale the op gets one of ones.
    """
    edit = Edit(graph)
    for node, _, found in recognized(edit, forms):
        if _fits(edit, node, found):
            x, roles = found.refs["x"], [role for role in ("scale", "bias") if role in found.refs]
            weights = {role: found.refs[role] for role in roles}
            if "scale" not in weights:
                weights["scale"] = edit.put(node, f"{node.name}.scale", Ones(edit.type(x).shape[-1:]))
            become(edit, node, found, made(found, found.numbers["eps"]), x, weights=weights)
    return edit.done()


def _fits(edit: Edit, node: Node, found: Found) -> bool:
    """Whether a scale and a shift are one number for each feature, and means are means."""
    x = edit.type(found.refs["x"])
    row = Type(x.shape[-1:], x.dtype)
    weights = (edit.type(ref) for role, ref in found.refs.items() if role != "x")
    return (
        x.is_float
        and node.type == x
        and found.numbers["eps"] >= 0
        and is_share(found, row.shape[0])
        and all(weight == row for weight in weights)
    )
