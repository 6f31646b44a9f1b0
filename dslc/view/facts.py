"""What a click on an item shows, as rows of text."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from dslc.graph import Graph, Node, Ref
from dslc.source import Source
from dslc.verify import bodies
from dslc.view.wording import default, is_gradient, meant, settings, value_text

Row = tuple[str, ...]

WEIGHTS = ("parameter", "state")


@dataclass(frozen=True)
class Section:
    """A titled table."""

    title: str
    rows: tuple[Row, ...]


def of_node(node: Node, graph: Graph, times: int = 1) -> Iterator[Section]:
    """Settings, inputs, outputs and weights of a node; in a region it runs several `times`."""
    yield Section("Settings", tuple(_settings(node)))
    yield Section("Inputs", tuple(_inputs(node, graph)))
    yield Section("Outputs", tuple(_outputs(node)))
    yield Section("Weights", tuple(_weights(node, graph, times)))


def _settings(node: Node) -> Iterator[Row]:
    for op in meant(node.op):
        for field, value in settings(op):
            row = (field.name, value_text(value))
            yield (*row, "default") if value == default(field) else row


def _inputs(node: Node, graph: Graph) -> Iterator[Row]:
    for name, ref in zip(_input_names(node), node.inputs, strict=True):
        if ref is not None:
            yield name, str(graph.type(ref)), origin(graph.nodes[ref.node])


def _input_names(node: Node) -> list[str]:
    """Names of the inputs that the op declares, or its body; numbers where it takes any."""
    declared = [parameter.name for parameter in node.op.inputs() if parameter.kind is not parameter.VAR_POSITIONAL]
    for body in bodies(node.op).values():
        declared += [source.name for source in body.sources("input")]
    if is_gradient(node.op):
        declared += [f"kept {name}" for name in getattr(node.op, "kept", ())]
        declared += [f"gradient of output {at}" for at in getattr(node.op, "given", ())]
    return (declared + [str(at) for at in range(len(declared), len(node.inputs))])[: len(node.inputs)]


def origin(node: Node) -> str:
    """Where a tensor comes from, in words."""
    match node.op.name:
        case "constant":
            return f"constant {value_text(getattr(node.op, 'value', ''))}"
        case "parameter" | "state":
            return f"weight {node.name}"
        case _:
            return f"from {node.path or node.name}"


def _outputs(node: Node) -> Iterator[Row]:
    for at, type in enumerate(node.types):
        yield ", ".join(node.labels) if node.labels and at == 0 else str(at), str(type)


def _weights(node: Node, graph: Graph, times: int) -> Iterator[Row]:
    for role, ref in (*node.weights.items(), *((name, Ref(name)) for name in direct_weights(node, graph))):
        source = graph.nodes[ref.node]
        if source.op.name not in WEIGHTS:
            yield role, str(graph.type(ref)), origin(source)
            continue
        yield source.name, str(source.type), *_numbers(source, node, graph, times)


def direct_weights(node: Node, graph: Graph) -> list[str]:
    """Weights that are inputs, such as a table that is read by its name."""
    return [ref.node for ref in node.inputs if ref is not None and graph.nodes[ref.node].op.name in WEIGHTS]


def _numbers(source: Node, node: Node, graph: Graph, times: int) -> Iterator[str]:
    size = f"{source.type.size:,}" if isinstance(source.type.size, int) else str(source.type.size)
    text = size if times == 1 else f"{size} \N{MULTIPLICATION SIGN} {times:,}"
    text += ", not trained" if source.op.name == "state" else ""
    if not is_gradient(node.op):
        others = [graph.nodes[name] for name in graph.uses.get(Ref(source.name), ()) if name != node.name]
        names = dict.fromkeys(other.name for other in others if not is_gradient(other.op))
        text += f", shared with {', '.join(names)}" if names else ""
    yield text


def holding(layers: int, weights: int) -> Section:
    """What a box sums up."""
    return Section("Holds", (("layers", f"{layers:,}"), *([("weights", f"{weights:,}")] if weights else [])))


def trained(nodes: Iterable[Node], graph: Graph, times: int = 1) -> dict[str, int]:
    """Number of weights that these nodes read, by the name of the array: a shared one counts once."""
    found: dict[str, int] = {}
    for node in nodes:
        for ref in node.references():
            source = graph.nodes[ref.node]
            if source.op.name == "parameter" and isinstance(source.type.size, int):
                found[source.name] = source.type.size * times
        # A weight that stands outside of a region has its own name in it.
        for source in (graph.nodes[ref.node] for ref in node.weights.values()):
            if source.op.name == "input" and isinstance(source.type.size, int):
                found[source.name] = source.type.size
    return found


def place_of(node: Node, sources: Mapping[str, Source]) -> tuple[str, str]:
    """`mlp.net:5` and the text of that line; the file alone where its text is not at hand."""
    source = sources.get(node.span.file)
    if source is None:
        return node.span.file, ""
    line, _ = source.position(node.span.start)
    return f"{node.span.file}:{line}", source.line(line).strip()
