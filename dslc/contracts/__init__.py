"""What every op promises, checked over the samples in its own file: by `dslc test-op` for a plugin, by the tests for all."""

from collections.abc import Callable, Iterator

from dslc.contracts import facets, gradients, types, values
from dslc.contracts.base import CHECKS
from dslc.ops.base import Op

__all__ = ["facets", "gradients", "promises", "types", "values"]


def promises(kind: type[Op]) -> Iterator[tuple[str, Callable[[], None]]]:
    """What is checked of an op, and a call that raises where it does not hold."""
    for check in CHECKS:
        yield from check.of_kind(kind)
