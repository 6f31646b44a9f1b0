"""A dropout that leaves almost nothing."""

from collections.abc import Iterator

from dslc.lint.base import Lint, Scene, lint


@lint
class HeavyDropout(Lint):
    """`rate` is the part that is dropped. With nine tenths gone hardly a signal is left; usually the part to keep was meant.

    Reference: Srivastava et al., 2014, Dropout, section 7.3 (a part of 0.5 to 0.8 is kept in hidden layers).
    """

    code = "W0217"
    example = "net 1\nmodel m { input x: [batch, 4]  output y = x -> dense(8) -> relu -> dropout(0.9) -> dense(3) }\n"
    mended = "net 1\nmodel m { input x: [batch, 4]  output y = x -> dense(8) -> relu -> dropout(0.1) -> dense(3) }\n"

    layer: str
    rate: float

    def headline(self) -> str:
        return f"`{self.layer}` drops {self.rate:.0%} of what is piped in"

    def help(self) -> str | None:
        return f"`rate` is what is dropped, not what is kept: was `{round(1 - self.rate, 6):g}` meant?"

    @classmethod
    def of_graph(cls, scene: Scene) -> Iterator[Lint]:
        for place in scene.places("dropout", "drop_path"):
            if isinstance(place.op.rate, float) and place.op.rate >= 0.9 and place.span.file:
                yield cls(place.span, place.op.name, place.op.rate)
