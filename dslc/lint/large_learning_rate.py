"""A learning rate above one."""

from collections.abc import Iterator

from dslc.lint.base import Lint, Scene, lint

RELATIVE = ("adafactor",)


@lint
class LargeLearningRate(Lint):
    """A step that long overshoots: with standardized inputs a learning rate is below 1 and above a millionth, and with
    optimizers such as adam, whose steps are about as long as the rate, far below.

    Reference: Bengio, 2012, arXiv:1206.5533, section 3.1.1; Kingma and Ba, 2015, arXiv:1412.6980, section 2.1.
    """

    code = "W0216"
    example = (
        "net 1\nmodel m { input features: [batch, 4]  output logits = features -> dense(3) }\n"
        "train m { data = iris()  loss = (logits, label) -> cross_entropy  optimizer = adam(lr = 3) }\n"
    )
    mended = example.replace("lr = 3", "lr = 3e-3")

    optimizer: str
    rate: float

    def headline(self) -> str:
        return f"a learning rate of {self.rate:g} overshoots with `{self.optimizer}`"

    def help(self) -> str | None:
        return f"start near {'0.1' if self.optimizer == 'sgd' else '1e-3'}"

    @classmethod
    def of_graph(cls, scene: Scene) -> Iterator[Lint]:
        for update in scene.plan.updates if scene.plan else ():
            rate = getattr(update.optimizer, "lr", None)
            rate = getattr(rate, "lr", rate)  # the highest rate of a schedule
            if isinstance(rate, int | float) and rate >= 1 and update.optimizer.name not in RELATIVE:
                span = update.spans.get("optimizer") or scene.plan.spans.get("optimizer")  # pyright: ignore[reportOptionalMemberAccess]
                if span is not None:
                    yield cls(span, update.optimizer.name, float(rate))
