"""A weight that training never changes."""

from collections.abc import Iterator

from dslc.errors.base import Note
from dslc.graph import Ref
from dslc.lint.base import Lint, Scene, lint, noted
from dslc.source import Span


@lint
class UntrainedWeight(Lint):
    """No loss depends on this weight, or no step updates it: it keeps its random first value. Where that is wanted,
    `frozen { ... }` says so.

    Reference: Goodfellow, Bengio and Courville, Deep Learning, 2016, section 8.3 (an update follows the gradient of the loss).
    """

    code = "W0208"
    example = (
        "net 1\nmodel m {\n  input features: [batch, 4]\n  h = features -> dense(8) -> relu\n  output logits = h -> dense(3)\n"
        "  output spare = h -> dense(2)\n}\ntrain m { data = iris()  loss = (logits, label) -> cross_entropy }\n"
    )
    mended = example.replace("  output spare = h -> dense(2)\n", "")

    weights: tuple[str, ...]
    train: Span

    def headline(self) -> str:
        shown = ", ".join(f"`{name}`" for name in self.weights[:2])
        more = f" and {len(self.weights) - 2} more" if len(self.weights) > 2 else ""
        return f"training never changes {shown}{more}"

    def notes(self) -> tuple[Note, ...]:
        return noted(self.train, "no loss and no step here reaches it", self.span)

    def help(self) -> str | None:
        return "let a loss depend on it, take it out, or write `frozen { ... }` around it"

    @classmethod
    def of_graph(cls, scene: Scene) -> Iterator[Lint]:
        plan = scene.plan
        if plan is None:
            return
        reached: set[str] = set()
        for update in plan.updates:
            reached |= _reached(scene, update.loss) & (set(update.weights) or _all(scene))
        found: dict[Span, list[str]] = {}
        own = scene.model.sources("parameter") if scene.model else []
        for node in (*scene.view.graph.sources("parameter"), *own):
            op: object = node.op
            if node.name not in reached and not getattr(op, "frozen", False) and not _copy(node.name):
                found.setdefault(node.span, []).append(node.name)
        for span, names in found.items():
            if span.file:
                yield cls(span, tuple(dict.fromkeys(names)), plan.span)


def _all(scene: Scene) -> set[str]:
    return {node.name for node in scene.view.graph.sources("parameter")}


def _copy(name: str) -> bool:
    """Whether a weight follows others and is not trained itself."""
    return name.startswith(("snapshot", "average")) or ".snapshot" in name or ".average" in name


def _reached(scene: Scene, output: str) -> set[str]:
    """Everything that an output depends on by its gradient."""
    graph = scene.view.graph
    seen: set[str] = set()
    open_: list[Ref] = [graph.outputs[output]] if output in graph.outputs else []
    while open_:
        node = graph.nodes[open_.pop().node]
        if node.name in seen or node.op.stops_gradient:
            continue
        seen.add(node.name)
        open_ += node.references()
    return seen
