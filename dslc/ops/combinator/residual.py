"""x + body(x)."""

from dslc.build.values import Tensor
from dslc.errors.infer import SkipDiffers, WrongInputs
from dslc.errors.placement import NeedsBody
from dslc.ops.base import Refused, Sample
from dslc.ops.combinator.base import Combinator, Surroundings, combinator


@combinator
class Residual(Combinator):
    """Adds its input to what its body gives: `x + scale * body(x)`.

    With `project`, a skip whose channels or resolution differ goes through a 1x1 convolution (a dense layer where there
    are no spatial axes) without bias, called `project`.

    Shapes: `[..., features]` to `[..., features]`.
    Reference: He, Zhang, Ren and Sun, 2015, arXiv:1512.03385.
    """

    project: bool = False
    scale: float = 1.0
    samples = (
        Sample("residual { dense(3) }", ("[batch, 3]",), "[batch, 3]", parameters=12),
        Sample("residual(project = true) { dense(5) }", ("[batch, 3]",), "[batch, 5]", parameters=35),
        Refused("residual { dense(5) }", ("[batch, 3]",), "turns [batch, 3] into [batch, 5]"),
    )
    aliases = ("skip", "shortcut")

    def expand(self, here: Surroundings) -> Tensor:
        if len(here.branches) != 1:
            raise here.fail(NeedsBody(here.span, "residual", len(here.branches)))
        x = here.it
        if not isinstance(x, Tensor):
            raise here.fail(WrongInputs(here.span, "residual", ("x",), "takes one tensor"))
        y = here.run(here.branches[0], x)
        if not isinstance(y, Tensor):
            raise here.fail(WrongInputs(here.span, "residual", ("x",), "needs a body that gives one tensor"))
        if x.type != y.type:
            x = self._projected(here, x, y)
        if self.scale != 1.0:
            y = here.add("multiply", y, here.number(self.scale, y))
        return here.add("add", x, y)

    def _projected(self, here: Surroundings, x: Tensor, y: Tensor) -> Tensor:
        """The skip brought to the shape of the body's output."""
        strides = self._strides(x, y)
        if not self.project or strides is None:
            bare = not here.has_settings
            raise here.fail(SkipDiffers(here.span, str(x.type), str(y.type), strides is not None, bare))
        channels = y.type.shape[-1]
        if not strides:
            return here.add("dense", x, label="project", units=channels, bias=False)
        return here.add("conv", x, label="project", filters=channels, kernel=1, stride=strides, bias=False)

    def _strides(self, x: Tensor, y: Tensor) -> tuple[int, ...] | None:
        """Strides of a convolution that gives the output's resolution, or None when there is none."""
        if x.type.rank != y.type.rank or x.type.dtype != y.type.dtype or not isinstance(y.type.shape[-1], int):
            return None
        inner = [*zip(x.type.shape[1:-1], y.type.shape[1:-1], strict=True)]
        if all(before == after for before, after in inner):
            return tuple(1 for _ in inner) if x.type.rank in (3, 4, 5) else ()
        for stride in range(2, 9):
            if all(-(-before // stride) == after for before, after in inner):
                return (stride,) * len(inner)
        return None
