"""The derivative of a scalar."""

from typing import Any

from dslc.build.frame import Escapes
from dslc.build.values import Bundle, Tensor
from dslc.errors.cells import GradientNeedsWay
from dslc.errors.infer import WrongInputs
from dslc.ops.base import Refused, Sample
from dslc.ops.combinator.base import Combinator, Surroundings, combinator


@combinator
class Gradient(Combinator):
    """The derivative of a scalar `y` by a tensor `x` that it was computed from: `(y, x) -> gradient`.

    It is a tensor like any other, so it can be part of a loss: a gradient penalty, or the residual of a differential
    equation. Twice applied it gives second derivatives.

    Shapes: `[]` and `[...]` to the shape of `x`.
    Reference: Gulrajani et al., 2017, arXiv:1704.00028 (gradient penalty); Raissi, Perdikaris and Karniadakis, 2019.
    """

    bare = True
    samples = (
        Sample("(it ** 2 -> sum, it) -> gradient", ("[batch, 3]",), "[batch, 3]"),
        Refused("(it, it) -> gradient", ("[batch, 3]",), "needs a float scalar"),
    )
    aliases = ("grad", "GradientTape", "autograd")

    def expand(self, here: Surroundings) -> Tensor:
        names = ("y", "x")
        items = here.it.items if isinstance(here.it, Bundle) else (here.it,)
        if len(items) != 2 or not all(isinstance(item, Tensor) for item in items):
            raise here.fail(WrongInputs(here.span, "gradient", names, "takes a scalar and what it is derived by"))
        y, x = self._checked(here, *items)
        from dslc.differentiate.within import within  # noqa: PLC0415  # dear to load, and rarely needed

        frame = here.env.frame
        try:
            ref = within(frame.builder, frame.ref(y), frame.ref(x))
        except Escapes:
            ref = None
        if ref is None:
            raise here.fail(GradientNeedsWay(here.span, str(y.type), str(x.type)))
        return frame.tensor(ref)

    def _checked(self, here: Surroundings, y: Any, x: Any) -> tuple[Tensor, Tensor]:
        if y.type.rank or not y.type.is_float:
            reason = f"needs a float scalar, and the first is {y.type}: `-> sum` or `-> mean` it"
            raise here.fail(WrongInputs(here.span, "gradient", ("y", "x"), reason))
        if not x.type.is_float:
            raise here.fail(WrongInputs(here.span, "gradient", ("y", "x"), f"derives by floats, and gets {x.type}"))
        return y, x
