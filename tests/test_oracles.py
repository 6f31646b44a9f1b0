"""Every op beside an independent one, forward and backward, in 64 bits; and the table of it in the docs."""

import pytest
from oracle_table import PAGE, rows, worst
from oracles import BY_HAND, ORACLES, Oracle

from dslc.ops.base import OPS, Op

# Both work in float64 (1e-16) and add a few thousand numbers; a wrong term shows in the first digits.
BOUND = 1e-9
AGAIN = 100.0
"""How much worse another machine may be than the table says: it adds in another order."""
ROUNDING = 1e-14

LAYERS = {kind.name for kind in OPS if kind.apply is not Op.apply}
TABLE = rows(PAGE.read_text("utf-8"))


@pytest.mark.parametrize("entry", [pytest.param(entry, id=f"{entry.text} {at}") for at, entry in enumerate(ORACLES)])
def test_outputs_and_gradients_agree_with_an_independent_implementation(entry: Oracle) -> None:
    pytest.importorskip("torch")
    for error, told in zip(entry.errors(), TABLE[entry.op][2:], strict=True):
        if error is not None:
            assert error <= BOUND
            assert error <= AGAIN * max(worst(told), ROUNDING), "python tests/oracle_table.py writes the table"


def test_every_op_is_compared_with_something() -> None:
    compared = {entry.op for entry in ORACLES}
    assert not compared & set(BY_HAND)
    assert compared | set(BY_HAND) == LAYERS


def test_the_table_in_the_docs_has_every_op_and_what_it_is_compared_with() -> None:
    wanted: dict[str, set[str]] = {}
    for entry in ORACLES:
        wanted.setdefault(entry.op, set()).add(entry.source)
    assert {op: set(sources.split("; ")) for op, (sources, *_) in TABLE.items() if op in wanted} == wanted
    assert set(TABLE) == LAYERS
