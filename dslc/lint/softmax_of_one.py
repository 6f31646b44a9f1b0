"""A softmax over a single number."""

from collections.abc import Iterator

from dslc.lint.base import Lint, Scene, lint


@lint
class SoftmaxOfOne(Lint):
    """The softmax of one number is 1, whatever the number: nothing can be learnt through it. Two classes need two logits,
    or one logit and a sigmoid.

    Reference: Goodfellow, Bengio and Courville, Deep Learning, 2016, sections 6.2.2.2 and 6.2.2.3.
    """

    code = "W0212"
    example = "net 1\nmodel m { input x: [batch, 4]  output p = x -> dense(1) -> softmax }\n"
    mended = "net 1\nmodel m { input x: [batch, 4]  output p = x -> dense(1) -> sigmoid }\n"

    what: str
    axis: int

    def headline(self) -> str:
        return f"`{self.what}` over an axis of size 1 is the same for every input"

    def label(self) -> str:
        return f"axis {self.axis} has size 1"

    def help(self) -> str | None:
        if self.what == "cross_entropy":
            return "for two classes use two logits, or one logit and `binary_cross_entropy`"
        return "for a single probability use `sigmoid`; else choose another `axis`"

    @classmethod
    def of_graph(cls, scene: Scene) -> Iterator[Lint]:
        for place in scene.places("softmax", "log_softmax", "cross_entropy"):
            ref = place.node.inputs[0]
            if ref is None:
                continue
            shape = place.view.graph.type(ref).shape
            axis = getattr(place.op, "axis", -1)
            if isinstance(axis, int) and shape and shape[axis] == 1 and place.span.file:
                yield cls(place.span, place.op.name, axis % len(shape))
