"""What is drawn of a graph: items that hold one another, and the arrows between them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from dslc.differentiate import gradient_name
from dslc.graph import Graph, Node
from dslc.source import Source
from dslc.verify import bodies
from dslc.view.arrows import OUTPUT, Arrow, Name, arrows
from dslc.view.boxes import Box, Place, Tree, names_in, nested
from dslc.view.facts import Section, direct_weights, holding, of_node, origin, place_of, trained
from dslc.view.parts import Level
from dslc.view.wording import (
    DERIVATIVE,
    count_text,
    headline,
    is_gradient,
    is_usual,
    meant,
    rounded,
    short,
    tail,
    written,
)


@dataclass(frozen=True)
class Item:
    """Something drawn: a layer, an input, an output, or a box that opens and closes; `parent` is the box it is in."""

    kind: str
    parent: int
    title: str
    subtitle: str = ""
    note: str = ""
    """What an open box says about itself, beside its title."""
    path: str = ""
    op: str = ""
    family: str = ""
    about: str = ""
    backward: bool = False
    count: int | str = 1
    """How often a box runs; the name of the size where the data decides it."""
    sections: tuple[Section, ...] = ()
    place: str = ""
    code: str = ""


@dataclass(frozen=True)
class Scene:
    """Boxes stand before what they hold."""

    items: tuple[Item, ...]
    arrows: tuple[Arrow, ...]
    summary: str
    about: Mapping[str, str]
    """One sentence for each op that is drawn."""


@dataclass
class Sums:
    """How much a box holds; weights by name, so that a shared one counts once."""

    layers: int = 0
    outputs: int = 0
    weights: dict[str, int] = field(default_factory=dict[str, int])

    def add(self, other: "Sums") -> None:
        self.layers += other.layers
        self.outputs += other.outputs
        self.weights |= other.weights

    def text(self) -> str:
        is_work, weights = self.layers or not self.outputs, sum(self.weights.values())
        things = count_text(self.layers, "layer") if is_work else count_text(self.outputs, "output")
        return f"{things} · {rounded(weights)} weights" if weights else things


def scene(graph: Graph, sources: Mapping[str, Source] | None = None) -> Scene:
    """All that can be seen of a graph when every box is open."""
    pen = _Pen(sources or {})
    level = Level(graph)
    sums = pen.row(nested(level.parts, level.reads), level, -1)
    return Scene(tuple(pen.items), arrows(graph, pen.numbers), sums.text(), pen.about)


@dataclass
class _Pen:
    """Draws one item after the other."""

    sources: Mapping[str, Source]
    items: list[Item] = field(default_factory=list[Item])
    numbers: dict[Name, int] = field(default_factory=dict[Name, int])
    about: dict[str, str] = field(default_factory=dict[str, str])

    def row(self, trees: tuple[Tree, ...], level: Level, parent: int) -> Sums:
        sums = Sums()
        for tree in trees:
            sums.add(self.tree(tree, level, parent))
        return sums

    def tree(self, tree: Tree, level: Level, parent: int) -> Sums:
        if isinstance(tree, Box):
            return self.box(tree, level, parent)
        node = level.graph.nodes.get(tree.name)
        if node is None:
            return self.output(tree.name.removeprefix(OUTPUT), level, parent)
        self.numbers[(*level.scope, node.name)] = len(self.items)
        if bodies(node.op):
            return self.region(node, level, parent)
        self.items.append(self.layer(node, level, parent))
        layers = 0 if node.op.name == "input" else level.times
        return Sums(layers, 0, trained([node], level.graph, level.times))

    def box(self, box: Box, level: Level, parent: int) -> Sums:
        item = self.run(box, level, parent) if box.place is None else self.block(box.place, parent)
        return self.fill(item, [(box.inside, level)])

    def fill(self, item: Item, rows: Iterable[tuple[tuple[Tree, ...], Level]]) -> Sums:
        """Draw a box and what it holds, then say how much that is."""
        number, sums = len(self.items), Sums()
        self.items.append(item)
        for trees, level in rows:
            sums.add(self.row(trees, level, number))
        subtitle = " · ".join(filter(None, (item.note, sums.text())))
        sections = (holding(sums.layers, sum(sums.weights.values())), *item.sections)
        self.items[number] = replace(item, subtitle=subtitle, sections=sections)
        return sums

    def block(self, place: Place, parent: int) -> Item:
        use = f"use {place.use}" if place.use else ""
        title = self.title(place.path, parent, place.backward)
        return Item("box", parent, title, note=use, path=place.path, backward=place.backward)

    def run(self, box: Box, level: Level, parent: int) -> Item:
        """Neighbours that stand together only to keep the page small."""
        names, nodes = list(names_in(box)), level.graph.nodes
        paths = (nodes[name].path if name in nodes else name.removeprefix(OUTPUT) for name in (names[0], names[-1]))
        return Item("box", parent, " … ".join(dict.fromkeys(short(self.title(path, parent), 24) for path in paths)))

    def region(self, node: Node, level: Level, parent: int) -> Sums:
        found = getattr(node.op, "count", 1)
        count = found if isinstance(found, int) else str(found)
        title, note = self.title(node.path, parent, node.name in level.backward), "" if count != 1 else node.op.name
        item = replace(self.layer(node, level, parent), kind="box", title=title, note=note, count=count)
        return self.fill(item, [self.inside(level.within(node, body)) for body in bodies(node.op).values()])

    def inside(self, level: Level) -> tuple[tuple[Tree, ...], Level]:
        """What a region holds; a box that is all of it is not drawn again."""
        trees = nested(level.parts, level.reads)
        only = trees[0] if len(trees) == 1 else None
        return only.inside if isinstance(only, Box) else trees, level

    def layer(self, node: Node, level: Level, parent: int) -> Item:
        op, kind = meant(node.op)[0], "input" if node.op.name == "input" else "layer"
        title, subtitle = self.words(node, level, parent) if kind == "layer" else (node.name, "")
        item = Item(kind, parent, short(title), short(subtitle), path=node.path)
        if kind == "layer":
            self.about[op.name] = op.summary()
            item = replace(item, op=written(node.op), family=op.family, about=op.name)
        place, code = place_of(node, self.sources)
        sections = tuple(of_node(node, level.graph, level.times))
        return replace(item, sections=sections, place=place, code=code, backward=node.name in level.backward)

    def words(self, node: Node, level: Level, parent: int) -> tuple[str, str]:
        """The two lines of a layer: its name and its op, or the op and the weights that it reads by name."""
        name, op = self.title(node.path, parent), headline(node.op)
        usual = is_usual(name, meant(node.op)[0])
        lines = (op, ", ".join(direct_weights(node, level.graph))) if usual else (name, op)
        backward = is_gradient(node.op) or (node.name in level.backward and not usual)
        return (f"{DERIVATIVE} {lines[0]}", lines[1]) if backward else lines

    def output(self, name: str, level: Level, parent: int) -> Sums:
        ref = level.graph.outputs[name]
        self.numbers[(OUTPUT + name,)] = len(self.items)
        rows = ((name, str(level.graph.type(ref)), origin(level.graph.nodes[ref.node])),)
        title = name.replace(gradient_name(""), f"{DERIVATIVE} ", 1)
        item = Item("output", parent, short(title), path=name, backward=ref.node in level.backward)
        self.items.append(replace(item, sections=(Section("Output", rows),)))
        return Sums(outputs=1)

    def title(self, path: str, parent: int, backward: bool = False) -> str:
        """The part of a path that its box does not say."""
        while parent >= 0 and not self.items[parent].path:
            parent = self.items[parent].parent
        rest = tail(path, self.items[parent].path if parent >= 0 else "")
        return f"{DERIVATIVE} {rest}" if backward else rest
