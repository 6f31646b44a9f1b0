"""Kernels by direction and length."""

from typing import ClassVar

from dslc.ops.base import Sample
from dslc.ops.combinator._remade import Remade
from dslc.ops.combinator.base import combinator


@combinator
class WeightNorm(Remade):
    """Its body, with each kernel as a direction and, for each unit (its last axis), a trained length.

    The kernel keeps its path; the lengths stand beside it (`dense.kernel_norm.scale`) and start as those of the kernel.

    Shapes: those of the body.
    Reference: Salimans and Kingma, 2016, arXiv:1602.07868.
    """

    by: ClassVar[str] = "weight_normed"
    samples = (
        Sample("weight_norm { dense(3) -> relu }", ("[batch, 2]",), "[batch, 3]", parameters=12),
        Sample("weight_norm { conv(4, 3, bias = false) }", ("[batch, 8, 2]",), "[batch, 8, 4]", parameters=28),
    )
    aliases = ("WeightNormalization",)
