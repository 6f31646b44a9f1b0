"""A penalty on squares, with an optimizer that rescales its gradient."""

from collections.abc import Iterator

from dslc.lint.base import Lint, Scene, lint

RESCALING = ("adam", "rmsprop", "adagrad")


@lint
class CoupledDecay(Lint):
    """`l2` adds its gradient to that of the loss, and these optimizers divide the sum by its size: weights with large
    gradients are hardly decayed. Decay beside the gradient treats all weights alike.

    Reference: Loshchilov and Hutter, 2019, arXiv:1711.05101.
    """

    code = "W0218"
    example = (
        "net 1\nmodel m { input features: [batch, 4]  output logits = features -> dense(3) }\n"
        "train m { data = iris()  loss = (logits, label) -> cross_entropy  optimizer = adam(1e-3)  l2 = 1e-4 }\n"
    )
    mended = example.replace("adam(1e-3)  l2 = 1e-4", "adamw(1e-3, decay = 1e-2)")

    optimizer: str

    def headline(self) -> str:
        return f"`l2` with `{self.optimizer}` hardly decays the weights with large gradients"

    def help(self) -> str | None:
        return "use `optimizer = adamw(..., decay = ...)`, and no `l2`"

    @classmethod
    def of_graph(cls, scene: Scene) -> Iterator[Lint]:
        for update in scene.plan.updates if scene.plan else ():
            span = update.spans.get("l2") or (scene.plan.spans.get("l2") if scene.plan else None)
            if update.l2 > 0 and update.optimizer.name in RESCALING and span is not None:
                yield cls(span, update.optimizer.name)
