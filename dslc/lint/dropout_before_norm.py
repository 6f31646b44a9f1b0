"""Dropout in front of batch norm."""

from collections.abc import Iterator

from dslc.errors.base import Note
from dslc.lint.base import LINEAR, THROUGH, Lint, Place, Scene, lint, noted
from dslc.source import Span

PASSED = (
    *LINEAR,
    *(name for name in THROUGH if name != "dropout"),
    "relu",
    "gelu",
    "silu",
    "leaky_relu",
    "elu",
    "max_pool",
    "avg_pool",
)


@lint
class DropoutBeforeNorm(Lint):
    """Dropout changes the variance in training and not afterwards, so that the variance that batch norm has collected in
    training is wrong when the model is used.

    Reference: Li, Chen, Hu and Yang, 2018, arXiv:1801.05134.
    """

    code = "W0209"
    example = "net 1\nmodel m { input x: [batch, 8]  output y = x -> dropout(0.5) -> dense(8, bias = false) -> batch_norm -> relu }\n"
    mended = "net 1\nmodel m { input x: [batch, 8]  output y = x -> dense(8, bias = false) -> batch_norm -> relu -> dropout(0.5) }\n"

    norm: Span

    def headline(self) -> str:
        return "dropout before `batch_norm` shifts the variance that the norm has learnt"

    def notes(self) -> tuple[Note, ...]:
        return noted(self.norm, "the norm collects its statistics here", self.span)

    def help(self) -> str | None:
        return "put the dropout behind the last `batch_norm`, or leave it out: batch norm regularizes, too"

    @classmethod
    def of_graph(cls, scene: Scene) -> Iterator[Lint]:
        for place in scene.places("dropout"):
            norm = _norm_behind(place) if place.op.rate > 0 else None
            if norm is not None and place.span.file:
                yield cls(place.span, norm.span)


def _norm_behind(place: Place) -> Place | None:
    """The batch norm that follows, with layers of one input between."""
    seen: set[int] = set()
    open_ = place.after()
    while open_:
        here = open_.pop()
        if here.op.name == "batch_norm":
            return here
        if here.op.name in PASSED and id(here.node) not in seen:
            seen.add(id(here.node))
            open_ += here.after()
    return None
