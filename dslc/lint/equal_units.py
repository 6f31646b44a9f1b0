"""Hidden units that all start alike."""

from collections.abc import Iterator

from dslc.lint.base import Lint, Place, Scene, lint

CONSTANT = ("zeros", "ones", "constant")
BETWEEN = ("relu", "gelu", "silu", "tanh", "sigmoid", "leaky_relu", "elu", "dropout", "identity", "flatten")


@lint
class EqualUnits(Lint):
    """Units that start with equal weights get equal gradients and stay equal: a hidden layer of any width is one unit. Random
    first values break the symmetry.

    Reference: Goodfellow, Bengio and Courville, Deep Learning, 2016, section 8.4.
    """

    code = "W0219"
    example = "net 1\nmodel m { input x: [batch, 4]  output y = x -> dense(8, init = zeros) -> relu -> dense(3) }\n"
    mended = "net 1\nmodel m { input x: [batch, 4]  output y = x -> dense(8) -> relu -> dense(3) }\n"

    layer: str
    init: str

    def headline(self) -> str:
        return f"all units of this `{self.layer}` start equal, and stay so"

    def label(self) -> str:
        return f"`init = {self.init}`"

    def help(self) -> str | None:
        return "leave `init` out, or draw the first values: `init = normal(std = 0.02)`"

    @classmethod
    def of_graph(cls, scene: Scene) -> Iterator[Lint]:
        for place in scene.places("dense", "conv"):
            init = getattr(place.op, "init", None)
            if init is not None and init.name in CONSTANT and place.op.name and _is_hidden(place) and place.span.file:
                yield cls(place.span, place.op.name, init.name)


def _is_hidden(place: Place) -> bool:
    """Whether only activations are between it and the next layer with weights; a merge may be a skip that starts as one."""
    found = place.after()
    while len(found) == 1 and found[0].op.name in BETWEEN:
        found = found[0].after()
    return len(found) == 1 and found[0].op.name in ("dense", "conv")
