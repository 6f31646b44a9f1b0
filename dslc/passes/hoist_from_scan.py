"""Takes the products that wait for no earlier step out of a scan."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from dslc.dims import Size
from dslc.graph import Graph, Node, Ref
from dslc.ops.core.input import Input
from dslc.ops.core.repeat import Repeat
from dslc.passes._edit import Edit, changed
from dslc.passes.base import Fact, Optimization, Refused, Rewritten, Sample, optimization


@dataclass(frozen=True)
class AtOnce(Fact):
    """Products for all steps at once."""

    products: tuple[str, ...]
    count: Size

    def __str__(self) -> str:
        names = ", ".join(f"`{name}`" for name in self.products)
        return f"{names}: one product for all {self.count} steps, before the loop, in place of one in each"


@dataclass(frozen=True)
class AllWait(Fact):
    """Every product in the body reads what an earlier step gives."""

    def __str__(self) -> str:
        return "every product in its body waits for what an earlier step gives"


@optimization
class HoistFromScan(Optimization):
    """Computes for all steps at once what no step needs of the one before it.

    Before: `for t: h = f(x[t] @ W + h @ U)`
    After: `z = x @ W`, then `for t: h = f(z[t] + h @ U)`
    Saves: time: a product of many rows uses the machine better than many of few, and its weight has one gradient.
    Refuses: a loop all of whose products read what it carries.
    """

    claim = "time"
    samples = (
        Sample(
            """graph cell {
                 x = input("f32", (8, batch, 4))
                 h = input("f32", (batch, 3))
                 w.kernel = parameter((4, 3))
                 scan = repeat(body = graph scan {
                     before = input("f32", (batch, 3))
                     w.kernel = input("f32", (4, 3))
                     row = input("f32", (batch, 4))
                     w = dense(3, bias = false) row; kernel = w.kernel
                     add = add() w, before
                     output 0 = add
                     output 1 = add
                   }, count = 8, carried = 1, captured = 1) h, w.kernel, x
                 output y = scan[1]
               }""",
            """graph cell {
                 x = input("f32", (8, batch, 4))
                 h = input("f32", (batch, 3))
                 w.kernel = parameter((4, 3))
                 w = dense(3, bias = false) x; kernel = w.kernel
                 scan = repeat(body = graph scan {
                     before = input("f32", (batch, 3))
                     w = input("f32", (batch, 3))
                     add = add() w, before
                     output 0 = add
                     output 1 = add
                   }, count = 8, carried = 1, captured = 0) h, w
                 output y = scan[1]
               }""",
        ),
        Refused(
            """graph recurrent {
                 x = input("f32", (8, batch, 3))
                 h = input("f32", (batch, 3))
                 u.kernel = parameter((3, 3))
                 scan = repeat(body = graph scan {
                     before = input("f32", (batch, 3))
                     u.kernel = input("f32", (3, 3))
                     row = input("f32", (batch, 3))
                     u = dense(3, bias = false) before; kernel = u.kernel
                     add = add() u, row
                     output 0 = add
                   }, count = 8, carried = 1, captured = 1) h, u.kernel, x
                 output scan
               }""",
            "waits for what an earlier step gives",
        ),
    )
    case = """graph elman {
                  x = input("f32", (64, 32, 128))
                  h = input("f32", (32, 128))
                  w.kernel = parameter((128, 128))
                  u.kernel = parameter((128, 128))
                  scan = repeat(64, 1, 2) h, w.kernel, u.kernel, x with body scan {
                    before = input("f32", (32, 128))
                    w.kernel = input("f32", (128, 128))
                    u.kernel = input("f32", (128, 128))
                    row = input("f32", (32, 128))
                    w = dense(128, bias = false) row; kernel = w.kernel
                    u = dense(128, bias = false) before; kernel = u.kernel
                    add = add() w, u
                    tanh = tanh() add
                    output 0 = tanh
                    output 1 = tanh
                  }
                  loss = mean() scan[1]
                  output loss
                }"""

    def run(self, graph: Graph) -> Rewritten:
        edit = Edit(graph)
        for node in edit:
            if not isinstance(node.op, Repeat) or len(node.op.given) == node.op.carried:
                continue
            free = _free(node.op)
            products = [name for name in free if node.op.body.nodes[name].weights]
            if products:
                _lift(edit, node, node.op, _ancestors(node.op.body, products, free))
                edit.take(AtOnce(tuple(products), node.op.count), node)
            elif any(_is_liftable(inner) and _shares(inner, node.op) for inner in node.op.body):
                edit.refuse(AllWait(), node)
        return edit.done()


def _free(op: Repeat) -> set[str]:
    """Nodes of the body that could work on the rows of all steps at once, with what is sliced in as the first of them."""
    whole = set(op.given[op.carried :][: op.captured]) | {n.name for n in op.body if n.op.name == "constant"}
    rows = set(op.given[op.carried + op.captured :])
    free: set[str] = set()
    for node in op.body:
        read = [ref for ref in node.inputs if ref is not None]
        in_rows = [ref for ref in read if ref.node in rows or ref.node in free]
        ranks = {op.body.type(ref).rank for ref in in_rows}
        fits = len(ranks) == 1 and all(
            ref in in_rows or (ref.node in whole and op.body.type(ref).rank <= max(ranks)) for ref in read
        )
        if fits and _is_liftable(node) and all(ref.node in whole for ref in node.weights.values()):
            free.add(node.name)
    return free


def _shares(node: Node, op: Repeat) -> bool:
    """Whether a node has weights that are the same in every step."""
    return any(ref.node in op.given for ref in node.weights.values())


def _is_liftable(node: Node) -> bool:
    """Whether a node treats every row by itself, and so rows of more steps as well."""
    return (node.op.rowwise or node.op.elementwise) and not node.op.random and len(node.types) == 1


def _ancestors(body: Graph, names: Iterable[str], free: set[str]) -> list[str]:
    """The free nodes that some of them need, and these, in order."""
    wanted, ahead = set(names), list(names)
    while ahead:
        for ref in body.nodes[ahead.pop()].references():
            if ref.node in free and ref.node not in wanted:
                wanted.add(ref.node)
                ahead.append(ref.node)
    return [name for name in body.nodes if name in wanted]


def _lift(edit: Edit, node: Node, op: Repeat, lifted: list[str]) -> None:
    """Put the nodes before the loop, and let its body slice what they give."""
    outside: dict[str, Ref] = {name: ref for name, ref in zip(op.given, node.inputs, strict=True) if ref is not None}
    for name in lifted:
        inner = op.body.nodes[name]
        inputs = [_outside(edit, node, op.body, ref, outside) for ref in inner.inputs]
        weights = {role: outside[ref.node] for role, ref in inner.weights.items()}
        outside[name] = edit.put(replace(inner, name=node.name), name, inner.op, *inputs, weights=weights)
    body = _without(op.body, lifted)
    read = {ref.node for one in body for ref in one.references()} | {ref.node for ref in body.read()}
    split = op.carried + op.captured
    captured = [name for name in op.given[op.carried : split] if name in read]
    sliced = [name for name in (*op.given[split:], *lifted) if name in read]
    given = [*op.given[: op.carried], *captured, *sliced]
    gone = {*op.given, *lifted} - set(given)
    first = {name: body.nodes[name] for name in given}
    rest = {name: one for name, one in body.nodes.items() if name not in gone}
    made = changed(op, body=replace(body, nodes={**first, **rest}), captured=len(captured))
    edit.become(node, made, *(outside[name] for name in given), weights=node.weights)


def _outside(edit: Edit, node: Node, body: Graph, ref: Ref | None, outside: Mapping[str, Ref]) -> Ref | None:
    """An input of a lifted node in the graph around; a constant is written down again."""
    if ref is None or ref.node in outside:
        return ref and outside[ref.node]
    constant = body.nodes[ref.node]
    return edit.put(replace(constant, name=node.name), constant.name, constant.op)


def _without(body: Graph, lifted: list[str]) -> Graph:
    """The body, with an input of the same name in place of each lifted node."""
    inputs = {name: _input(body.nodes[name]) for name in lifted}
    return replace(body, nodes={name: inputs.get(name, node) for name, node in body.nodes.items()})


def _input(node: Node) -> Node:
    return replace(node, op=Input(node.type.dtype, node.type.shape), inputs=(), weights={})
