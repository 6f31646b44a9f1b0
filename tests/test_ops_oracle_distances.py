"""Losses of rows, masks, boxes and labels in time, against PyTorch in 64 bits."""

from typing import Any

import jax
import numpy as np
import pytest
from peers import BOUND, RNG, compare, drawn
from samples import op_of

from dslc.ops.base import Context
from dslc.ops.core.linear_cross_entropy import LinearCrossEntropy

torch = pytest.importorskip("torch")
F = torch.nn.functional

pytestmark = pytest.mark.usefixtures("float64")

SHAPES = [(1, 1), (3, 1), (2, 3, 5)]
REDUCE = ["mean", "sum", "none"]


def reduced(losses: Any, reduce: str) -> Any:
    return {"mean": losses.mean, "sum": losses.sum, "none": lambda: losses}[reduce]()


def peers(reduce: str) -> dict[str, Any]:
    """Settings and the same in PyTorch, of a prediction and a target for every element."""
    return {
        "hinge": lambda x, t: reduced((1 - (2 * (t > 0) - 1) * x).clamp(min=0) + 0 * t, reduce),
        "log_cosh": lambda x, t: reduced((x - t).cosh().log(), reduce),
        "poisson": lambda x, t: F.poisson_nll_loss(x, t, reduction=reduce),
        "quantile(0.3)": lambda x, t: reduced(torch.where(t > x, 0.3 * (t - x), 0.7 * (x - t)), reduce),
    }


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("text", peers("mean"))
def test_losses_of_elements_agree_with_pytorch(text: str, shape: tuple[int, ...]) -> None:
    for reduce in REDUCE:
        settings = text.replace(")", f', "{reduce}")') if "(" in text else f'{text}("{reduce}")'
        compare(settings, peers(reduce)[text], 1.5 * drawn(*shape), drawn(*shape))
    weight = RNG.random(shape) + 0.1
    compare(text, lambda x, t, w: (w * peers("none")[text](x, t)).sum() / w.sum(), drawn(*shape), drawn(*shape), weight)


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("reduce", REDUCE)
def test_cosine_distance_agrees_with_pytorch(shape: tuple[int, ...], reduce: str) -> None:
    def peer(x: Any, t: Any) -> Any:
        return reduced(1 - F.cosine_similarity(x, t, dim=-1), reduce)

    # Of a single number the cosine is a sign, its slope the rounding that is left: an exact 0 is not asked for.
    if shape[-1] > 1:
        compare(f'cosine_distance("{reduce}")', peer, drawn(*shape), drawn(*shape))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("reduce", REDUCE)
def test_triplet_agrees_with_pytorch(shape: tuple[int, ...], reduce: str) -> None:
    def peer(x: Any, positive: Any, negative: Any) -> Any:
        # PyTorch adds `eps` to every difference, which moves the distance: 0 is the definition.
        return F.triplet_margin_loss(x, positive, negative, margin=0.7, eps=0.0, reduction=reduce)

    compare(f'triplet(0.7, "{reduce}")', peer, drawn(*shape), drawn(*shape), drawn(*shape))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_contrastive_agrees_with_its_formula(shape: tuple[int, ...]) -> None:
    alike = RNG.random(shape[:-1]) < 0.5

    def peer(x: Any, other: Any, same: Any) -> Any:
        distance = F.pairwise_distance(x, other, eps=0.0)
        return (0.5 * torch.where(same, distance**2, (1.5 - distance).clamp(min=0) ** 2)).mean()

    compare("contrastive(1.5)", peer, drawn(*shape), 0.4 * drawn(*shape), alike)


def test_distances_of_equal_rows_have_a_slope_of_zero() -> None:
    x, op = drawn(3, 4), op_of("triplet(9)")
    slopes = jax.grad(lambda positive: op.apply({}, x, positive, x + 1, ctx=Context()))(x)
    # Where the distance has no derivative 0 is one of its slopes, the one of least length.
    assert not np.asarray(slopes).any()


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_divergences_agree_with_pytorch(shape: tuple[int, ...]) -> None:
    shares = RNG.dirichlet(np.ones(shape[-1]), shape[:-1])
    logs = np.log(RNG.dirichlet(np.ones(shape[-1]), shape[:-1]))
    for reduce in REDUCE:
        compare(
            f'kl_divergence("{reduce}")',
            lambda x, t, reduce=reduce: reduced(F.kl_div(x, t, reduction="none").sum(-1), reduce),
            logs,
            shares,
        )
        compare(f'gaussian_kl("{reduce}")', lambda m, v, reduce=reduce: reduced(standard(m, v), reduce),
                drawn(*shape), drawn(*shape))  # fmt: skip


def standard(mean: Any, log_var: Any) -> Any:
    normal = torch.distributions.Normal
    found = torch.distributions.kl_divergence(
        normal(mean, (0.5 * log_var).exp(), validate_args=False), normal(torch.zeros_like(mean), 1.0)
    )
    return found.sum(-1)


def test_a_target_of_zero_counts_nothing_in_a_divergence() -> None:
    compare(
        "kl_divergence",
        lambda x, t: (t.clamp(min=1e-300) * (t.clamp(min=1e-300).log() - x)).sum(-1).mean() + 0 * t.sum(),
        drawn(2, 2),
        np.array([[0.25, 0.75], [0.5, 0.5]]),
    )
    found = F.kl_div(torch.tensor([[-1.0, -2.0]]), torch.tensor([[0.0, 1.0]]), reduction="batchmean")
    assert found.item() == 2.0


@pytest.mark.parametrize("shape", [(1, 2), (3, 5), (2, 3, 4)], ids=str)
def test_nll_agrees_with_pytorch(shape: tuple[int, ...]) -> None:
    labels = RNG.integers(0, shape[-1], shape[:-1]).astype(np.int32)
    weight = RNG.random(shape[:-1])

    def peer(x: Any, t: Any, reduce: str = "mean", ignore: int = -100) -> Any:
        return F.nll_loss(x.movedim(-1, 1), t.long(), reduction=reduce, ignore_index=ignore)

    for reduce in REDUCE:
        compare(f'nll(reduce = "{reduce}")', lambda x, t, reduce=reduce: peer(x, t, reduce), drawn(*shape), labels)
    compare("nll", lambda x, t, w: (w * peer(x, t, "none")).sum() / w.sum(), drawn(*shape), labels, weight)
    some = labels.copy()
    some.flat[0] = 1
    if (some != 0).any():
        compare("nll(ignore = 0)", lambda x, t: peer(x, t, ignore=0), drawn(*shape), some)


@pytest.mark.parametrize("gamma", [0, 0.5, 1, 2, 5])
def test_focal_of_classes_agrees_with_its_formula(gamma: float) -> None:
    labels = RNG.integers(0, 4, (3, 5)).astype(np.int32)

    def peer(x: Any, t: Any) -> Any:
        logs = x.log_softmax(-1).gather(-1, t.long()[..., None])[..., 0]
        return (-((1 - logs.exp()) ** gamma) * logs).mean()

    compare(f"focal({gamma})", peer, 2 * drawn(3, 5, 4), labels)


@pytest.mark.parametrize("balance", [None, 0.25])
@pytest.mark.parametrize("gamma", [0, 0.5, 2])
def test_focal_of_questions_agrees_with_its_formula(gamma: float, balance: float | None) -> None:
    def peer(x: Any, t: Any) -> Any:
        p, loss = x.sigmoid(), F.binary_cross_entropy_with_logits(x, t, reduction="none")
        loss = loss * (1 - (p * t + (1 - p) * (1 - t))) ** gamma
        return (loss if balance is None else (balance * t + (1 - balance) * (1 - t)) * loss).sum()

    text = "none" if balance is None else str(balance)
    compare(f'focal({gamma}, {text}, "sum")', peer, 2 * drawn(3, 1), RNG.random((3, 1)))


@pytest.mark.parametrize("shape", [(1, 1), (1, 4), (3, 1), (5, 7)], ids=str)
def test_info_nce_agrees_with_cross_entropy_of_products(shape: tuple[int, int]) -> None:
    def one(x: Any, t: Any) -> Any:
        return F.cross_entropy(x @ t.T / 0.7, torch.arange(len(x)))

    compare("info_nce(0.7)", one, drawn(*shape), drawn(*shape))
    compare("info_nce(0.7, true)", lambda x, t: (one(x, t) + one(t, x)) / 2, drawn(*shape), drawn(*shape))


@pytest.mark.parametrize("shape", [(1, 1, 1), (2, 3, 1), (3, 5, 4, 2)], ids=str)
def test_dice_agrees_with_its_formula(shape: tuple[int, ...]) -> None:
    def peer(x: Any, t: Any) -> Any:
        x, t = x.flatten(1, -2), t.flatten(1, -2)
        return (1 - (2 * (x * t).sum(1) + 0.5) / (x.sum(1) + t.sum(1) + 0.5)).mean()

    compare("dice(0.5)", peer, RNG.random(shape), RNG.random(shape))


def boxes(*shape: int) -> Any:
    low = RNG.random((*shape, 2))
    return np.concatenate([low, low + 0.1 + RNG.random((*shape, 2))], axis=-1)


@pytest.mark.parametrize("shape", [(1,), (7,), (2, 5)], ids=str)
def test_iou_loss_agrees_with_its_formula(shape: tuple[int, ...]) -> None:
    def area(low: Any, high: Any) -> Any:
        return (high - low).clamp(min=0).prod(-1)

    def peer(a: Any, b: Any, generalized: bool = False) -> Any:
        a1, a2, b1, b2 = a[..., :2], a[..., 2:], b[..., :2], b[..., 2:]
        both = area(torch.maximum(a1, b1), torch.minimum(a2, b2))
        union = area(a1, a2) + area(b1, b2) - both
        around = area(torch.minimum(a1, b1), torch.maximum(a2, b2))
        return (1 - both / union + (generalized * (around - union) / around)).mean()

    compare("iou_loss", peer, boxes(*shape), boxes(*shape))
    compare("iou_loss(true)", lambda a, b: peer(a, b, True), boxes(*shape), boxes(*shape))


@pytest.mark.parametrize(("time", "labels", "classes"), [(1, 1, 2), (6, 3, 4), (9, 1, 3), (7, 3, 2)], ids=str)
def test_ctc_agrees_with_pytorch(time: int, labels: int, classes: int) -> None:
    batch = 4
    heard, counts = RNG.integers(max(1, time - 1), time + 1, batch), RNG.integers(0, labels + 1, batch)
    target = RNG.integers(1, classes, (batch, labels)).astype(np.int32)
    target[np.arange(labels) >= counts[:, None]] = 0
    mask = np.arange(time) < heard[:, None]

    def peer(x: Any, t: Any, mask: Any) -> Any:
        return F.ctc_loss(
            x.log_softmax(-1).movedim(1, 0), t.long(), torch.tensor(heard), torch.tensor(counts), reduction="none"
        )

    compare('ctc(reduce = "none")', peer, drawn(batch, time, classes), target, mask)


def test_a_target_longer_than_the_sound_has_an_infinite_loss() -> None:
    target = np.array([[1, 1], [1, 2]], np.int32)
    found = op_of('ctc(reduce = "none")').apply({}, drawn(2, 2, 3), target, ctx=Context())
    # Two equal labels need a blank between them: 3 moments.
    assert np.isinf(found[0])
    assert np.isfinite(found[1])


@pytest.mark.parametrize("reduce", REDUCE)
def test_class_weights_agree_with_pytorch(reduce: str) -> None:
    scores, labels = 3 * drawn(5, 4), np.array([0, 2, 1, 3, 2], np.int32)
    weights = torch.tensor([0.5, 2.0, 0.0, 1.5], dtype=torch.float64)
    written = f'reduce = "{reduce}", class_weights = [0.5, 2.0, 0.0, 1.5]'

    def peer(x: Any, t: Any, smoothing: float = 0.0, ignore: int = -100) -> Any:
        t = t if t.is_floating_point() else t.long()
        return F.cross_entropy(x, t, weights, reduction=reduce, label_smoothing=smoothing, ignore_index=ignore)

    compare(f"cross_entropy({written})", peer, scores, labels)
    compare(f"cross_entropy({written}, ignore = 1)", lambda x, t: peer(x, t, ignore=1), scores, labels)
    shares = RNG.dirichlet(np.ones(4), 5)
    compare(f"cross_entropy({written}, smoothing = 0.2)", lambda x, t: peer(x, t, 0.2), scores, shares)


@pytest.mark.parametrize("reduce", REDUCE)
def test_the_weight_of_a_yes_agrees_with_pytorch(reduce: str) -> None:
    def peer(x: Any, t: Any) -> Any:
        return F.binary_cross_entropy_with_logits(x, t, reduction=reduce, pos_weight=torch.tensor(2.5))

    text = f'binary_cross_entropy(reduce = "{reduce}", positive_weight = 2.5)'
    compare(text, peer, 3 * drawn(3, 1, 5), RNG.random((3, 1, 5)))


@pytest.mark.parametrize("reduce", ["mean", "sum"])
def test_class_weights_hold_in_chunks_of_rows(reduce: str) -> None:
    loss = op_of(f'cross_entropy(ignore = 1, reduce = "{reduce}", class_weights = [0.5, 2.0, 0.0, 1.5])')
    chunked = LinearCrossEntropy(loss, rows=2)  # type: ignore[arg-type]
    x, kernel, weight = drawn(7, 3), drawn(3, 4), RNG.random(7)
    labels = np.array([0, 2, 1, 3, 3, 0, 1], np.int32)

    def plain(x: Any, kernel: Any, weight: Any) -> Any:
        return loss.apply({}, x @ kernel, labels, weight, ctx=Context())

    found, saved = chunked.apply_saving({}, x, kernel, labels, None, weight, ctx=Context())
    wanted, slopes = jax.value_and_grad(plain, argnums=(0, 1, 2))(x, kernel, weight)
    np.testing.assert_allclose(found, wanted, rtol=BOUND)
    np.testing.assert_allclose(chunked.apply({}, x, kernel, labels, None, weight, ctx=Context()), wanted, rtol=BOUND)
    for name, slope in zip(("by_x", "by_kernel", "by_weight"), slopes, strict=True):
        # Sums of a dozen terms of size 1.
        np.testing.assert_allclose(saved[name], slope, rtol=BOUND, atol=1e-14, err_msg=name)
