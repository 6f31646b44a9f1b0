"""What nobody trains has no way back: the backward graph holds no node for it."""

from collections.abc import Iterator

import pytest

from dslc.compilation import Compilation
from dslc.compiler import Options
from dslc.graph import Graph, Node
from dslc.ops.core.backward import Backward
from dslc.source import Source
from dslc.train.task import derived
from dslc.verify import bodies

LOSS = "data = iris()  loss = (logits, label) -> cross_entropy"


def trained(body: str, settings: str = "", blocks: str = "") -> Graph:
    """The graph of a training step of a model, backward pass and all."""
    text = f"net 1\n{blocks}\nmodel m {{ input features: [batch, 4]\n{body} }}\ntrain m {{ {LOSS}  {settings} }}"
    return Compilation(Source("test.net", text), Options()).differentiate


def backward(graph: Graph) -> Iterator[Node]:
    """All backward nodes, those in bodies of regions included."""
    for node in graph:
        for body in bodies(node.op).values():
            yield from backward(body)
        if isinstance(node.op, Backward):
            yield node


def gone_back_through(graph: Graph) -> dict[str, tuple[str, ...]]:
    """The nodes that have a way back, and what their gradients are by."""
    return {node.op.place: node.op.wrt for node in backward(graph) if isinstance(node.op, Backward)}


def test_a_frozen_part_in_front_has_no_way_back() -> None:
    graph = trained("output logits = features -> frozen { dense(8) as a -> relu -> dense(8) as b } -> dense(3) as c")
    assert gone_back_through(graph).keys() == {"c", "train.cross_entropy"}
    assert gone_back_through(graph)["c"] == ("kernel", "bias")


def test_a_frozen_part_in_the_middle_has_gradients_by_what_goes_in_alone() -> None:
    graph = trained("output logits = features -> dense(8) as a -> frozen { dense(8) as b -> tanh } -> dense(3) as c")
    found = gone_back_through(graph)
    assert found["a"] == ("kernel", "bias")
    assert found["b"] == ("x",)


def test_a_group_that_is_frozen_counts_like_a_frozen_part() -> None:
    graph = trained(
        "output logits = features -> dense(8) as a -> relu -> dense(3) as c", 'group "a.*" { frozen = true }'
    )
    assert gone_back_through(graph).keys() == {"c", "train.cross_entropy"}


def test_nothing_goes_back_to_what_weights_do_not_reach() -> None:
    graph = trained("h = features * features -> tanh\noutput logits = (h, features -> exp) -> concat -> dense(3) as c")
    assert gone_back_through(graph) == {"c": ("kernel", "bias"), "train.cross_entropy": ("x",)}


def test_a_frozen_layer_in_a_loop_has_gradients_by_what_goes_in_alone() -> None:
    graph = trained(
        "output logits = features -> dense(8) -> repeat 9 { frozen { dense(8) as a -> tanh } -> dense(8) as b } -> dense(3)"
    )
    found = gone_back_through(graph)
    assert found["repeat.*.a"] == ("x",)
    assert found["repeat.*.b"] == ("x", "kernel", "bias")


def test_a_frozen_loop_in_front_has_no_way_back() -> None:
    graph = trained("output logits = features -> frozen { dense(8) -> repeat 9 { dense(8) -> tanh } } -> dense(3) as c")
    assert gone_back_through(graph).keys() == {"c", "train.cross_entropy"}


def test_a_tensor_that_a_loop_captures_and_nobody_trains_gets_no_gradient() -> None:
    graph = trained(
        "m = features -> exp\noutput logits = features -> dense(4) -> repeat 9 { (it -> dense(4)) + m -> tanh } -> dense(3)"
    )
    assert all("exp" not in name for name in gone_back_through(graph))
    regions = [node for node in graph if node.name == "repeat.gradient"]
    assert len(regions) == 1
    assert not any("sum" in name for name in regions[0].op.body.outputs)  # type: ignore[attr-defined]


def test_a_step_goes_back_through_the_models_that_it_updates_alone() -> None:
    text = """net 1
        model maker { input z: [batch, 4]  output made = z -> dense(4) as m }
        model judge { input x: [batch, 4]  output score = x -> dense(1) as j }
        train pair {
          data = iris()
          made = features -> maker
          step one { update = [judge]  loss = made -> judge -> mean  optimizer = adam() }
          step two { update = [maker]  loss = made -> judge -> mean  optimizer = adam() }
          steps = 5
        }"""
    compilation = Compilation(Source("test.net", text), Options())
    found = {}
    for update in compilation.task.plan.updates:
        graph = derived(compilation.task.updating(update), update, compilation.task.groups, compilation.task.plan)
        found[update.loss] = {
            name.partition("@")[0]: wrt
            for name, wrt in gone_back_through(graph).items()
            if not name.startswith("train")
        }
    first, second = found.values()
    assert first == {"judge.j": ("kernel", "bias")}
    assert second == {"judge.j": ("x",), "maker.m": ("kernel", "bias")}


@pytest.mark.parametrize(
    "body",
    [
        "output logits = features -> frozen { dense(8) } -> repeat 9 { residual { layer_norm -> dense(8) } } -> dense(3)",
        "a, b = features -> dense(8) -> split(2)\noutput logits = a -> dense(3)",
        "output logits = features -> dense(8) -> remat { dense(8) -> tanh } -> dense(3)",
        "h = features -> dense(8)\noutput logits = (h -> stop_gradient) * h -> dense(3)",
    ],
)
def test_every_backward_node_leads_to_a_gradient_that_is_asked_for(body: str) -> None:
    graph = trained(body)
    assert list(graph.nodes) == [name for name in graph.nodes if name in graph.live().nodes or name in _sources(graph)]


def _sources(graph: Graph) -> set[str]:
    return {node.name for kind in ("input", "parameter", "state") for node in graph.sources(kind)}
