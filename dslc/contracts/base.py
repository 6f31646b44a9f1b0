"""What a promise of an op is, and the list of them."""

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

from dslc.contracts.cases import Case
from dslc.lazy import jax
from dslc.ops.base import Op, Refused
from dslc.types import JAX_DTYPES, Type

Subject = Literal["op", "sample", "refused"]


@dataclass(frozen=True)
class Check:
    """A promise: a function that raises where it is not kept."""

    says: str
    of: Subject
    when: Callable[[Case], bool]
    wide: bool
    modes: bool
    run: Callable[..., None]

    def of_kind(self, kind: type[Op]) -> Iterator[tuple[str, Callable[[], None]]]:
        """Each time that it is checked for an op: what is checked, and the call."""
        if self.of == "op":
            yield f"{kind.name}: {self.says}", partial(self._called, kind)
            return
        for number, sample in enumerate(kind.samples):
            if (self.of == "refused") == isinstance(sample, Refused):
                yield from self._of_sample(f"{kind.name}-{number}", sample)

    def _of_sample(self, name: str, sample: Any) -> Iterator[tuple[str, Callable[[], None]]]:
        case = Case.of(sample) if self.of == "sample" else None
        if case is not None and not self.when(case):
            return
        for training in modes(case) if self.modes and case is not None else (None,):
            given = () if training is None else (training,)
            mode = "" if training is None else ", training" if training else ", inference"
            yield f"{name}: {self.says}{mode}", partial(self._called, sample, *given)

    def _called(self, *given: Any) -> None:
        with jax.enable_x64(True) if self.wide else nullcontext():
            self.run(*given)


CHECKS: list[Check] = []


def check(
    of: Subject = "sample", when: Callable[[Case], bool] = bool, wide: bool = False, modes: bool = False
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Put a function into the list; it is named as what it promises.

    Args:
        of: what it takes: an op, or each good or each refused sample of it.
        when: samples that it is about.
        wide: it runs with 64-bit floats.
        modes: it takes `training` as well, where that makes a difference.
    """

    def taken(run: Callable[..., None]) -> Callable[..., None]:
        CHECKS.append(Check(run.__name__.replace("_", " "), of, when, wide, modes, run))
        return run

    return taken


def modes(case: Case) -> tuple[bool, ...]:
    """Inference, and training where it may differ: an op that neither draws nor keeps statistics does not ask."""
    return (False, True) if case.op.random or case.state else (False,)


def differentiable(case: Case) -> bool:
    reads = [*case.inputs, *(Type(weight.shape, weight.dtype) for weight in case.weights.values())]
    return any(type.is_float for type in case.outputs) and any(type is not None and type.is_float for type in reads)


def has_fine_outputs(case: Case) -> bool:
    """Whether finite differences can be taken: outputs that stay at 32 or 16 bits have too few of them."""
    follows = any(type is not None and type.is_float for type in case.inputs)
    return differentiable(case) and all(
        type.dtype == "f64" for type in case.wide().outputs if type.is_float and follows
    )


def described(types: tuple[Type, ...]) -> list[tuple[tuple[Any, ...], str]]:
    """Shapes and dtypes of JAX."""
    return [(type.shape, JAX_DTYPES[type.dtype]) for type in types]
