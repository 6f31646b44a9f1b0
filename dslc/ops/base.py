"""What an op is: settings as fields, and facets as methods.

A new layer is one new file in a family's folder: a class with `@op`, its settings as annotated fields, a docstring
(one sentence; `Shapes:` with named axes; `Reference:`), `samples`, and the facets below. JAX is reached through
`dslc.lazy`, so that loading an op's file never imports it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from inspect import Parameter, signature
from math import prod
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Protocol

from dslc.catalogue import Catalogue, Entry, entry
from dslc.dims import Size, same
from dslc.ops._time import UNKNOWN, Axis, InTime, Stretch, aligned, by_axis, in_order
from dslc.types import BYTES, Type

if TYPE_CHECKING:
    import jax

    from dslc.graph import Graph
    from dslc.initializers.base import Initializer

Precision = Literal["half", "any", "full", "own"]


class Mismatch(Exception):
    """An op refuses the types it is given. `infer` and `weights` raise it.

    Args:
        reason: what does not fit, with both sizes: lower case, no full stop.
        help: the way out, a concrete edit where there is one.
        input: position of the input that is at fault, to point at where it comes from.
    """

    def __init__(self, reason: str, help: str | None = None, input: int | None = None) -> None:
        super().__init__(reason)
        self.reason, self.help, self.input = reason, help, input


class MixedDtypes(Mismatch):
    """Operands of dtypes that do not meet in one."""


@dataclass(frozen=True, slots=True)
class Weight:
    """A trained array of an op: its shape, how it starts, and the fans that scale the start.

    Every size of a weight must be a known int when the graph is built.
    """

    shape: tuple[Size, ...]
    init: "Initializer | None" = None
    """None: chosen by the activation that follows (see `Op.starts`)."""
    fan_in: Size = 1
    fan_out: Size = 1
    dtype: str = "f32"


@dataclass(frozen=True, slots=True)
class Cost:
    """One forward inference call: floating point operations (a multiply-add counts 2) and bytes read and written."""

    flops: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class Lowering:
    """One of several ways to compute a call, right for its types on the platform for which it is given."""

    name: str
    seconds: float
    """What the call and its gradients take, by a model: to compare with the other ways of the same call."""
    compiling: float = 0.0
    """Seconds that it adds to the compilation."""
    repeats: bool = True
    """The same bits in every run."""


Places = tuple[tuple[str, tuple[str, ...]], ...]
"""Nodes in the body of a region, by name, with the name of each of the copies that they stand for."""


@dataclass(frozen=True)
class Segment:
    """Stands in place of an iteration for several of them: a loop inside counts on from the first one."""

    first: Any


class Run(Protocol):
    """Runs the graph of a region: from arrays by the names of its sources, to the outputs and the next states by name.

    Given by the stage that lowers. `iteration` is the number that the draws of random ops in the body depend on. Where
    iterations are copies that stood side by side, `places` has for each node the names that it has in them.
    """

    def __call__(
        self, body: "Graph", given: Mapping[str, Any], iteration: Any = None, places: Places = ()
    ) -> tuple[dict[str, Any], dict[str, Any]]: ...


@dataclass(frozen=True)
class Context:
    """What `apply` may know besides its arrays."""

    training: bool = False
    key: "jax.Array | None" = None
    """Random key of this place, step and iteration; only for ops with `random = True`."""
    run: Run | None = None
    kept: tuple[str, ...] | None = None
    """Names of what `apply_saving` has to save, as the backward pass was made for it; None: what it would choose now."""


@dataclass(frozen=True)
class Sample:
    """A tiny example: docs show it, contract tests run it.

    `text` is a stage in the language, `inputs` are types as text (a `none` for one left out), `output` is the type
    (several: joined by `, `) that must come out. `given` and `gives` are literal values from outside the op
    (worked by hand, or from another library: say which in `source`), `weights` the values of its weights by role.
    """

    text: str
    inputs: tuple[str, ...] = ()
    output: str = ""
    parameters: int | None = None
    given: tuple[Any, ...] = ()
    gives: Any = None
    weights: Mapping[str, Any] = field(default_factory=dict[str, Any])
    source: str = ""


@dataclass(frozen=True)
class Refused:
    """A tiny example that the op must refuse, and a part of the reason it gives."""

    text: str
    inputs: tuple[str, ...]
    reason: str


class Op(Entry):
    """A layer, activation, loss or piece of arithmetic: pure data with a type rule and an implementation."""

    samples: ClassVar[tuple[Sample | Refused, ...]] = ()
    symbol: ClassVar[str] = ""
    """The operator of the language that means this op, such as `+`."""
    random: ClassVar[bool] = False
    """Draws random numbers: gets a key, and two equal ones are two draws."""
    starts: ClassVar[str | None] = None
    """For an activation: the initializer that fits the kernel before it."""
    transparent: ClassVar[bool] = False
    """The choice of an initializer looks through this op to what follows it (norm, pool, dropout, reshaping)."""
    elementwise: ClassVar[bool] = False
    """Output element i depends on element i of the inputs (broadcast) alone."""
    rowwise: ClassVar[bool] = False
    """Takes one tensor, acts on its last axis (an embedding: on each number), and on every row with the same weights."""
    linear: ClassVar[bool] = False
    """Linear in its float inputs together, no weights: the derived rule (`jax.linear_transpose`) needs only their types."""
    view: ClassVar[bool] = False
    """Its output is its only input in another shape: no byte is moved."""
    numbers: ClassVar[tuple[str, ...]] = ()
    """Settings that `apply` takes as a scalar array as well: in a `repeat` they may be another number in each iteration."""
    choices: ClassVar[tuple[str, ...]] = ()
    """Settings that hold which of the lowerings was chosen."""
    remakes: ClassVar[bool] = False
    """Makes the kernel of a layer from the weight that is trained."""
    stops_gradient: ClassVar[bool] = False
    """Counts as a constant in the backward pass."""
    precision: ClassVar[Precision] = "any"
    """What it computes in where a train block asks for 16-bit floats (`dslc/precision.py`).

    "half": a product, in 16 bits with its weights; "any": as its inputs are, in float32 where one of them must be;
    "full": in float32, because it adds up or raises; "own": its inputs stay as they are, and it sees to its own sums.
    Weights of all but "half" stay in float32.
    """
    exact: ClassVar[tuple[str, ...]] = ()
    """Inputs that stay as they are for a "half" as well."""
    keeps: ClassVar[tuple[str, ...] | None] = None
    """What the op's own `backward` reads: names of inputs, roles of weights, `out`. None: the rule is derived."""
    saves: ClassVar[tuple[str, ...]] = ()
    """Intermediate values that `backward` reads as well: found in `kept` by these names, which no input or weight has.

    An op with `saves` has `apply_saving` and `saved`. Of the names those that `saved` gives for the inputs at hand count.
    """

    # The facets. `infer` names the inputs: its parameters are what a tuple in the language fills, by position or
    # name; one with the default None may be left out; `*xs` takes any number.

    def infer(self, *inputs: Any, **named: Any) -> Any:
        """Type (or tuple of types) of the output, or Mismatch. Sizes may be symbolic."""
        raise AssertionError(type(self).__name__)

    def weights(self, *inputs: Any, **named: Any) -> Mapping[str, Weight]:
        """Trained weights by role (`kernel`, `bias`, `scale`, `table`, `recurrent`; dotted where there are several)."""
        return {}

    def state(self, *inputs: Any, **named: Any) -> Mapping[str, Weight]:
        """Statistics by name, not trained; `apply` then gives `(output, {name: next value})`."""
        return {}

    def apply(self, weights: Any, *inputs: Any, **named: Any) -> Any:
        """The output (a tuple if there are several) from weights and state by role, inputs (None if left out) and `ctx`.

        Works in the float dtype of its inputs, float64 included.
        """
        raise AssertionError(type(self).__name__)

    def cost(self, *inputs: Any, **named: Any) -> Cost:
        """Cost of a call; the types are concrete here (every size an int)."""
        raise AssertionError(f"{type(self).__name__} has no cost")

    def lowerings(self, platform: str, *inputs: Any, **named: Any) -> tuple[Lowering, ...]:
        """Ways to compute a call on a kind of device (`cpu`, `cuda`, `rocm`, `tpu`), right for these types; none: only one.

        `ops/_choice.py` takes one of them, and `apply` asks which.
        """
        return ()

    def taking(self, lowering: str) -> "Op":
        """The op that computes by one of the lowerings where a setting says by which."""
        return self

    def ahead(self, *inputs: Any, **named: Any) -> int:
        """Bytes that XLA for CPUs makes of the inputs for the backward rule as soon as they are there; types are concrete."""
        return 0

    def workspace(self, *inputs: Any, **named: Any) -> int:
        """Bytes that a call, forward or backward, works with besides what goes in and comes out; types are concrete."""
        return 0

    def in_time(self, time: Sequence[Axis], *types: Type | None) -> InTime:
        """How the op goes along the positions of a sequence; asked where at least one input has them.

        Args:
            time: for each input the axis of the positions; None where it does not depend on them, or is left out.
            types: of the inputs, all positions at once, every size an int.
        """
        if self.elementwise:
            return aligned(time, types)
        if self.rowwise or self.view:
            (axis,), (x,) = time, types
            assert axis is not None
            assert x is not None
            out: Type = self.infer(x)
            if self.view:
                return in_order(axis, x.shape, out.shape)
            return by_axis(time, types, (x.rank - 1,) if out.rank == x.rank else ())
        return UNKNOWN

    def step(
        self, weights: Any, memory: Mapping[str, Any] | None, here: Stretch, *inputs: Any, ctx: Context
    ) -> tuple[Any, Mapping[str, Any]]:
        """The output at a run of positions, and what to keep of them; for an op that keeps something.

        Args:
            memory: what has been kept by name, all positions; None: nothing came before.
            here: where the run is.
            inputs: at these positions; whole where they do not depend on them and are not cut.

        Returns:
            The output, and by name the entries of these positions, or the whole that replaces what was kept.
        """
        raise AssertionError(type(self).__name__)

    def backward(self, kept: Any, gradient: Any, ctx: Context) -> Mapping[str, Any]:
        """Gradients by input name and weight role, from the kept arrays and the gradient of the output.

        A gradient may have the shape before broadcasting: the caller sums it down to the shape of the input.
        A variadic input is a tuple in `kept`; its gradient is a tuple, or one array that holds for each of them. What
        has no gradient is left out, and one given for an integer input is dropped by the caller.
        """
        raise AssertionError(type(self).__name__)

    def saved(self, *inputs: Any, **named: Any) -> Mapping[str, Type]:
        """Types of what `apply_saving` saves, by name; takes what `infer` takes."""
        return {}

    def apply_saving(self, weights: Any, *inputs: Any, **named: Any) -> tuple[Any, Mapping[str, Any]]:
        """What `apply` gives, and the arrays that `saved` names: the forward call of a graph with a backward pass."""
        raise AssertionError(type(self).__name__)

    @classmethod
    def inputs(cls) -> tuple[Parameter, ...]:
        """The inputs, from the parameters of `infer`."""
        if cls not in _INPUTS:
            _INPUTS[cls] = tuple(signature(cls.infer).parameters.values())[1:]
        return _INPUTS[cls]


_INPUTS: dict[type[Op], tuple[Parameter, ...]] = {}

op = entry

OPS: Catalogue[Op] = Catalogue("dslc.ops", Op, "layer", hidden=("core",))


def broadcast(*types: Type) -> tuple[Size, ...]:
    """NumPy's broadcasting of shapes, symbolic sizes included.

    Raises:
        Mismatch: when an axis has two different sizes, neither of them 1.
    """
    rank = max(type.rank for type in types)
    shape: list[Size] = []
    for axis in range(-rank, 0):
        wide: Size = 1
        for position, type in enumerate(types):
            size = type.shape[axis] if type.rank >= -axis else 1
            if size != 1 and wide != 1 and not same(size, wide):
                raise Mismatch(f"axis {axis + rank} differs: {wide} and {size}", input=position)
            wide = size if wide == 1 else wide
        shape.append(wide)
    return tuple(shape)


def elements(types: Sequence[Type]) -> int:
    """Number of elements of concrete types."""
    return sum(int(type.size) for type in types)  # pyright: ignore[reportArgumentType]


def moved(*arrays: Type | Weight | None) -> int:
    """Bytes of concrete types and weights, each read or written once; None is an input left out."""
    return sum(prod(array.shape) * BYTES[array.dtype] for array in arrays if array is not None)  # pyright: ignore[reportArgumentType, reportReturnType]


def floating(*types: Type | None) -> None:
    """Refuse the first input that is not of a float dtype.

    Raises:
        Mismatch: names the dtype and offers the cast.
    """
    for position, type in enumerate(types):
        if type is not None and not type.is_float:
            raise Mismatch(f"needs floats, and gets {type.dtype}", 'cast it first: `-> cast("f32")`', position)


def axis_of(axis: int, rank: int, name: str = "axis") -> int:
    """An axis counted from the front, for one that may count from the end.

    Raises:
        Mismatch: when there is no such axis.
    """
    if not -rank <= axis < rank:
        raise Mismatch(
            f"`{name} = {axis}` is outside of a tensor with {rank} axes", f"use {-rank} to {rank - 1}" if rank else None
        )
    return axis % rank
