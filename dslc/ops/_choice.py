"""Which of the ways to compute a call is taken: the fastest by measurement on this device, else by the op's own model.

An op states its ways (`Op.lowerings`), each with its time; `lowered` has `apply` compute by the one that is chosen. The choice
is a function of the op, the types and the platform, so whoever asks gets the same answer: the stage that decides what is kept
for the backward pass, the program, and the report.
"""

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from dslc.graph import Graph
from dslc.ops._platform import by_platform, platforms
from dslc.ops.base import Lowering, Op
from dslc.types import JAX_DTYPES, Type

RUN = 60.0
"""Seconds of training that have to pay for what a way adds to the compilation."""
DTYPES = {name: dtype for dtype, name in JAX_DTYPES.items()}


@dataclass(frozen=True)
class Policy:
    """What choices depend on besides the call itself."""

    deterministic: bool = False
    """Only ways that give the same bits in every run."""
    platform: str = ""
    """That of the device on which was measured."""
    measured: Mapping[str, Mapping[str, float]] = field(default_factory=dict[str, Mapping[str, float]])
    """Seconds by call and way."""
    forced: str | None = None
    """The way to take wherever there is one of this name."""


@dataclass(frozen=True)
class Choice:
    """The ways of a call, and the one that is taken."""

    taken: Lowering
    ways: tuple[Lowering, ...]
    """All that are right, with their times, measured ones where `measured` is true."""
    measured: bool = False
    left_out: tuple[str, ...] = ()
    """Those that do not give the same bits in every run, where that is asked for."""

    def seconds(self, name: str) -> float:
        return next(way.seconds for way in self.ways if way.name == name)


_SETTLED = [Policy()]
"""That of the process, in all threads: programs are traced in others than the one that settles it."""
_UNDER: ContextVar[Policy | None] = ContextVar("under", default=None)


def policy() -> Policy:
    """By what is chosen now: inside of `under` by what that was given, else by what holds for the process."""
    return _UNDER.get() or _SETTLED[0]


def settle(made: Policy) -> None:
    """Choose by this from now on, in the whole process: the command line, and `--tune`, say once how it is to be."""
    _SETTLED[0] = made


@contextmanager
def under(made: Policy) -> Generator[None]:
    """Choose by this inside, in this thread alone."""
    token = _UNDER.set(made)
    try:
        yield
    finally:
        _UNDER.reset(token)


def choose(op: Op, platform: str, *types: Type | None) -> Choice | None:
    """The way to compute a call; None where there is only one."""
    by, ways = policy(), op.lowerings(platform, *types)
    if not ways:
        return None
    if by.forced in {way.name for way in ways}:
        ways = tuple(way for way in ways if way.name == by.forced)
    left_out = tuple(way.name for way in ways if by.deterministic and not way.repeats)
    ways = tuple(way for way in ways if way.name not in left_out)
    found = by.measured.get(call_of(op, *types), {}) if platform == by.platform and by.measured else {}
    measured = all(way.name in found for way in ways)
    if measured:
        ways = tuple(Lowering(way.name, found[way.name], way.compiling, way.repeats) for way in ways)
    return Choice(min(ways, key=_price), ways, measured, left_out)


def _price(way: Lowering) -> float:
    """Seconds of a call with its share of the compilation."""
    return way.seconds * (1 + way.compiling / RUN)


def lowered(op: Op, types: tuple[Type | None, ...], ways: Mapping[str, Callable[..., Any]], *arrays: Any) -> Any:
    """What the chosen way makes of the arrays, on each platform that the program is for."""
    taken = {platform: ways[_name(choose(op, platform, *types))] for platform in platforms()}
    return by_platform(*arrays, default=next(iter(taken.values())), **taken)


def _name(choice: Choice | None) -> str:
    return choice.taken.name if choice else ""


def type_of(array: Any) -> Type:
    """The type of an array; a shape and dtype that JAX traces will do."""
    return Type(array.shape, DTYPES[str(array.dtype)])


def types_of(*arrays: Any) -> tuple[Type | None, ...]:
    """The types of arrays, None for one that is left out."""
    return tuple(None if array is None else type_of(array) for array in arrays)


def call_of(op: Op, *types: Type | None) -> str:
    """What is measured once for all equal calls: the op with its settings, and the types; inputs left out at the end do not count."""
    last = max((place for place, type in enumerate(types) if type is not None), default=-1)
    return f"{_said(op)} {' '.join(map(str, types[: last + 1]))}"


def _said(value: Any) -> str:
    if isinstance(value, Op):
        settings = (f for f in value.settings() if f.name not in value.choices)
        return f"{value.name}({', '.join(f'{f.name}={_said(getattr(value, f.name))}' for f in settings)})"
    if isinstance(value, tuple):
        return f"({', '.join(map(_said, value))})"
    if isinstance(value, Graph):
        return blake2b("\n".join(_lines(value)).encode(), digest_size=12).hexdigest()
    return repr(value)


def _lines(graph: Graph) -> Generator[str]:
    """The graph without names and places of the source."""
    number = {name: place for place, name in enumerate(graph.nodes)}
    for node in graph:
        inputs = [ref and (number[ref.node], ref.output) for ref in node.inputs]
        weights = {role: (number[ref.node], ref.output) for role, ref in node.weights.items()}
        yield f"{_said(node.op)} {inputs} {weights} {[str(type) for type in node.types]}"
    yield str([(number[ref.node], ref.output) for ref in graph.read()])
