"""Batch norm with batches of one row."""

from collections.abc import Iterator

from dslc.errors.base import Note
from dslc.lint.base import Lint, Scene, lint, noted
from dslc.source import Span


@lint
class NormOfOneRow(Lint):
    """Batch norm learns the mean and variance of a batch. Of a single row of features the variance is zero, and of a single
    picture the statistics say nothing of the others.

    Reference: Ioffe, 2017, arXiv:1702.03275; Wu and He, 2018, arXiv:1803.08494 (errors by batch size).
    """

    code = "W0213"
    example = (
        "net 1\nmodel m { input features: [batch, 4]  output logits = features -> dense(8, bias = false) -> batch_norm -> relu -> dense(3) }\n"
        "train m { data = iris()  loss = (logits, label) -> cross_entropy  batch = 1 }\n"
    )
    mended = example.replace("batch = 1", "batch = 16")

    where: Span

    def headline(self) -> str:
        return "`batch_norm` learns its statistics from batches of a single row"

    def notes(self) -> tuple[Note, ...]:
        return noted(self.where, "the batch is set here", self.span)

    def help(self) -> str | None:
        return "use a larger `batch`, or a norm within each row: `layer_norm`, `group_norm`"

    @classmethod
    def of_graph(cls, scene: Scene) -> Iterator[Lint]:
        if scene.plan is None or scene.plan.batch != 1:
            return
        for place in scene.places("batch_norm"):
            if place.span.file:
                yield cls(place.span, scene.plan.spans.get("batch", scene.plan.span))
