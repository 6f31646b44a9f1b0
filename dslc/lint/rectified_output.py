"""A rectifier in front of a loss."""

from collections.abc import Iterator

from dslc.errors.base import Fix, Note
from dslc.lint.base import Lint, Scene, behind, lint, noted
from dslc.source import Span

RECTIFIERS = ("relu", "relu6")
REGRESSION = ("squared_error", "absolute_error", "huber")


@lint
class RectifiedOutput(Lint):
    """A rectifier cannot give what is below zero: negative targets or logits are out of reach, and where it gives zero its
    gradient is zero as well, so that such an output stays dead. Output units for numbers and for logits are linear.

    Reference: Goodfellow, Bengio and Courville, Deep Learning, 2016, sections 6.2.2.1 and 6.3.1.
    """

    code = "W0210"
    example = (
        "net 1\nmodel m { input features: [batch, 10]  output guess = features -> dense(1) -> relu -> squeeze }\n"
        "train m { data = diabetes() -> normalize  loss = (guess, target) -> squared_error }\n"
    )
    mended = example.replace(" -> relu", "")

    activation: str
    loss: str
    where: Span
    edits: Fix | None

    def headline(self) -> str:
        return f"`{self.activation}` before `{self.loss}`: the output cannot go below zero"

    def notes(self) -> tuple[Note, ...]:
        return noted(self.where, "the loss", self.span)

    def help(self) -> str | None:
        return f"end the model in a linear layer: take `-> {self.activation}` out; for positive targets use `softplus`"

    def fix(self) -> Fix | None:
        return self.edits

    @classmethod
    def of_graph(cls, scene: Scene) -> Iterator[Lint]:
        for place in scene.places():
            if place.op.name not in REGRESSION and getattr(place.op, "takes", "") != "logits":
                continue
            before = behind(place)
            if before is not None and before.op.name in RECTIFIERS and before.span.file:
                fix = scene.without(before.span) if before.is_read_once() else None
                yield cls(before.span, before.op.name, place.op.name, place.span, fix)
