"""Two linear layers in a row."""

from collections.abc import Iterator

from dslc.dims import less
from dslc.errors.base import Note
from dslc.lint.base import Lint, Place, Scene, lint, noted, sources
from dslc.source import Span

SEE_THROUGH = ("identity", "dropout", "gaussian_noise")


@lint
class LinearTwice(Lint):
    """A linear function of a linear function is linear: two such layers with nothing between them are one, with more weights
    to store. A narrow layer between two wide ones is left alone: it bounds the rank, which may be what is wanted.

    Reference: Goodfellow, Bengio and Courville, Deep Learning, 2016, section 6.1.
    """

    code = "W0201"
    example = "net 1\nmodel m { input x: [batch, 4]  output y = x -> dense(64) -> dense(3) }\n"
    mended = "net 1\nmodel m { input x: [batch, 4]  output y = x -> dense(64) -> relu -> dense(3) }\n"

    layer: str
    first: Span

    def headline(self) -> str:
        return f"two `{self.layer}` layers with nothing between them are one linear layer"

    def label(self) -> str:
        return "linear in what the first one gives"

    def notes(self) -> tuple[Note, ...]:
        return noted(self.first, "the first one", self.span)

    def help(self) -> str | None:
        return "put an activation between them, such as `-> relu`, or leave one out"

    @classmethod
    def of_graph(cls, scene: Scene) -> Iterator[Lint]:
        for place in scene.places("dense", "conv"):
            for first in sources(place, SEE_THROUGH):
                same = first.op.name == place.op.name and first.is_read_once() and first.span.file
                if same and not _is_bottleneck(first, place) and not _shapes_a_window(first, place):
                    yield cls(place.span, place.op.name, first.span)


def _is_bottleneck(first: Place, second: Place) -> bool:
    """Whether the width between the two bounds the rank: it is narrower than what comes in and what goes out."""
    before = first.view.graph.type(first.node.inputs[0]) if first.node.inputs[0] else None
    inner, outer = first.node.type.shape[-1], second.node.type.shape[-1]
    if before is None or not all(isinstance(size, int) for size in (before.shape[-1], inner, outer)):
        return True
    return less(inner, before.shape[-1]) is True and less(inner, outer) is True


def _shapes_a_window(first: Place, second: Place) -> bool:
    """Whether two convolutions are a factored one: a different stride, group or window of each."""
    if first.op.name != "conv":
        return False
    return any(op.groups != 1 or op.stride not in (1, (1, 1), (1,)) for op in (first.op, second.op)) or (
        first.op.kernel != second.op.kernel
    )
