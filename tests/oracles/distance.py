"""Losses of counts, rows, masks, boxes and labels in time. What PyTorch has no function for is written out in its tensors."""

from typing import Any

import numpy as np

from oracles.base import Array, F, Oracle, ints, oracle, torch

SHAPES = ((1, 1), (3, 1), (2, 3, 5))
REDUCE = ("mean", "sum", "none")
RNG = np.random.default_rng(8)
OUT = "PyTorch, written out"


def _text(shape: tuple[int, ...]) -> str:
    return f"[{', '.join(map(str, shape))}]"


def _reduced(losses: Any, reduce: str) -> Any:
    return {"mean": losses.mean, "sum": losses.sum, "none": lambda: losses}[reduce]()


def _elements(text: str, source: str, each: Any, reduce: str) -> Oracle:
    """A loss for every element; the weighted mean among its cases."""

    def peer(x: Any, t: Any, weight: Any = None) -> Any:
        losses = each(x, t)
        return _reduced(losses, reduce) if weight is None else (weight * losses).sum() / weight.sum()

    cases: list[Any] = [(_text(shape), _text(shape)) for shape in SHAPES]
    cases += [("[2, 3, 5]", "[2, 3, 5]", "+[2, 3, 5]")] if reduce == "mean" else []
    name, _, settings = text.partition("(")
    given = f"{settings.removesuffix(')')}, " if settings else ""
    return oracle(f'{name}({given}"{reduce}")', source, peer, *cases)


ELEMENTS = {
    "hinge": (OUT, lambda x, t: (1 - (2 * (t > 0) - 1) * x).clamp(min=0) + 0 * t),
    "log_cosh": (OUT, lambda x, t: (x - t).cosh().log()),
    "poisson": ("PyTorch `poisson_nll_loss`", lambda x, t: F.poisson_nll_loss(x, t, reduction="none")),
    "quantile(0.3)": (OUT, lambda x, t: torch.where(t > x, 0.3 * (t - x), 0.7 * (x - t))),
}


def _of_rows(text: str, source: str, peer: Any, rows: tuple[tuple[int, ...], ...], inputs: int = 2) -> list[Oracle]:
    return [
        oracle(
            text.replace("REDUCE", f'"{reduce}"'),
            source,
            lambda *arrays, reduce=reduce: peer(*arrays, reduce),
            *((_text(shape),) * inputs for shape in rows),
        )
        for reduce in REDUCE
    ]


def _cosine(x: Any, t: Any, reduce: str) -> Any:
    return _reduced(1 - F.cosine_similarity(x, t, dim=-1), reduce)


def _triplet(x: Any, positive: Any, negative: Any, reduce: str) -> Any:
    # PyTorch adds `eps` to every difference, which moves the distance: 0 is the definition.
    return F.triplet_margin_loss(x, positive, negative, margin=0.7, eps=0.0, reduction=reduce)


def _gaussian(mean: Any, log_var: Any, reduce: str) -> Any:
    normal = torch.distributions.Normal
    found = torch.distributions.kl_divergence(
        normal(mean, (0.5 * log_var).exp(), validate_args=False), normal(torch.zeros_like(mean), 1.0)
    )
    return _reduced(found.sum(-1), reduce)


def _kl(reduce: str) -> Oracle:
    def peer(x: Any, t: Any) -> Any:
        return _reduced(F.kl_div(x, t, reduction="none").sum(-1), reduce)

    cases = ((np.log(RNG.dirichlet(np.ones(n), rows)), RNG.dirichlet(np.ones(n), rows)) for rows, n in CLASSES)
    return oracle(f'kl_divergence("{reduce}")', "PyTorch `kl_div`", peer, *cases)


CLASSES: tuple[tuple[tuple[int, ...], int], ...] = (((1,), 2), ((3,), 5), ((2, 3), 4))


def _contrastive(x: Any, other: Any, same: Any) -> Any:
    distance = F.pairwise_distance(x, other, eps=0.0)
    return (0.5 * torch.where(same, distance**2, (1.5 - distance).clamp(min=0) ** 2)).mean()


def _nll(x: Any, t: Any, weight: Any = None, reduce: str = "mean", ignore: int = -100) -> Any:
    if weight is not None:
        return (weight * _nll(x, t, None, "none")).sum() / weight.sum()
    return F.nll_loss(x.movedim(-1, 1), t.long(), reduction=reduce, ignore_index=ignore)


def _focal_of_classes(gamma: float) -> Oracle:
    def peer(x: Any, t: Any) -> Any:
        logs = x.log_softmax(-1).gather(-1, t.long()[..., None])[..., 0]
        return (-((1 - logs.exp()) ** gamma) * logs).mean()

    return oracle(f"focal({gamma})", OUT, peer, ("[3, 5, 4]", ints(4, 3, 5)), ("[3, 1, 2]", ints(2, 3, 1)))


def _focal_of_questions(gamma: float, balance: float | None) -> Oracle:
    def peer(x: Any, t: Any) -> Any:
        p, loss = x.sigmoid(), F.binary_cross_entropy_with_logits(x, t, reduction="none")
        loss = loss * (1 - (p * t + (1 - p) * (1 - t))) ** gamma
        return (loss if balance is None else (balance * t + (1 - balance) * (1 - t)) * loss).sum()

    given = "none" if balance is None else balance
    return oracle(f'focal({gamma}, {given}, "sum")', OUT, peer, ("[3, 1]", RNG.random((3, 1))), ("[7]", RNG.random(7)))


def _one_way(x: Any, t: Any) -> Any:
    return F.cross_entropy(x @ t.T / 0.7, torch.arange(len(x)))


TABLES = tuple((_text(shape), _text(shape)) for shape in ((1, 1), (1, 4), (3, 1), (5, 7)))


def _dice(smooth: float) -> Oracle:
    def peer(x: Any, t: Any) -> Any:
        x, t = x.flatten(1, -2), t.flatten(1, -2)
        return (1 - (2 * (x * t).sum(1) + smooth) / (x.sum(1) + t.sum(1) + smooth)).mean()

    shapes = ((1, 1, 1), (2, 3, 1), (3, 5, 4, 2))
    return oracle(f"dice({smooth})", OUT, peer, *((RNG.random(shape), RNG.random(shape)) for shape in shapes))


def _boxes(*shape: int) -> Array:
    low = RNG.random((*shape, 2))
    return np.concatenate([low, low + 0.1 + RNG.random((*shape, 2))], axis=-1)


def _area(low: Any, high: Any) -> Any:
    return (high - low).clamp(min=0).prod(-1)


def _overlap(a: Any, b: Any, generalized: bool) -> Any:
    a1, a2, b1, b2 = a[..., :2], a[..., 2:], b[..., :2], b[..., 2:]
    both = _area(torch.maximum(a1, b1), torch.minimum(a2, b2))
    union = _area(a1, a2) + _area(b1, b2) - both
    around = _area(torch.minimum(a1, b1), torch.maximum(a2, b2))
    return (1 - both / union + (generalized * (around - union) / around)).mean()


def _ctc(time: int, labels: int, classes: int) -> Oracle:
    heard, counts = RNG.integers(max(1, time - 1), time + 1, 4), RNG.integers(0, labels + 1, 4)
    target = RNG.integers(1, classes, (4, labels)).astype(np.int32)
    target[np.arange(labels) >= counts[:, None]] = 0

    def peer(x: Any, t: Any, mask: Any) -> Any:
        logs = x.log_softmax(-1).movedim(1, 0)
        return F.ctc_loss(logs, t.long(), torch.tensor(heard), torch.tensor(counts), reduction="none")

    mask = np.arange(time) < heard[:, None]
    text = f"[4, {time}, {classes}]"
    return oracle('ctc(reduce = "none")', "PyTorch `ctc_loss`", peer, (text, target, mask))


WEIGHTS = (0.5, 2.0, 0.0, 1.5)


def _class_weights(reduce: str) -> list[Oracle]:
    def peer(x: Any, t: Any, smoothing: float = 0.0, ignore: int = -100) -> Any:
        table = torch.tensor(WEIGHTS, dtype=torch.float64)
        given = t if t.is_floating_point() else t.long()
        return F.cross_entropy(x, given, table, reduction=reduce, label_smoothing=smoothing, ignore_index=ignore)

    text, source = f'reduce = "{reduce}", class_weights = {list(WEIGHTS)}', "PyTorch `cross_entropy`"
    labels, shares = np.array([0, 2, 1, 3, 2], np.int32), RNG.dirichlet(np.ones(4), 5)
    return [
        oracle(f"cross_entropy({text})", source, peer, ("[5, 4]", labels)),
        oracle(f"cross_entropy({text}, ignore = 1)", source, lambda x, t: peer(x, t, ignore=1), ("[5, 4]", labels)),
        oracle(f"cross_entropy({text}, smoothing = 0.2)", source, lambda x, t: peer(x, t, 0.2), ("[5, 4]", shares)),
    ]


def _positive(reduce: str) -> Oracle:
    def peer(x: Any, t: Any) -> Any:
        return F.binary_cross_entropy_with_logits(x, t, reduction=reduce, pos_weight=torch.tensor(2.5))

    text, call = f'binary_cross_entropy(reduce = "{reduce}", positive_weight = 2.5)', "binary_cross_entropy_with_logits"
    return oracle(text, f"PyTorch `{call}`", peer, ("[3, 1, 5]", RNG.random((3, 1, 5))))


ORACLES = [
    *(_elements(text, *pair, reduce) for text, pair in ELEMENTS.items() for reduce in REDUCE),
    # Of a single number the cosine is a sign, its slope the rounding that is left: an exact 0 is not asked for.
    *_of_rows("cosine_distance(REDUCE)", "PyTorch `cosine_similarity`", _cosine, ((1, 2), (3, 3), (2, 3, 5))),
    *_of_rows("triplet(0.7, REDUCE)", "PyTorch `triplet_margin_loss`", _triplet, SHAPES, 3),
    *_of_rows("gaussian_kl(REDUCE)", "PyTorch `distributions.kl_divergence`", _gaussian, SHAPES),
    *(_kl(reduce) for reduce in REDUCE),
    oracle(
        "contrastive(1.5)",
        OUT,
        _contrastive,
        *((_text(shape), _text(shape), RNG.random(shape[:-1]) < 0.5) for shape in SHAPES),
    ),
    *(
        oracle(
            f'nll(reduce = "{reduce}")',
            "PyTorch `nll_loss`",
            lambda x, t, reduce=reduce: _nll(x, t, reduce=reduce),
            *((_text((*rows, n)), ints(n, *rows)) for rows, n in CLASSES),
        )
        for reduce in REDUCE
    ),
    oracle("nll", "PyTorch `nll_loss`", _nll, ("[3, 5]", ints(5, 3), "+[3]")),
    oracle(
        "nll(ignore = 0)",
        "PyTorch `nll_loss`",
        lambda x, t: _nll(x, t, ignore=0),
        ("[3, 5]", np.array([0, 4, 2], "i4")),
    ),
    *(_focal_of_classes(gamma) for gamma in (0, 0.5, 1, 2, 5)),
    *(_focal_of_questions(gamma, balance) for gamma in (0, 0.5, 2) for balance in (None, 0.25)),
    oracle("info_nce(0.7)", "PyTorch `cross_entropy`", _one_way, *TABLES),
    oracle(
        "info_nce(0.7, true)",
        "PyTorch `cross_entropy`",
        lambda x, t: (_one_way(x, t) + _one_way(t, x)) / 2,
        *TABLES,
    ),
    _dice(0.5),
    _dice(0.0),
    *(
        oracle(
            f"iou_loss({str(generalized).lower()})",
            OUT,
            lambda a, b, generalized=generalized: _overlap(a, b, generalized),
            *((_boxes(*shape), _boxes(*shape)) for shape in ((1,), (7,), (2, 5))),
        )
        for generalized in (False, True)
    ),
    *(_ctc(*sizes) for sizes in ((1, 1, 2), (6, 3, 4), (9, 1, 3), (7, 3, 2))),
    *(entry for reduce in REDUCE for entry in _class_weights(reduce)),
    *(_positive(reduce) for reduce in REDUCE),
]
