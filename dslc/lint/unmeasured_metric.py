"""Metrics without rows to measure them on."""

from collections.abc import Iterator

from dslc.lint.base import Lint, Scene, lint


@lint
class UnmeasuredMetric(Lint):
    """Metrics are measured on the parts of the data that are held out of training: without one they are never measured. A loss that
    falls on the rows it is made small on does not show whether the model has learnt or remembers.

    Reference: Hastie, Tibshirani and Friedman, The Elements of Statistical Learning, 2009, section 7.2.
    """

    code = "W0221"
    example = (
        "net 1\nmodel m { input features: [batch, 4]  output logits = features -> dense(3) }\n"
        "train m { data = iris() -> standardize  loss = (logits, label) -> cross_entropy  metrics = [accuracy] }\n"
    )
    mended = example.replace("iris()", "iris() -> split(0.8, 0.2)")

    metrics: tuple[str, ...]

    def headline(self) -> str:
        names = ", ".join(f"`{name}`" for name in self.metrics)
        return f"{names}: never measured, as the data has no part that is held out"

    def help(self) -> str | None:
        return "hold some of the rows out: `-> split(0.8, 0.2)`"

    @classmethod
    def of_graph(cls, scene: Scene) -> Iterator[Lint]:
        plan, schema = scene.plan, scene.schema
        if plan is None or schema is None or not plan.metrics:
            return
        # Of data that is not read yet the parts are a guess; `dslc train` says it then.
        if {*schema.rows} == {"train"} and schema.rows["train"] is not None:
            yield cls(plan.spans.get("metrics", plan.span), tuple(plan.metrics))
