"""The fuzzer of graphs with a small budget that is the same every time, and every graph that it has found before."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from comparing import Subject, Undefined, examine
from drawing import with_loss
from eager import limits
from handmade import Net
from lessen import smallest
from programs import random_graph
from trial import HERE, Found

from dslc.graph import Graph
from dslc.text import from_text

GRAPHS = sorted((HERE / "found").glob("*.graph"))
SEEDS = range(8)
COMPILED = (7,)

pytestmark = [pytest.mark.usefixtures("float64"), pytest.mark.filterwarnings("ignore::RuntimeWarning")]
"""NumPy warns of infinities, which are looked for here."""


@pytest.fixture(autouse=True)
def eagerly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passes rewrite tiny graphs too."""
    for module, name, value in limits():
        monkeypatch.setattr(module, name, value)


def test_random_graphs_keep_their_numbers():
    counts = Counter[str]()
    for seed in SEEDS:
        try:
            examine(random_graph(seed), compiled=seed in COMPILED)
            counts["compared"] += 1
        except Undefined as why:
            counts[why.args[0]] += 1
    # Of a few there is nothing to say: their numbers are not finite, or stand on a kink.
    assert counts["compared"] >= 0.7 * len(SEEDS), counts


def test_a_seed_gives_the_same_graph():
    assert random_graph(17) == random_graph(17) != random_graph(18)


@pytest.mark.parametrize("file", GRAPHS, ids=lambda file: file.stem)
def test_what_was_found_in_a_graph_is_mended(file: Path):
    examine(from_text(file.read_text("utf-8")), compiled=True)


def wrong_by(share: float) -> tuple[Subject, dict]:
    """A graph with a product, and its results with a loss that is off by a share."""
    net = Net()
    x = net.input("x", "[3, 4]")
    subject = Subject.of(with_loss(net.graph(y=net.call("dense", x, units=2))))
    found = subject.by_steps(subject.graph, training=True)
    return subject, found | {"output loss in training": found["output loss in training"] * (1 + share)}


def test_a_difference_within_rounding_is_allowed():
    subject, found = wrong_by(1e-13)
    subject.same("it", found)


def test_a_difference_above_the_bound_is_found():
    subject, found = wrong_by(1e-9)
    with pytest.raises(Found, match="it: output: `output loss in training` differs by"):
        subject.same("it", found)


def test_the_reference_has_the_gradients_of_the_algebra():
    net = Net()
    x = net.input("x", "[2]")
    subject = Subject.of(net.graph(loss=net.call("sum", net.call("square", x))))
    # The derivative of a sum of squares; doubling is exact in binary floats.
    np.testing.assert_array_equal(subject.wanted["gradient of x"], 2 * subject.arrays["x"])


def test_a_graph_that_stands_on_a_kink_is_left_out():
    net = Net()
    x = net.input("x", "[3]")
    zero = net.call("subtract", net.call("exp", net.call("log", net.call("exp", x))), net.call("exp", x))
    graph = with_loss(net.graph(y=net.call("sign", zero)))
    with pytest.raises(Undefined, match="on a kink"):
        _ = Subject.of(graph).allowed


def test_the_smallest_graph_with_a_finding_is_found():
    def bad(graph: Graph) -> bool:
        return any(node.op.name == "dense" for node in graph)

    graph = next(graph for seed in range(100) if bad(graph := random_graph(seed)) and len(graph) > 20)
    small = smallest(graph, bad)
    assert bad(small)
    # A layer with its weights, one or two inputs, and what makes a scalar of it; new samples of passes draw other graphs.
    assert len(small) <= 12, small
