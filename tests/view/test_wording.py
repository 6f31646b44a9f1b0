"""Ops and numbers in the words of the language."""

import pytest

from dslc.ops.base import OPS, Op
from dslc.view.wording import is_usual, op_text, rounded, short, tail


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (9_999, "9,999"),
        (10_000, "10 k"),
        (999_499, "999 k"),
        (999_999, "1 M"),
        (7_094_123, "7.09 M"),
        (124_439_808, "124 M"),
        (1_542_000_000, "1.54 G"),
    ],
)
def test_large_counts_have_three_digits(number: int, text: str) -> None:
    assert rounded(number) == text


def made(op: str, **settings: object) -> Op:
    return OPS[op](**settings)


@pytest.mark.parametrize(
    ("op", "text"),
    [
        (made("dense", units=3, bias=False), "dense(3, bias = false)"),
        (made("relu"), "relu"),
        (made("transpose", axes=(0, 2, 1)), "transpose(axes = [0, 2, 1])"),
    ],
    ids=["required", "bare", "list"],
)
def test_an_op_reads_as_in_the_language(op: Op, text: str) -> None:
    assert op_text(op) == text


@pytest.mark.parametrize(
    ("path", "around", "rest"),
    [
        ("blocks.*.attn", "blocks", "attn"),
        ("a.b.c", "a", "b.c"),
        ("a.b.c", "x", "a.b.c"),
        ("trunk.stages.0", "trunk.stages", "stages.0"),
        ("encoder", "encoder", "encoder"),
    ],
)
def test_a_title_leaves_out_what_its_box_says(path: str, around: str, rest: str) -> None:
    assert tail(path, around) == rest


def test_a_name_with_a_number_only_repeats_its_op() -> None:
    relu = made("relu")
    assert [is_usual(name, relu) for name in ("relu", "relu_12", "relu6", "after")] == [True, True, False, False]


def test_a_long_op_is_cut_between_its_settings() -> None:
    assert short("conv(64, 7, stride = 2, padding = 3, bias = false)") == "conv(64, 7, stride = 2, …)"
    assert short("x" * 50) == "x" * 33 + "…"
