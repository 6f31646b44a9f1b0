"""Many saturating activations in a row."""

from collections.abc import Iterator

from dslc.lint.base import LINEAR, SATURATING, THROUGH, Lint, Place, Scene, lint

DEEP = {"sigmoid": 4, "hard_sigmoid": 4}
"""So many layers are too many: four of sigmoids do not train (Glorot and Bengio), where tanh stands some more."""
DEEP_ELSE = 8


@lint
class SaturatingStack(Lint):
    """The slope of a sigmoid is at most 1/4 and that of tanh at most 1, and much less where they saturate: through a stack of
    them, without a skip or a norm to carry it, the gradient vanishes before it reaches the first layers.

    Reference: Bengio, Simard and Frasconi, 1994; Glorot and Bengio, 2010.
    """

    code = "W0204"
    example = "net 1\nmodel m { input x: [batch, 8]  output y = x -> repeat 6 { dense(8) -> sigmoid } -> dense(3) }\n"
    mended = example.replace("sigmoid", "relu")

    activation: str
    depth: int

    def headline(self) -> str:
        return f"{self.depth} layers with `{self.activation}` in a row: their gradients vanish"

    def label(self) -> str:
        return "the last of them"

    def help(self) -> str | None:
        return "use `relu` or `gelu`, or put a norm or a skip (`residual { ... }`) between"

    @classmethod
    def of_graph(cls, scene: Scene) -> Iterator[Lint]:
        for place in scene.places(*SATURATING):
            if _follows(place):
                continue
            depth = _depth(place)
            if depth >= DEEP.get(place.op.name, DEEP_ELSE) and place.span.file:
                yield cls(place.span, place.op.name, depth)


def _follows(start: Place) -> bool:
    """Whether another layer of the stack comes; the first of the next iteration does not count."""
    order = start.view.order
    seen: set[int] = set()
    open_ = start.after()
    while open_:
        here = open_.pop()
        again = here.view is start.view and order[here.node.name] <= order[start.node.name]
        if id(here.node) in seen or again:
            continue
        seen.add(id(here.node))
        if here.op.name in SATURATING:
            return True
        if here.op.name in (*LINEAR, *THROUGH):
            open_ += here.after()
    return False


def _depth(place: Place) -> int:
    """Saturating layers on the way back to the first merge, norm or input; those of a closed loop count as often as it runs."""
    found: dict[int, Place] = {}
    closed: set[int] = set()
    """Loops through which the way leads from one iteration to the next."""
    open_ = [place]
    while open_:
        here = open_.pop()
        if here.op.name not in (*SATURATING, *LINEAR, *THROUGH):
            continue
        if id(here.node) in found:
            closed.add(id(here.view.graph))
            continue
        found[id(here.node)] = here
        open_ += here.before()
    return sum(_times(here, closed) for here in found.values() if here.op.name in SATURATING)


def _times(place: Place, closed: set[int]) -> int:
    times = place.view.times
    return times if id(place.view.graph) in closed and isinstance(times, int) else 1
