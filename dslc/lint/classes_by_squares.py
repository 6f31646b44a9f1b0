"""Squared error for classes."""

from collections.abc import Iterator

from dslc.errors.base import Note
from dslc.lint.base import Lint, Scene, behind, lint, noted
from dslc.source import Span


@lint
class ClassesBySquares(Lint):
    """The gradient of a squared error through a sigmoid or softmax vanishes just where the answer is confidently wrong.
    Cross entropy undoes the exponential, and learns fastest there.

    Reference: Goodfellow, Bengio and Courville, Deep Learning, 2016, section 6.2.2.2; Nielsen, 2015, chapter 3.
    """

    code = "W0211"
    example = (
        "net 1\nmodel m { input features: [batch, 30]  output p = features -> dense(1) -> sigmoid -> squeeze }\n"
        "train m { data = breast_cancer() -> normalize  loss = (p, label) -> squared_error }\n"
    )
    mended = example.replace(" -> sigmoid", "").replace("squared_error", "binary_cross_entropy")

    activation: str
    where: Span

    def headline(self) -> str:
        return f"`squared_error` of classes behind `{self.activation}` learns slowly where it is most wrong"

    def notes(self) -> tuple[Note, ...]:
        return noted(self.where, "the loss", self.span)

    def help(self) -> str | None:
        loss = "binary_cross_entropy" if self.activation == "sigmoid" else "cross_entropy"
        return f"take the activation out and use `{loss}`, which has it inside"

    @classmethod
    def of_graph(cls, scene: Scene) -> Iterator[Lint]:
        for place in scene.places("squared_error", "absolute_error"):
            before, target = behind(place), place.before(1)
            if before is None or before.op.name not in ("sigmoid", "softmax") or len(target) != 1:
                continue
            type = target[0].node.type
            if not type.is_float or target[0].op.name == "one_hot":
                yield cls(before.span, before.op.name, place.span)
