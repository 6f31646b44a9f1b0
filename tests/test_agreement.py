"""`dslc compile --verify`: what it compares, and that it finds what is wrong."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dslc import agreement
from dslc.compilation import Compilation
from dslc.graph import Graph
from dslc.ops.base import OPS
from dslc.source import Source

FILE = """\
net 1
model m {
  input  features: [batch, 4]
  h      = features -> dense(6) -> batch_norm -> relu
  output logits = h -> repeat 3 { residual { layer_norm -> dense(6) -> dropout(0.2) } } -> dense(3)
}
train m {
  data      = iris()
  loss      = (logits, label) -> cross_entropy
  batch     = 32
}
"""


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def broken(graph: Graph) -> Graph:
    """The graph with another activation."""
    nodes = {
        name: replace(node, op=OPS["tanh"]()) if node.op.name == "relu" else node for name, node in graph.nodes.items()
    }
    return replace(graph, nodes=nodes)


def found(text: str) -> dict[str, agreement.Compared]:
    return {one.what: one for one in agreement.compared(Compilation(Source("m.net", text)))}


def test_outputs_gradients_and_loops_of_a_model_agree():
    rows = found(FILE)
    assert list(rows) == [
        "passes: outputs and next states",
        "passes for inference: outputs",
        "generated backward pass of `loss`",
        "passes: gradients of `loss`",
        "loops, scanned and side by side: gradients of `loss`",
    ]
    assert all(one.agrees for one in rows.values()), rows
    # The loss and the two statistics; kernel and bias of three layers in two places and a loop, and two norms.
    assert rows["passes: outputs and next states"].tensors == 3
    assert rows["passes: gradients of `loss`"].tensors == 10
    # Rounding of float64 alone: the bounds are some thousand times as large as the differences.
    assert all(one.bound < 1e-8 for one in rows.values()), rows


def test_a_model_that_is_not_trained_is_compared_at_inference():
    rows = found("net 1\nmodel m {\n  input x: [batch, 4]\n  output y = x -> dense(3) -> dense(2)\n}\n")
    assert [(one.what, one.agrees) for one in rows.values()] == [("passes: outputs and next states", True)]


def test_a_pass_that_is_wrong_is_found(monkeypatch: pytest.MonkeyPatch):
    right = agreement.optimize

    def wrong(graph: Graph, *more: Any) -> Any:
        made, report = right(graph, *more)
        return broken(made), report

    monkeypatch.setattr(agreement, "optimize", wrong)
    rows = found(FILE.replace("batch_norm -> relu", "tanh -> relu"))
    assert [one.what for one in rows.values() if one.agrees] == ["generated backward pass of `loss`"]
    assert rows["passes: outputs and next states"].difference > 1e-3


def test_a_backward_pass_that_is_wrong_is_found(monkeypatch: pytest.MonkeyPatch):
    right = agreement.differentiate
    monkeypatch.setattr(agreement, "differentiate", lambda graph, *more: right(broken(graph), *more))
    rows = found(FILE)
    assert [one.what for one in rows.values() if not one.agrees] == [
        "generated backward pass of `loss`",
        "passes: gradients of `loss`",
        "loops, scanned and side by side: gradients of `loss`",
    ]
