"""A bias that the norm behind it takes away."""

from collections.abc import Iterator

from dslc.errors.base import Fix, Note
from dslc.lint.base import LINEAR, Lint, Scene, behind, lint, noted
from dslc.source import Span

NORMS = ("batch_norm", "instance_norm")


@lint
class BiasBeforeNorm(Lint):
    """The norm subtracts the mean of each channel, and with it any bias before it: those weights are stored and updated, and
    change nothing. The norm has an offset of its own.

    Reference: Ioffe and Szegedy, 2015, arXiv:1502.03167, section 3.2.
    """

    code = "W0203"
    example = "net 1\nmodel m { input x: [batch, 8, 8, 3]  output y = x -> conv(4, 3) -> batch_norm -> relu }\n"
    mended = example.replace("conv(4, 3)", "conv(4, 3, bias = false)")

    layer: str
    norm: str
    where: Span
    edits: Fix | None

    def headline(self) -> str:
        return f"the bias of this `{self.layer}` has no effect: `{self.norm}` subtracts it"

    def notes(self) -> tuple[Note, ...]:
        return noted(self.where, "the mean of each channel goes here", self.span)

    def help(self) -> str | None:
        return f"write `{self.layer}(..., bias = false)`"

    def fix(self) -> Fix | None:
        return self.edits

    @classmethod
    def of_graph(cls, scene: Scene) -> Iterator[Lint]:
        for place in scene.places(*NORMS):
            before = behind(place, ("identity",))
            if before is None or before.op.name not in LINEAR or not before.is_read_once():
                continue
            if getattr(before.op, "bias", False) and before.span.file:
                fix = scene.with_setting(before.span, "bias = false")
                yield cls(before.span, before.op.name, place.op.name, place.span, fix)
