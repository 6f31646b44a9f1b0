"""What is drawn of a graph: which items, in which boxes, with which arrows and facts."""

import pytest
import sketch
from nets import graph_of

from dslc.differentiate import differentiate
from dslc.graph import Graph, Node, Ref
from dslc.ops.base import OPS
from dslc.source import Source, Span
from dslc.view.scene import Item, Scene, scene

PLAIN = [sketch.perceptron(), sketch.residual_net(), sketch.u_net(), sketch.siamese(), sketch.chain(60)]


def joined(drawn: Scene) -> set[tuple[str, str]]:
    """Paths of the items that an arrow joins."""
    return {(drawn.items[arrow.item].path, drawn.items[arrow.to].path) for arrow in drawn.arrows}


def item(drawn: Scene, path: str, kind: str = "layer") -> Item:
    return next(each for each in drawn.items if each.path == path and each.kind == kind)


def rows(found: Item, title: str) -> dict[str, tuple[str, ...]]:
    return {row[0]: row[1:] for section in found.sections if section.title == title for row in section.rows}


@pytest.mark.parametrize("graph", PLAIN, ids=lambda graph: graph.name)
def test_every_tensor_that_a_layer_reads_has_an_arrow(graph: Graph) -> None:
    drawn = scene(graph)
    hidden = {node.name for kind in ("parameter", "state", "constant") for node in graph.sources(kind)}
    read = [(ref, node.name) for node in graph for ref in node.references() if ref.node not in hidden]
    read += [(ref, name) for name, ref in graph.outputs.items()]
    assert len(drawn.arrows) == len(set(read))
    wanted = {(graph.nodes[ref.node].path, graph.nodes[to].path if to in graph.nodes else to) for ref, to in read}
    assert joined(drawn) == wanted
    assert {arrow.type for arrow in drawn.arrows} == {str(graph.type(ref)) for ref, _ in read}


def test_weights_and_constants_are_not_drawn() -> None:
    drawn = scene(sketch.perceptron())
    assert [each.kind for each in drawn.items].count("layer") == 8
    assert not any("kernel" in each.path for each in drawn.items)


def test_arrows_go_through_the_border_of_a_region_to_the_layers_inside() -> None:
    drawn = scene(sketch.transformer())
    assert {to for start, to in joined(drawn) if start == "dropout"} >= {
        "blocks.*.ln_1",
        "blocks.*.transpose",
        "blocks.*.add",
    }
    assert ("mask", "blocks.*.masked") in joined(drawn)
    assert ("blocks.*.add_2", "ln_f") in joined(drawn)


def test_a_region_is_one_box_with_its_count() -> None:
    drawn = scene(sketch.transformer(1_000))
    box = item(drawn, "blocks", "box")
    assert box.count == 1_000
    assert len(drawn.items) == len(scene(sketch.transformer(2)).items)
    assert rows(box, "Holds")["layers"] == ("12,000",)


def test_what_leaves_a_body_as_it_came_is_drawn_in_it() -> None:
    body = sketch.Sketch("body")
    new, old = body.add("relu", body.input("new", "[4]")), body.input("old", "[4]")
    body.output("0", old)
    body.output("1", new)
    draw = sketch.Sketch("swap")
    region = draw.region(body.graph, 3, draw.input("a", "[4]"), draw.input("b", "[4]"), carried=2)
    draw.output("y", region)
    assert joined(scene(draw.graph)) == {("a", "relu"), ("b", "old"), ("old", "y")}


def test_each_use_of_a_shared_layer_has_its_own_box() -> None:
    drawn = scene(sketch.siamese())
    boxes = [each for each in drawn.items if each.kind == "box"]
    assert [box.subtitle.split(" · ")[0] for box in boxes] == ["use 1", "use 2"]
    assert "51.3 k weights" in drawn.summary
    weight = rows(item(drawn, "encoder.dense"), "Weights")["encoder.dense.kernel"]
    assert weight == ("[784, 64]", "50,176, shared with encoder.dense@2")


def test_weights_in_a_region_count_once_for_each_iteration() -> None:
    drawn = scene(sketch.transformer(12, 64))
    assert rows(item(drawn, "blocks.*.up"), "Weights")["blocks.*.up.kernel"] == (
        "[64, 256]",
        "16,384 \N{MULTIPLICATION SIGN} 12",
    )
    table, last = 1_000 * 64, 2 * 64
    block = 2 * 2 * 64 + (64 * 256 + 256) + (256 * 64 + 64)
    assert rows(item(drawn, "blocks", "box"), "Holds")["weights"] == (f"{12 * block:,}",)
    assert drawn.summary.endswith(f"{(table + last + 12 * block) / 1000:.0f} k weights")


def test_a_layer_shows_its_settings_its_shapes_and_its_line() -> None:
    source = Source("small.net", "net 1\nmodel small() {\n  output y = x -> dense(3, bias = false)\n}\n")
    start = source.text.index("dense")
    draw = sketch.Sketch("small")
    layer = draw.add(
        "dense", draw.input("x", "[batch, 2]"), units=3, bias=False, span=Span("small.net", start, start + 5)
    )
    draw.output("y", layer)
    found = item(scene(draw.graph, {source.name: source}), "dense")
    assert found.op == "dense(3, bias = false)"
    assert (found.place, found.code) == ("small.net:3", "output y = x -> dense(3, bias = false)")
    assert rows(found, "Settings")["units"] == ("3",)
    assert rows(found, "Settings")["bias_init"] == ("zeros", "default")
    assert rows(found, "Inputs") == {"x": ("[batch, 2]", "from x")}
    assert rows(found, "Outputs") == {"0": ("[batch, 3]",)}
    assert rows(found, "Weights") == {"dense.kernel": ("[2, 3]", "6")}


def test_gradients_stand_in_boxes_of_their_own() -> None:
    draw = sketch.Sketch("net")
    x = draw.input("x", "[batch, 2]")
    with draw.block("body"):
        y = draw.add("relu", draw.add("exp", x))
        loss = draw.add("sum", y)
        backward(draw, "relu", backward(draw, "sum", loss))
    draw.output("loss", loss)
    drawn = scene(draw.graph)
    assert [(box.title, box.backward) for box in drawn.items if box.kind == "box"] == [
        ("body", False),
        ("\N{PARTIAL DIFFERENTIAL} body", True),
    ]
    assert "\N{PARTIAL DIFFERENTIAL} relu" in {each.title for each in drawn.items}


def test_the_gradient_of_each_weight_is_an_output_beside_its_layer() -> None:
    draw = sketch.Sketch("net")
    with draw.block("body"):
        y = draw.add("relu", draw.add("dense", draw.input("x", "[batch, 2]"), units=3))
    draw.output("loss", draw.add("mean", y))
    drawn = scene(differentiate(draw.graph, "loss", ["body.dense.kernel", "body.dense.bias"]))
    ends = {
        each.path: drawn.items[each.parent].title for each in drawn.items if each.kind == "output" and each.backward
    }
    box = "\N{PARTIAL DIFFERENTIAL} body"
    assert ends == {"gradient of body.dense.kernel": box, "gradient of body.dense.bias": box}
    assert ("body.dense", "gradient of body.dense.kernel") in joined(drawn)


def test_many_outputs_of_one_node_stand_in_a_box_of_their_own() -> None:
    graph = sketch.transformer(3)
    draw = sketch.Sketch("net")
    draw.builder.nodes.update(graph.nodes)
    draw.output("loss", draw.add("mean", graph.outputs["logits"]))
    stacked = [node.name for node in graph.sources("parameter") if node.name.startswith("blocks.")]
    drawn = scene(differentiate(draw.graph, "loss", stacked))
    box = item(drawn, "outputs", "box")
    assert box.subtitle == "8 outputs"
    assert len(stacked) == 8
    assert sum(drawn.items[each.parent] == box for each in drawn.items) == 8


def backward(draw: sketch.Sketch, of: str, gradient: Ref) -> Ref:
    """The backward call of a layer in the block `body`."""
    node = draw.builder.nodes[f"body.{of}"]
    types = (draw.builder.type(node.inputs[0]),)  # pyright: ignore[reportArgumentType]
    op = OPS["backward"](node.op, node.name, ("x",), ("x",), (0,), types, node.types, types)  # pyright: ignore[reportCallIssue]
    return draw.builder.add(
        Node(f"{node.name}.gradient", op, (node.inputs[0], gradient), {}, types, node.path, blocks=node.blocks)
    )


def test_a_scan_is_a_box_that_names_its_length_and_counts_the_weights_outside_of_it() -> None:
    text = """
    block cell() { input x: [batch, c]  carry h: [batch, 4] = zeros  output y = (x -> dense(4)) + h  next h = y }
    model m { input x: [batch, time, 3]  output y = x -> scan { cell } -> dense(2) }
    """
    drawn = scene(graph_of(text))
    box = next(each for each in drawn.items if each.kind == "box" and each.count != 1)
    assert box.count == "time"
    assert rows(box, "Holds")["weights"] == ("16",)
