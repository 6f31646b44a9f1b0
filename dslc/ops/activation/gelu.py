"""The Gaussian error linear unit."""

from collections.abc import Mapping
from math import pi, sqrt
from typing import Any

from dslc.lazy import jnp, lax
from dslc.ops.base import Context, Cost, Refused, Sample, elements, moved, op
from dslc.ops.pointwise.base import Pointwise
from dslc.types import Type

CUBIC = 0.044715
"""Coefficient of the cubic term in the approximation by tanh."""


@op
class Gelu(Pointwise):
    """Gaussian error linear unit: `x` times the share of a standard Gaussian below `x`, or its approximation by tanh.

    Shapes: `[...]` to `[...]`.
    Reference: Hendrycks and Gimpel, 2016, arXiv 1606.08415.
    """

    approximate: bool = False
    aliases = ("GELU", "GeluNew")
    starts = "he_normal"
    keeps = ("x",)
    samples = (
        Sample("gelu", ("[batch, 3]",), "[batch, 3]"),
        Sample(
            "gelu",
            ("[3]",),
            "[3]",
            given=([-1.0, 0.0, 2.0],),
            gives=[-0.15865525, 0.0, 1.95449974],
            source="tables of the Gaussian distribution",
        ),
        Sample("gelu(approximate = true)", ("[batch, 3]",), "[batch, 3]"),
        Sample(
            "gelu(approximate = true)",
            ("[2]",),
            "[2]",
            given=([-1.0, 2.0],),
            gives=[-0.15880801, 1.95459769],
            source="PyTorch",
        ),
        Refused("gelu", ("i32[batch]",), "needs floats"),
    )

    def apply(self, weights: Any, x: Any, *, ctx: Context) -> Any:
        if self.approximate:
            return 0.5 * x * (1 + jnp.tanh(sqrt(2 / pi) * (x + CUBIC * x**3)))
        return 0.5 * x * (1 + lax.erf(x * sqrt(0.5)))

    def cost(self, x: Type) -> Cost:
        return Cost((9 if self.approximate else 5) * elements([x]), moved(x, x))

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> Mapping[str, Any]:
        x = kept["x"]
        if self.approximate:
            bend = jnp.tanh(sqrt(2 / pi) * (x + CUBIC * x**3))
            slope = sqrt(2 / pi) * (1 + 3 * CUBIC * x * x)
            return {"x": 0.5 * gradient * (1 + bend + x * (1 - bend * bend) * slope)}
        below = 0.5 * (1 + lax.erf(x * sqrt(0.5)))
        density = jnp.exp(-0.5 * x * x) / sqrt(2 * pi)
        return {"x": gradient * (below + x * density)}
