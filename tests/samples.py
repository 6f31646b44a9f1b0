"""Samples of the ops made to run, as `dslc test-op` does it."""

from dslc.contracts.cases import (
    ARITHMETIC,
    DRAWN,
    NAMES,
    Case,
    bound,
    dimension_names,
    input_types,
    op_of,
    own_gradients,
    summed_down,
    symbolic_of,
    tupled,
    types_of,
    variadic,
)

__all__ = [
    "ARITHMETIC",
    "DRAWN",
    "NAMES",
    "Case",
    "bound",
    "dimension_names",
    "input_types",
    "op_of",
    "own_gradients",
    "summed_down",
    "symbolic_of",
    "tupled",
    "types_of",
    "variadic",
]
