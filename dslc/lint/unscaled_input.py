"""Pictures with values up to 255."""

from collections.abc import Iterator

from dslc.lint.base import Lint, Scene, lint

LARGEST = 100.0
NORMS = ("batch_norm", "layer_norm", "rms_norm", "group_norm", "instance_norm", "l2_normalize")


@lint
class UnscaledInput(Lint):
    """Inputs far from zero mean and unit variance make the loss steep in some directions and flat in others, and saturate the
    first activations: learning is slow, or diverges with the usual learning rates.

    Reference: LeCun, Bottou, Orr and Müller, Efficient BackProp, 1998, section 4.3.
    """

    code = "W0215"
    example = (
        "net 1\nmodel m { input image: [batch, 28, 28, 1]  output logits = image -> flatten -> dense(10) }\n"
        "train m { data = mnist()  loss = (logits, label) -> cross_entropy }\n"
    )
    mended = example.replace("mnist()", "mnist() -> normalize")

    field: str
    low: float
    high: float

    def headline(self) -> str:
        return f"`{self.field}` goes into the model with values from {self.low:g} to {self.high:g}"

    def help(self) -> str | None:
        return "bring it to a small range: `-> normalize`, or `-> scale(0, 1)`"

    @classmethod
    def of_graph(cls, scene: Scene) -> Iterator[Lint]:
        plan, schema = scene.plan, scene.schema
        if plan is None or schema is None:
            return
        for field, (low, high) in schema.ranges.items():
            if max(abs(low), abs(high)) < LARGEST or field not in scene.view.graph.nodes:
                continue
            readers = {
                place.op.name
                for place in scene.view.places()
                if any(before.node.name == field for before in place.before())
            }
            if readers and not readers & {*NORMS, "divide", "subtract", "multiply", "cast"}:
                yield cls(plan.spans.get("data", plan.span), field, low, high)
