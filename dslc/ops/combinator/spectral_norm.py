"""Kernels of bounded gain."""

from typing import ClassVar

from dslc.ops.base import Sample
from dslc.ops.combinator._remade import Remade
from dslc.ops.combinator.base import combinator


@combinator
class SpectralNorm(Remade):
    """Its body, with each kernel, as a matrix `[inputs, units]`, divided by an estimate of its largest singular value.

    The estimate gets better by one power iteration in each training step; its vector is kept as a statistic beside the
    kernel (`dense.kernel_norm.u`), and is no weight.

    Shapes: those of the body.
    Reference: Miyato, Kataoka, Koyama and Yoshida, 2018, arXiv:1802.05957.
    """

    by: ClassVar[str] = "spectral_normed"
    samples = (
        Sample("spectral_norm { dense(3) -> relu }", ("[batch, 2]",), "[batch, 3]", parameters=9),
        Sample("spectral_norm { conv(4, 3, bias = false) }", ("[batch, 8, 2]",), "[batch, 8, 4]", parameters=24),
    )
    aliases = ("SpectralNormalization",)
