"""Pieces of graphs that passes look for, each of them now and then not quite what it looks like."""

import re
from collections.abc import Callable
from functools import cache
from math import sqrt

from drawing import Drawer

from dslc.graph import Graph, Ref
from dslc.ops.base import Mismatch
from dslc.passes.base import PASSES, Sample
from dslc.text import BadText, from_text
from dslc.types import Type
from dslc.verify import Broken, verify

ACTIVATIONS = ("relu", "tanh", "gelu", "silu", "sigmoid", "softplus", "exp", "square")
HALVES = ("bf16", "f16")
"""None are drawn: what is compared is exact to the last bits of float64."""
Idiom = Callable[[Drawer], object]


def number(d: Drawer, value: float) -> Ref:
    return d.net.call("constant", value=value, dtype="f32")


def layers(d: Drawer) -> None:
    """Linear layers with or without something between them."""
    x = d.some(least=1)
    for _ in range(d.draw.randint(1, 3)):
        x = d.call("dense", x, units=d.size(), bias=d.chance(0.6))
        if d.chance(0.4):
            x = d.call(d.draw.choice(ACTIVATIONS), x)


def block(d: Drawer, x: Ref, kind: int) -> Ref:
    """One of the blocks that stand in a row; the last axis keeps its size."""
    width = d.shape(x)[-1]
    h = d.call("layer_norm", x) if kind % 2 else x
    h = d.call("dense", h, units=3)
    h = d.call(ACTIVATIONS[kind % 5], h)
    h = d.call("dense", h, units=width, bias=kind % 3 > 0)
    if kind > 3:
        h = d.call("dropout", h, rate=0.3)
    return d.call("add", x, h)


def row_of_blocks(d: Drawer) -> None:
    """Equal neighbours that are written out one by one."""
    x, kind = d.some(least=1), d.draw.randrange(8)
    for place in range(d.draw.choice((2, 3, 4, 8))):
        x = block(d, x, kind if d.chance(0.95) else place % 8)


def norms(d: Drawer) -> None:
    """A normalization and affine maps around it."""
    x = d.some(least=2)
    x = d.call("dense", x, units=d.size()) if d.chance(0.5) else x
    x = d.call("batch_norm", x)
    if d.chance(0.5):
        x = d.call("multiply", x, number(d, d.draw.choice((2.0, -0.5, 1.0))))
    if d.chance(0.5):
        x = d.call("add", x, number(d, d.draw.choice((0.0, 1.5))))
    if d.chance(0.5):
        d.call("relu", x)


def convolutions(d: Drawer) -> None:
    rank = d.draw.choice((1, 2))
    x = d.some(rank=rank + 2)
    kernel = d.draw.choice((1, 2, 3))
    x = d.call("conv", x, filters=d.size(), kernel=kernel, stride=d.draw.choice((1, 1, 2)), bias=d.chance(0.5))
    if d.chance(0.6):
        x = d.call("batch_norm", x)
    if d.chance(0.6):
        d.call("relu", x)


def softmax_by_hand(d: Drawer) -> Ref:
    x = d.some(least=1)
    axis = -1 if d.chance(0.8) else 0
    if d.chance(0.6):
        x = d.call("subtract", x, d.call("max", x, axis=axis, keep=True))
    e = d.call("exp", x)
    return d.call("divide", e, d.call("sum", e, axis=axis, keep=True))


def logarithm(d: Drawer) -> None:
    x = softmax_by_hand(d) if d.chance(0.4) else d.call("softmax", d.some(least=1))
    d.call("log", x)


def loss_of_classes(d: Drawer) -> None:
    """Cross-entropy of a linear layer, by its op or by hand."""
    classes = d.draw.choice((2, 3, 4))
    x = d.some(least=2)
    logits = d.call("dense", x, units=classes, bias=d.chance(0.5))
    target = d.like(Type(d.shape(logits)[:-1], "i32"))
    kind = d.draw.randrange(4)
    if kind < 2:
        d.call("cross_entropy", logits, target, None, **({"smoothing": 0.1} if kind else {}))
        return
    log = d.call("log_softmax", logits) if kind == 2 else d.call("log", d.call("softmax", logits))
    hot = d.call("one_hot", target, n=classes)
    d.call("negative", d.call("mean", d.call("sum", d.call("multiply", log, hot), axis=-1)))


def norm_by_hand(d: Drawer) -> None:
    x = d.some(least=1)
    eps = number(d, d.draw.choice((1e-5, 1e-3)))
    root = d.chance(0.4)
    centred = x if root else d.call("subtract", x, d.call("mean", x, axis=-1, keep=True))
    square = d.call("square", centred) if d.chance(0.6) else d.call("multiply", centred, centred)
    var = (
        d.call("var", x, axis=-1, keep=True)
        if not root and d.chance(0.4)
        else d.call("mean", square, axis=-1, keep=True)
    )
    y = d.call("divide", centred, d.call("sqrt", d.call("add", var, eps)))
    for op in ("multiply", "add"):
        if d.chance(0.6):
            y = d.call(op, y, parameter(d, (d.shape(x)[-1],)))


def parameter(d: Drawer, shape: tuple[int, ...]) -> Ref:
    from dslc.ops.base import Weight

    if d.around is not None:
        return d.from_around(Weight(shape))
    return d.net.source("parameter", d.net.builder.fresh(f"{d.net.prefix}p"), Weight(shape))


def activation_by_hand(d: Drawer) -> None:
    x = d.some()
    kind = d.draw.randrange(4)
    if kind == 0:
        d.call("multiply", x, d.call("sigmoid", x))
    elif kind == 1:
        d.call("multiply", x, d.call("sigmoid", d.call("multiply", x, number(d, d.draw.choice((1.702, 1.7))))))
    elif kind == 2:
        cube = d.call("power", x, number(d, 3.0)) if d.chance(0.5) else d.call("multiply", x, d.call("multiply", x, x))
        inner = d.call("add", x, d.call("multiply", cube, number(d, 0.044715)))
        wide = d.call("tanh", d.call("multiply", inner, number(d, 0.7978845608028654)))
        half = d.call("multiply", x, number(d, 0.5))
        d.call("multiply", half, d.call("add", wide, number(d, 1.0)))
    else:
        d.call("maximum", x, number(d, 0.0))


def attention_by_hand(d: Drawer) -> None:
    x = d.some(rank=3)
    width = d.size()
    q, k, v = (d.call("dense", x, units=width, bias=d.chance(0.5)) for _ in range(3))
    scores = d.call("matmul", q, d.call("transpose", k, axes=(0, 2, 1)))
    if d.chance(0.5):
        scores = d.call("divide", scores, number(d, sqrt(width)))
    else:
        scores = d.call("multiply", scores, number(d, width**-0.5))
    if d.chance(0.3):
        length = d.shape(x)[1]
        scores = d.call("add", scores, d.like(Type((length, length))))
    d.call("matmul", d.call("softmax", scores), v)


def attends(d: Drawer) -> None:
    x = d.some(rank=3)
    heads = d.draw.choice((1, 2))
    x = d.call("dense", x, units=2 * heads)
    q, k, v = (d.call("dense", x, units=2 * heads) for _ in range(3)) if d.chance(0.5) else (x, x, x)
    if d.chance(0.5):
        d.call("attend", q, k, v, None, None, heads=heads, causal=d.chance(0.6))
    else:
        d.call("attention", x, None, None, None, heads=heads, causal=d.chance(0.6))


def twins(d: Drawer) -> None:
    """Equal nodes, and nodes that are equal but for one thing."""
    x = d.some(least=1)
    name = d.draw.choice((*ACTIVATIONS, "softmax", "layer_norm", "dropout"))
    settings = {"rate": 0.4} if name == "dropout" else {}
    a, b = d.call(name, x, **settings), d.call(name, x, **settings)
    d.call(d.draw.choice(("add", "multiply", "concat")), a, b)


def side_by_side(d: Drawer) -> None:
    """Several layers on one tensor, of equal or of different widths, with or without equal stems."""
    x, units = d.some(least=1), d.size()
    made: list[Ref] = []
    for _ in range(d.draw.randint(2, 4)):
        stem = d.call("tanh", x) if d.chance(0.2) else x
        y = d.call("dense", stem, units=units if d.chance(0.8) else d.size(), bias=d.chance(0.8))
        made.append(d.call("relu", y) if d.chance(0.4) else y)
    if d.chance(0.5):
        same = [ref for ref in made if d.shape(ref) == d.shape(made[0])]
        d.call(d.draw.choice(("add", "multiply", "mean_of", "stack")), *same)
    else:
        d.call("concat", *made)


def experts(d: Drawer) -> None:
    """Copies of a small network on one tensor, mixed by a gate."""
    x = d.some(least=2)
    width, hidden, count = d.shape(x)[-1], d.size(), d.draw.choice((2, 3))
    outs = [d.call("dense", d.call("relu", d.call("dense", x, units=hidden)), units=width) for _ in range(count)]
    gate = d.call("softmax", d.call("dense", x, units=count))
    stacked = d.call("stack", *outs, axis=-1)
    wide = d.call("reshape", gate, shape=(*d.shape(gate)[:-1], 1, count))
    d.call("sum", d.call("multiply", stacked, wide), axis=-1)


def identities(d: Drawer) -> None:
    """Arithmetic that changes nothing, or almost nothing."""
    x = d.some()
    for _ in range(d.draw.randint(1, 3)):
        op, value = d.draw.choice((("multiply", 1.0), ("add", 0.0), ("subtract", 0.0), ("divide", 1.0), ("power", 1.0),
                                   ("multiply", 0.0), ("multiply", -1.0), ("power", 2.0), ("divide", 2.0)))  # fmt: skip
        if d.chance(0.6):
            x = d.call(
                op,
                *(
                    (x, number(d, value))
                    if op in ("divide", "power", "subtract") or d.chance(0.5)
                    else (number(d, value), x)
                ),
            )
        else:
            x = d.call(d.draw.choice(("negative", "identity", "negative", "stop_gradient")), x)
    if d.chance(0.3):
        d.call("multiply", d.call("add", number(d, 2.0), number(d, 0.5)), x)


def moves(d: Drawer) -> None:
    """Reshapes, transposes and cuts in a row."""
    x = d.some(least=1)
    for _ in range(d.draw.randint(1, 4)):
        shape = d.shape(x)
        kind = d.draw.randrange(5)
        if kind == 0:
            x = d.call("reshape", x, shape=(-1,)) if d.chance(0.5) else d.call("reshape", x, shape=shape)
        elif kind == 1:
            x = d.call("transpose", x, axes=tuple(d.draw.sample(range(len(shape)), len(shape))))
        elif kind == 2 and shape:
            x = d.call("concat", *d.add_split(x)) if shape[-1] % 2 == 0 and d.chance(0.7) else d.call("concat", x, x)
        elif kind == 3 and shape:
            x = d.call("index", x, items=("...", (None, None, d.draw.choice((None, -1, 2)))))
        else:
            x = d.call("reshape", x, shape=(*shape, 1))


def scalars(d: Drawer) -> None:
    d.call("multiply", d.some(), d.call(d.draw.choice(("mean", "sum", "norm", "logsumexp")), d.some(least=1)))


def rows_by_number(d: Drawer) -> None:
    """Entries of a tensor by an index; a table that is tied to an output layer."""
    if d.chance(0.5):
        d.call("take", d.some(least=1), d.like(Type((d.size(),), "i32")))
        return
    token = d.like(Type((d.size(), d.size()), "i32"))
    width = d.size()
    x = d.call("embedding", token, vocab=3, units=width)
    tables = [
        node.name
        for node in d.net.builder.nodes.values()
        if node.op.name == "parameter" and node.type.shape == (3, width)
    ]
    if tables and d.around is None:
        d.call("matmul", d.call("tanh", x), d.call("transpose", Ref(tables[-1])))


IDIOMS: tuple[Idiom, ...] = (
    layers, layers, row_of_blocks, norms, convolutions, softmax_by_hand, logarithm, loss_of_classes, norm_by_hand,
    activation_by_hand, attention_by_hand, attends, twins, side_by_side, experts, identities, identities, moves, scalars,
    rows_by_number,
)  # fmt: skip


@cache
def samples() -> tuple[Graph, ...]:
    """The graphs in the files of the passes: what they take, what they refuse, and the cases that are measured, made small."""
    found: list[Graph] = []
    for kind in PASSES:
        texts = [sample.before for sample in kind.samples]
        texts += [sample.after for sample in kind.samples if isinstance(sample, Sample)]
        texts += [
            re.sub(r"(?<![\w.])\d+(?![\w.])", lambda size, by=by: str(_small(int(size[0]), by)), kind.case)
            for by in range(3)
        ]
        for text in texts:
            try:
                graph = verify(from_text(text))
            except (BadText, Broken, Mismatch, ValueError, TypeError):
                continue  # A case may not fit any more with other sizes.
            if not any(type.dtype in HALVES for node in graph for type in node.types):
                found.append(graph)
    return tuple(found)


def _small(size: int, by: int) -> int:
    if size < 5:
        return size
    return (2, 3, 4)[(size.bit_length() + by) % 3] * (1 if by < 2 else 2)
