"""Contracts of every op of the catalogue, run over the samples in the ops' own files: no op is named here."""

from collections.abc import Callable

import pytest

from dslc.contracts import promises
from dslc.ops.arithmetic import BINARY, UNARY
from dslc.ops.base import OPS, Op

# A combinator is built from others and leaves no node of its own: the tests of the build run its samples.
LAYERS = [kind for kind in OPS if kind.apply is not Op.apply]
PROMISES = [pytest.param(run, id=says) for kind in LAYERS for says, run in promises(kind)]


@pytest.mark.parametrize("promise", PROMISES)
def test_every_op_keeps_what_it_promises(promise: Callable[[], None]) -> None:
    promise()


@pytest.mark.parametrize("kind", [pytest.param(kind, id=kind.name) for kind in LAYERS])
def test_class_is_named_as_the_file(kind: type[Op]) -> None:
    assert kind.__name__ == "".join(part.capitalize() for part in kind.name.split("_"))
    assert kind.__module__.split(".")[-2:] == [kind.family, kind.name]


def test_operators_mean_the_op_that_carries_their_symbol() -> None:
    for sign, name in (*BINARY.items(), *UNARY.items()):
        assert OPS[name].symbol == sign
    assert {kind.name for kind in LAYERS if kind.symbol} == {*BINARY.values(), *UNARY.values()}
