"""Weights as files have them and as the graph has them."""

import numpy as np
import pytest

from dslc.graph import Builder, Graph, Node
from dslc.ops.core.parameter import Parameter
from dslc.ops.core.state import State
from dslc.train.weights import Unfit, stack, unstack
from dslc.types import Type


def graph(**stacks: tuple[tuple[int, int], ...]) -> Graph:
    """A graph with parameters of shape [2] and the stacks given."""
    builder = Builder("g")
    for name, runs in stacks.items():
        kind = State if name.endswith("mean") else Parameter
        op = kind(shape=(2,), stack=runs)
        shape = (*(count for _, count in runs), 2)
        builder.add(Node(name, op, types=(Type(shape),), path=name))
    return builder.graph()


STACKS = {
    "head.kernel": (),
    "blocks.*.mlp.kernel": ((0, 3),),
    "norm.mean": (),
    "blocks.3:5.mlp.kernel": ((3, 2),),
    "stages.2.repeat.*.conv.kernel": ((0, 2),),
    "a.*.b.*.kernel": ((0, 2), (1, 3)),
}
NAMES = [
    "head.kernel",
    *(f"blocks.{i}.mlp.kernel" for i in range(3)),
    *(f"blocks.{i}.mlp.kernel" for i in (3, 4)),
    *(f"stages.2.repeat.{i}.conv.kernel" for i in range(2)),
    *(f"a.{i}.b.{j}.kernel" for i in range(2) for j in (1, 2, 3)),
    "norm.mean",
]


def arrays() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    return {name: rng.normal(size=(*(count for _, count in runs), 2)) for name, runs in STACKS.items()}


def test_every_layer_has_an_entry_of_its_own() -> None:
    whole = arrays()
    found = unstack(graph(**STACKS), whole)
    assert sorted(found) == sorted(NAMES)
    assert np.array_equal(found["blocks.4.mlp.kernel"], whole["blocks.3:5.mlp.kernel"][1])
    assert np.array_equal(found["a.1.b.3.kernel"], whole["a.*.b.*.kernel"][1, 2])
    assert np.array_equal(found["head.kernel"], whole["head.kernel"])


def test_stacking_undoes_unstacking() -> None:
    whole = arrays()
    made, unfit = stack(graph(**STACKS), unstack(graph(**STACKS), whole))
    assert unfit == []
    assert made.keys() == whole.keys()
    assert all(np.array_equal(made[name], whole[name]) for name in whole)


def test_stacked_arrays_are_taken_as_they_are() -> None:
    whole = arrays()
    made, unfit = stack(graph(**STACKS), whole)
    assert unfit == []
    assert all(np.array_equal(made[name], whole[name]) for name in whole)


@pytest.mark.parametrize(
    ("name", "given"), [("blocks.1.mlp.kernel", None), ("blocks.2.mlp.kernel", (3,)), ("head.kernel", (2, 2))]
)
def test_what_is_missing_or_of_another_shape_is_named(name: str, given: tuple[int, ...] | None) -> None:
    entries = unstack(graph(**STACKS), arrays())
    if given is None:
        del entries[name]
    else:
        entries[name] = np.zeros(given)
    _, unfit = stack(graph(**STACKS), entries)
    assert unfit == [Unfit(name, (2,), given)]
