"""Whole random graphs: of nodes and regions, of the samples of passes, and of files of the language."""

import random
from functools import cache

from drawing import LARGEST, Drawer, with_loss
from handmade import Net
from idioms import IDIOMS, samples
from models import model_file
from regions import enclosed, frozen, inlined, repeat

from dslc import compiler
from dslc.bind import Unfit, bind, free
from dslc.errors.base import Failed
from dslc.graph import Graph
from dslc.ops.base import OPS, Mismatch
from dslc.ops.base import Sample as Example
from dslc.source import Source
from dslc.types import Type
from dslc.verify import Broken, verify

PALETTES = ((1, 2, 3), (2, 3, 4), (1, 3, 5), (2, 3, 7), (1, 2, 4))
"""Sizes of the graphs of a time: what an op does for some shapes is worked out once."""
DEEPEST = 2


def random_graph(seed: int) -> Graph:
    """A graph with a scalar `loss`, the same for the same seed."""
    draw = random.Random(seed)
    drawer = Drawer(draw, Net("fuzz"), PALETTES[(seed // 4000) % len(PALETTES)])
    drawer.input(Type(tuple(drawer.size() for _ in range(draw.randint(1, 3)))))
    start = draw.random()
    if start < 0.2:
        _splice(drawer, _of_a_file(draw, drawer.size()))
    fill(drawer, draw.randint(2, 8))
    return with_loss(drawer.net.graph(**{str(place): ref for place, ref in enumerate(_results(drawer))}))


def _results(drawer: Drawer) -> list:
    """What nothing reads, and perhaps something that is read as well."""
    graph = drawer.net.builder.graph()
    open_ = [ref for ref in drawer.pool if ref not in graph.uses and graph.nodes[ref.node].op.name != "input"]
    found = open_[-4:] or drawer.pool[-1:]
    if drawer.chance(0.3):
        found.append(drawer.draw.choice(drawer.pool))
    return found


def fill(drawer: Drawer, steps: int) -> None:
    """Some steps of any kind; what does not fit is left out."""
    for _ in range(steps):
        kind = drawer.draw.random()
        try:
            if kind < 0.4:
                drawer.any_op()
            elif kind < 0.75:
                drawer.draw.choice(IDIOMS)(drawer)
            elif kind < 0.87 and drawer.depth < DEEPEST:
                (enclosed if drawer.chance(0.25) else repeat)(drawer, fill)
            elif kind < 0.96 and not drawer.depth:
                _splice(drawer, drawer.draw.choice(samples()))
            elif kind > 0.98 and drawer.around is None:
                frozen(drawer)
        except Mismatch:
            continue


def _splice(drawer: Drawer, graph: Graph | None) -> None:
    """Put a whole graph in, its open sizes as the others are."""
    if graph is None:
        return
    try:
        graph = verify(bind(graph, {name: drawer.size() for name in free(graph)}))
    except (Unfit, Broken, Mismatch):
        return
    if all(type.size <= LARGEST for node in graph for type in node.types):  # type: ignore[operator]
        inlined(drawer, graph)


@cache
def _combinations() -> tuple[Example, ...]:
    return tuple(
        sample for op in OPS if op.family == "combinator" for sample in op.samples if isinstance(sample, Example)
    )


def _of_a_file(draw: random.Random, units: int) -> Graph | None:
    """A model of the language."""
    if draw.random() < 0.5:
        text, model = model_file(draw), "m0"
    else:
        samples = [draw.choice(_combinations()).text for _ in range(draw.randint(1, 3))]
        stages = " -> ".join(
            f"dense({units + 1}) -> {text}" for text in samples if "critic" not in text and "encoder" not in text
        )
        text, model = (
            f"net 1\nmodel s {{\n input x: [batch, {units}, {units}]\n output y = x -> {stages or 'relu'}\n}}\n",
            "s",
        )
    try:
        return compiler.graph(Source("fuzz.net", text), compiler.Options(model=model))
    except Failed:
        return None
