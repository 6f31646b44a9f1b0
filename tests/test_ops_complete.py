"""No op without what is asked of every op: an oracle forward and backward, a cost that is checked, a shape rule with names."""

import pytest
from oracle_table import PAGE, rows
from oracles import BY_HAND, ORACLES
from samples import Case, op_of
from test_ops_dims import SYMBOLIC
from test_ops_products import PRODUCTS

from dslc.contracts.base import differentiable
from dslc.ops.base import OPS, Cost, Op, Sample
from dslc.ops.metric.base import Metric
from dslc.types import Type

LAYERS = [kind for kind in OPS if kind.apply is not Op.apply]
TABLE = rows(PAGE.read_text("utf-8"))
COSTS = {
    # A comparison each.
    **dict.fromkeys(
        ("equal", "not_equal", "greater", "greater_equal", "less", "less_equal"), (("[4, 3]", "[3]"), 12, 48 + 12 + 12)
    ),
    "argmax": (("[4, 3]",), 12, 48 + 16),
    "logical_and": (("bool[4, 3]", "bool[3]"), 12, 12 + 3 + 12),
    "logical_or": (("bool[4, 3]", "bool[3]"), 12, 12 + 3 + 12),
    "logical_not": (("bool[4, 3]",), 12, 12 + 12),
    "one_hot(5)": (("i32[4]",), 20, 16 + 80),
    # Numbers that are written down.
    **dict.fromkeys(("full([4, 3], 0.5)", "zeros([4, 3])", "ones([4, 3])", "randint([4, 3], 0, 9)"), ((), 0, 48)),
    "range(7)": ((), 0, 28),
    "linspace(0.0, 1.0, 7)": ((), 0, 28),
    "shifted_window_mask(8, 4, 4, 2)": ((), 0, 2 * 16 * 16),
    # Drawn, times a width, plus a center; how many operations the bits take is up to the device.
    **{f"{name}([4, 3])": ((), 24, 48) for name in ("normal", "uniform", "gumbel")},
    "bernoulli": (("[4, 3]",), 12, 48 + 48),
    # Noise for each class, and the largest.
    "categorical": (("[4, 3]",), 24, 48 + 16),
    # Outside of training nothing is left out.
    **dict.fromkeys(
        ("dropout(0.5)", "alpha_dropout(0.5)", "spatial_dropout(0.5)", "drop_path(0.5)", "gaussian_noise(1)"),
        (("[4, 1, 3]",), 0, 48 + 48),
    ),
}
"""What XLA has no count for, as bits that are drawn, or a poor one: inputs, operations and bytes, worked by hand."""
SETTLED = {"relative_position_bias_2d"}
"""Ops whose sizes are all settings that are plain numbers."""
FLAT = {"floor_divide", "step"}
"""Steps for which PyTorch has no slope to compare; finite differences say that it is 0."""


def cases(kind: type[Op]) -> list[Case]:
    return [Case.of(sample) for sample in kind.samples if isinstance(sample, Sample)]


@pytest.mark.parametrize("text", COSTS)
def test_a_cost_is_the_one_worked_by_hand(text: str) -> None:
    types, flops, moved = COSTS[text]
    assert op_of(text).cost(*map(Type.parse, types)) == Cost(flops, moved)


def test_every_op_has_a_cost_that_is_checked() -> None:
    by_hand = {text.partition("(")[0] for text in (*COSTS, *(product[0] for product in PRODUCTS))}
    by_xla = {kind.name for kind in LAYERS if any(differentiable(case) and not case.op.random for case in cases(kind))}
    assert by_hand | by_xla == {kind.name for kind in LAYERS}


def test_every_op_has_a_shape_rule_that_is_checked_with_names_for_sizes() -> None:
    named = {parameter.id.rpartition("-")[0] for parameter in SYMBOLIC}  # type: ignore[union-attr]
    assert named | SETTLED == {kind.name for kind in LAYERS}


def test_every_op_is_compared_forward_and_every_slope_backward() -> None:
    compared = {entry.op for entry in ORACLES}
    assert compared | set(BY_HAND) == {kind.name for kind in LAYERS}
    for kind in LAYERS:
        if kind.name in compared:
            _, _, forward, backward = TABLE[kind.name]
            assert forward != "-", kind.name
            sloped = any(differentiable(case) for case in cases(kind)) and not issubclass(kind, Metric)
            assert backward != "-" or not sloped or kind.stops_gradient or kind.name in FLAT, kind.name
