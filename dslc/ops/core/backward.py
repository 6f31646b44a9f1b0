"""The backward call of an op."""

from collections.abc import Iterator, Mapping
from inspect import Parameter
from typing import Any

from dslc.lazy import jax, jnp
from dslc.ops._bits import differentiated
from dslc.ops.base import Context, Cost, Op, op
from dslc.ops.core._dtype import dtype_for
from dslc.types import Type


@op
class Backward(Op):
    """Gradients by inputs and weights of an op: by its own rule, or derived from its `apply` by `jax.vjp`.

    Takes the tensors that are kept, then the gradients of the outputs. Inputs, weights, what was saved and outputs go by
    name: `x`, `xs.0` where there is any number, `kernel`, `rstd`, `out.0`.

    Shapes: kept tensors and `outputs` to `types`.
    """

    of: Op
    place: str
    """Name of the forward node: it draws the same random numbers."""
    wrt: tuple[str, ...]
    kept: tuple[str, ...]
    given: tuple[int, ...]
    """The outputs whose gradients come in; those of the others are zero."""
    taken: tuple[Type | None, ...]
    """Types of the inputs of the op, None for one left out."""
    outputs: tuple[Type, ...]
    types: tuple[Type, ...]
    """Types of the gradients."""

    precision = "full"

    @property
    def random(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]  # a fact of the op inside
        return self.of.random

    @property
    def view(self) -> bool:  # pyright: ignore[reportIncompatibleVariableOverride]  # a fact of the op inside
        return self.of.view

    def infer(self, *xs: Type) -> tuple[Type, ...]:
        return self.types

    def apply(self, weights: Any, *xs: Any, ctx: Context) -> Any:
        kept = dict(zip(self.kept, xs, strict=False))
        gradients = xs[len(self.kept) :]
        known = list(self._known(kept, gradients))
        if self.of.keeps is not None:
            found = self._own(kept, gradients, known, ctx)
        elif self.of.linear:
            found = self._transposed(kept, gradients, known, ctx)
        else:
            found = self._derived(kept, gradients, ctx)
        fitted = (_fitted(found.get(name), type.shape, dtype_for(type, known)) for name, type in self._wanted())  # pyright: ignore[reportArgumentType]
        return tuple(fitted)

    def cost(self, *xs: Type) -> Cost:
        forward = self.of.cost(*self.taken)
        return Cost(forward.flops * self.products, forward.bytes * self.products)

    @property
    def products(self) -> int:
        """Of the forward call's size: a product has two gradients, by what is on its left and on its right.

        Those by biases and scales are mere sums.
        """
        inputs = self._inputs()
        return min(2, max(1, sum(name in inputs or type.rank > 1 for name, type in self._wanted())))

    def _wanted(self) -> Iterator[tuple[str, Type]]:
        return zip(self.wrt, self.types, strict=True)

    def _known(self, kept: Mapping[str, Any], gradients: tuple[Any, ...]) -> Iterator[tuple[Type | None, Any]]:
        """Types and arrays, as far as both are at hand."""
        yield from ((self.outputs[place], array) for place, array in zip(self.given, gradients, strict=True))
        yield from ((type, kept[name]) for name, type in self._inputs().items() if name in kept)

    def _inputs(self) -> dict[str, Type | None]:
        return dict(zip(input_names(self.of, len(self.taken)), self.taken, strict=True))

    def _own(self, kept: dict[str, Any], gradients: tuple[Any, ...], known: Any, ctx: Context) -> dict[str, Any]:
        """Gradients by the rule that the op gives."""
        arrived = dict(zip(self.given, gradients, strict=True))
        first, *others = complete = tuple(
            arrived[place] if place in arrived else jnp.zeros(type.shape, dtype_for(type, known))  # pyright: ignore[reportArgumentType]
            for place, type in enumerate(self.outputs)
        )
        given = {name: self._kept(name, kept) for name in (*(self.of.keeps or ()), *kept) if not _is_output(name)}
        if "out" in (self.of.keeps or ()):
            outputs = tuple(kept[output_name(place)] for place in range(len(complete)))
            given["out"] = outputs if others else outputs[0]
        found = self.of.backward(given, complete if others else first, ctx)
        return {name: _part(found, name) for name in self.wrt}

    def _kept(self, name: str, kept: dict[str, Any]) -> Any:
        """A kept array, a tuple of them for an input of any number, None for one that is left out."""
        if name in kept or not _variadic(self.of) or name not in [parameter.name for parameter in self.of.inputs()]:
            return kept.get(name)
        return tuple(kept[f"{name}.{place}"] for place in range(len(self.taken)))

    def _transposed(self, kept: dict[str, Any], gradients: tuple[Any, ...], known: Any, ctx: Context) -> dict[str, Any]:
        """Gradients of an op that is linear: its inputs are not needed, only their types."""
        floats = {name: type for name, type in self._inputs().items() if type is not None and type.is_float}
        like = (jax.ShapeDtypeStruct(type.shape, dtype_for(type, known)) for type in floats.values())  # pyright: ignore[reportArgumentType]

        def forward(*moved: Any) -> tuple[Any, ...]:
            return self._forward({**kept, **dict(zip(floats, moved, strict=True))}, ctx)

        return dict(zip(floats, jax.linear_transpose(forward, *like)(gradients), strict=True))

    def _derived(self, kept: dict[str, Any], gradients: tuple[Any, ...], ctx: Context) -> dict[str, Any]:
        """Gradients by the derived rule; what it computes forward again and does not need, XLA drops."""

        def forward(*moved: Any) -> tuple[Any, ...]:
            return self._forward({**kept, **dict(zip(self.wrt, moved, strict=True))}, ctx)

        with differentiated():
            outputs, back = jax.vjp(forward, *(kept[name] for name in self.wrt))
        alike = (gradient.astype(out.dtype) for gradient, out in zip(gradients, outputs, strict=True))
        return dict(zip(self.wrt, back(tuple(alike)), strict=True))

    def _forward(self, known: dict[str, Any], ctx: Context) -> tuple[Any, ...]:
        """Those outputs of the op whose gradients come in."""
        inputs = self._inputs()
        weights = {name: array for name, array in known.items() if name not in inputs}
        found = self.of.apply(weights, *(known.get(name) for name in inputs), ctx=ctx)
        if self.of.state(*self.taken):
            found = found[0]
        found = found if isinstance(found, tuple) else (found,)
        return tuple(found[place] for place in self.given)


def _variadic(op: Op) -> bool:
    return any(parameter.kind is Parameter.VAR_POSITIONAL for parameter in op.inputs())


def input_names(op: Op, count: int) -> tuple[str, ...]:
    """Names of the inputs of a node that has `count` of them."""
    names = tuple(parameter.name for parameter in op.inputs())
    return tuple(f"{names[0]}.{place}" for place in range(count)) if _variadic(op) else names[:count]


def output_name(place: int) -> str:
    return f"out.{place}"


def _is_output(name: str) -> bool:
    # Weights may have dotted names as well, such as `out.kernel`.
    base, _, place = name.partition(".")
    return base == "out" and (not place or place.isdigit())


def _part(found: Mapping[str, Any], name: str) -> Any:
    """A gradient from those that a rule gave; one array may hold for all inputs of any number."""
    if name in found:
        return found[name]
    base, _, place = name.partition(".")
    shared = found.get(base)
    return shared[int(place)] if isinstance(shared, tuple) else shared


def _fitted(gradient: Any, shape: tuple[int, ...], dtype: Any) -> Any:
    """A gradient summed down to the shape before broadcasting, and in the dtype of what it belongs to."""
    if gradient is None:
        return jnp.zeros(shape, dtype)
    front = gradient.ndim - len(shape)
    axes = [
        *range(front),
        *(front + axis for axis, size in enumerate(shape) if size == 1 != gradient.shape[front + axis]),
    ]
    summed = gradient.sum(axes) if axes else gradient
    return summed.reshape(shape).astype(dtype)
