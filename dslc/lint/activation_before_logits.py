"""An activation in front of a loss that has it inside."""

from collections.abc import Iterator

from dslc.errors.base import Fix, Note
from dslc.lint.base import Lint, Scene, behind, lint, noted
from dslc.source import Span

INSIDE = ("softmax", "log_softmax", "sigmoid", "hard_sigmoid")


@lint
class ActivationBeforeLogits(Lint):
    """The loss takes logits and has the softmax or sigmoid inside. A second one squeezes the logits into 0 to 1: the loss
    cannot become small, and its gradient nearly vanishes.

    Reference: Goodfellow, Bengio and Courville, Deep Learning, 2016, section 6.2.2.
    """

    code = "W0202"
    example = (
        "net 1\nmodel m { input features: [batch, 4]  output probabilities = features -> dense(3) -> softmax }\n"
        "train m { data = iris()  loss = (probabilities, label) -> cross_entropy }\n"
    )
    mended = example.replace(" -> softmax", "").replace("probabilities", "logits")

    activation: str
    loss: str
    where: Span
    edits: Fix | None

    def headline(self) -> str:
        return f"`{self.loss}` takes logits, and gets what `{self.activation}` gives"

    def notes(self) -> tuple[Note, ...]:
        return noted(self.where, f"`{self.loss}` has its own", self.span)

    def help(self) -> str | None:
        return f"take `-> {self.activation}` out of the way to the loss; apply it where probabilities are needed"

    def fix(self) -> Fix | None:
        return self.edits

    @classmethod
    def of_graph(cls, scene: Scene) -> Iterator[Lint]:
        for place in scene.places():
            if getattr(place.op, "takes", "") != "logits":
                continue
            before = behind(place)
            if before is not None and before.op.name in INSIDE:
                fix = scene.without(before.span) if before.is_read_once() else None
                yield cls(before.span, before.op.name, place.op.name, place.span, fix)
