"""Tensors put in another order, taken apart and put together."""

from typing import Any

from oracles.base import F, ints, oracle, seen, torch

CUBES = ("[3, 1, 5]", "[2, 3, 7]")
PRODUCTS: dict[str, tuple[str, ...]] = {
    "bs,bsm->bm": ("[2, 3]", "[2, 3, 4]"),
    "b q d, b k d -> b q k": ("[2, 1, 4]", "[2, 5, 4]"),
    "... i, i j -> ... j": ("[2, 3, 4]", "[4, 5]"),
    "i j, j k, k i -> i": ("[2, 3]", "[3, 4]", "[4, 2]"),
    "a b, b c, c -> a": ("[1, 3]", "[3, 4]", "[4]"),
    "a b b -> b a": ("[2, 3, 3]",),
    "ij->": ("[2, 3]",),
}
# Text of a pattern, its input, then reshape, transpose and reshape by hand.
PATTERNS: list[tuple[str, str, tuple[Any, Any, Any]]] = [
    ('"b h w c -> b (h w) c"', "[2, 3, 4, 5]", ((2, 3, 4, 5), (0, 1, 2, 3), (2, 12, 5))),
    ('"b (h p) (w q) c -> b (h w) (p q) c", p = 2, q = 3', "[2, 4, 6, 5]",
     ((2, 2, 2, 2, 3, 5), (0, 1, 3, 2, 4, 5), (2, 4, 6, 5))),
    ('"b (h p) (w q) c -> b h w (q p c)", p = 2, q = 2', "[2, 4, 6, 5]",
     ((2, 2, 2, 3, 2, 5), (0, 1, 3, 4, 2, 5), (2, 2, 3, 20))),
    ('"... (two d) -> two ... 1 d", two = 2', "[3, 4, 6]", ((3, 4, 2, 3), (2, 0, 1, 3), (2, 3, 4, 1, 3))),
    ('"a 1 b -> (b a)"', "[3, 1, 4]", ((3, 4), (1, 0), (12,))),
]  # fmt: skip
GATHERED = [(axis, rank) for axis in (0, 1, 2) for rank in (1, 2)]


def _product(pattern: str) -> Any:
    return lambda *xs: torch.einsum(pattern.replace(" ", ""), *xs)


def _rearranged(apart: Any, order: Any, whole: Any) -> Any:
    return lambda x: x.reshape(apart).permute(order).reshape(whole)


def _gathered(axis: int, rank: int) -> Any:
    def peer(x: Any, index: Any) -> Any:
        wide = index.long().reshape(*index.shape, *(1,) * (2 - rank)).unsqueeze(axis)
        shape = [1 if place == axis else size for place, size in enumerate(x.shape)]
        return x.gather(axis, wide.expand(shape)).squeeze(axis)

    rest = [size for place, size in enumerate((3, 4, 5)) if place != axis][:rank]
    return oracle(f"gather({axis})", "PyTorch `gather`", peer, ("[3, 4, 5]", ints(3, *rest)))


def _largest(x: Any) -> Any:
    return torch.topk(x, 4)[:]


def _shifted(x: Any) -> Any:
    return F.pad(x, (0, 0, 2, 0))[:, :-2]


ORACLES = [
    oracle(
        "pixel_shuffle(2)",
        "PyTorch `pixel_shuffle`",
        lambda x: F.pixel_shuffle(x.movedim(-1, 1), 2).movedim(1, -1),
        "[2, 3, 5, 12]",
        "[1, 1, 1, 4]",
    ),
    oracle(
        "pixel_shuffle(3)",
        "PyTorch `reshape`",
        lambda x: x.unflatten(-1, (-1, 3)).transpose(2, 3).flatten(1, 2),
        "[2, 5, 6]",
    ),
    *(
        oracle(f'einsum("{pattern}")', "PyTorch `einsum`", _product(pattern), shapes)
        for pattern, shapes in PRODUCTS.items()
    ),
    *(oracle(f"rearrange({text})", "PyTorch `permute`", _rearranged(*steps), shape) for text, shape, steps in PATTERNS),
    *(_gathered(axis, rank) for axis, rank in GATHERED),
    oracle("argmax", "PyTorch `argmax`", lambda x: x.argmax(-1), *CUBES, "[1]"),
    oracle("argmax(axis = 1)", "PyTorch `argmax`", lambda x: x.argmax(1), *CUBES),
    oracle("broadcast([2, 3, 5])", "PyTorch `expand`", lambda x: x.expand(2, 3, 5), "[3, 1]", "[1, 1, 5]", "[]"),
    oracle('cast("f64")', "PyTorch `to`", lambda x: x.to(torch.float64), *CUBES),
    oracle('cast("i32")', "PyTorch `to`", lambda x: x.to(torch.int32), *CUBES),
    oracle("concat", "PyTorch `cat`", lambda *xs: torch.cat(xs, -1), ("[3, 1]", "[3, 4]"), ("[1]", "[2]", "[3]")),
    oracle("concat(axis = 1)", "PyTorch `cat`", lambda *xs: torch.cat(xs, 1), ("[3, 1, 2]", "[3, 5, 2]")),
    oracle("flatten", "PyTorch `flatten`", lambda x: x.flatten(1), *CUBES, "[3, 1]"),
    oracle("one_hot(5)", "PyTorch `one_hot`", lambda x: F.one_hot(x.long(), 5), ints(5, 3, 1), ints(5, 7)),
    oracle("reshape([-1, 3])", "PyTorch `reshape`", lambda x: x.reshape(-1, 3), "[1, 3]", "[2, 3, 5]"),
    oracle("roll((1, -2), axis = (0, 2))", "PyTorch `roll`", lambda x: x.roll((1, -2), (0, 2)), *CUBES),
    oracle("shift(2, axis = 1)", "PyTorch `pad`", _shifted, "[2, 3, 7]", "[1, 5, 1]"),
    oracle("split(3)", "PyTorch `chunk`", lambda x: x.chunk(3, -1), "[2, 3]", "[1, 9]"),
    oracle("split([1, 4], axis = 1)", "PyTorch `split`", lambda x: x.split([1, 4], 1), "[3, 5]", "[1, 5, 2]"),
    oracle("squeeze(axis = 1)", "PyTorch `squeeze`", lambda x: x.squeeze(1), "[3, 1, 5]", "[3, 1]"),
    oracle("stack", "PyTorch `stack`", lambda *xs: torch.stack(xs, -1), ("[3, 1]", "[3, 1]"), ("[]", "[]", "[]")),
    oracle("stop_gradient", "PyTorch `detach`", lambda x: x.detach(), *CUBES),
    oracle("top_k(4)", "PyTorch `topk`", _largest, "[4, 3, 9]", "[1, 5]"),
    oracle("transpose", "PyTorch `permute`", lambda x: x.permute(*range(x.ndim)[::-1]), "[3, 5]", "[1, 7]"),
    oracle("transpose((1, 2, 0))", "PyTorch `permute`", lambda x: x.permute(1, 2, 0), *CUBES),
    oracle(
        "where",
        "PyTorch `where`",
        lambda c, a, b: torch.where(c, a, b),
        (seen(3, 1), "[3, 4]", "[3, 4]"),
        (seen(1), "[]", "[5]"),
    ),
]
