"""What the groups of a train block say of single weights, put into the update rule."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from dslc.graph import Graph, Node
from dslc.lazy import jnp, np, optax
from dslc.optimizers.base import Optimizer
from dslc.paths import layers, matches, shape_of, stack_of
from dslc.plan import Group, Update
from dslc.schedules.base import Length
from dslc.train.packing import PACKED, Packing

if TYPE_CHECKING:
    from optax import GradientTransformation

Factors = dict[str, Any]
"""By weight: a number, or an array that has one for each layer of a stacked weight and broadcasts to it."""
NOTHING = Packing({})


@dataclass(frozen=True)
class Groups:
    """The groups of a train block over the weights of its graph."""

    graph: Graph
    groups: tuple[Group, ...]

    @cached_property
    def frozen(self) -> frozenset[str]:
        """Weights that are frozen whole, by a group or by the model; a stacked one may be so in some layers only."""
        by_model = {node.name for node in self._weights if not getattr(node.op, "trainable", True)}
        return frozenset(by_model | {name for name, value in self.of("frozen", default=False).items() if value is True})

    @cached_property
    def trained(self) -> tuple[str, ...]:
        """Weights of which at least one layer is trained."""
        return tuple(node.name for node in self.graph.sources("parameter") if node.name not in self.frozen)

    def changed(self, update: Update) -> tuple[str, ...]:
        """Those of the weights of an update that are trained."""
        return tuple(name for name in update.weights if name not in self.frozen)

    def packing(self, shapes: Mapping[str, Any], stacks: Collection[tuple[str, ...]] = ()) -> Packing:
        """How the weights are packed: those that stay as they are, and those whose units are measured, by themselves."""
        limited = {name for name, value in self.of("max_norm", None).items() if value is not None}
        free = {name: like for name, like in shapes.items() if name in self.trained and name not in limited}
        return Packing.of(free, stacks)

    def of(self, setting: str, default: Any) -> Factors:
        """What the groups say of every weight; the default where they say nothing."""
        said = [(group.globs, getattr(group, setting)) for group in self.groups]
        said = [(globs, value) for globs, value in reversed(said) if value is not None]
        if not said:
            return {node.name: default for node in self.graph.sources("parameter")}

        def at(path: str) -> Any:
            return next((value for globs, value in said if any(matches(glob, path) for glob in globs)), default)

        return {node.name: _over_layers(node, [at(path) for path, _ in layers(node)]) for node in self._weights}

    def masked(self, gradients: Mapping[str, Any]) -> dict[str, Any]:
        """Gradients by weight, 0 for the layers that are frozen: they count in no norm."""
        frozen = self.of("frozen", default=False)
        return {
            name: jnp.where(frozen[name], jnp.zeros_like(slope), slope) if np.ndim(frozen[name]) else slope
            for name, slope in gradients.items()
        }

    def rule(self, optimizer: Optimizer, run: Length, packing: Packing = NOTHING) -> "GradientTransformation":
        """The optimizer with what the groups say; it takes the gradients of `trained`, packed."""
        build: Any = optimizer.build
        if optimizer.whole:
            build = partial(build, stacked={node.name: len(stack_of(node)) for node in self._weights})
        if not self.groups and not self.frozen:
            return build(run)
        decay = None
        if any(group.decay is not None for group in self.groups):
            decay = self._packed(self.of("decay", getattr(optimizer, "decay", None)), packing)
        inner: Any = build(run, decay)
        scales = self._packed(self._scales(), packing)

        def init(weights: Any) -> Any:
            return inner.init({name: weight for name, weight in weights.items() if name not in self.frozen})

        def update(gradients: Any, state: Any, weights: Any) -> Any:
            own = {name: weights[name] for name in gradients}
            changes, state = inner.update(gradients, state, own)
            return self._limited(own, _scaled(changes, scales)), state

        return optax.GradientTransformation(init, update)  # pyright: ignore[reportArgumentType]  # names of arguments

    @property
    def _weights(self) -> list[Node]:
        return self.graph.sources("parameter")

    def _scales(self) -> Factors:
        """Factors of the changes: of the learning rate, and 0 for frozen layers, which decay would change too."""
        rates, frozen = self.of("lr", 1.0), self.of("frozen", default=False)
        return {name: np.where(frozen[name], 0.0, rates[name])[()] for name in rates}

    def _packed(self, factors: Factors, packing: Packing) -> Factors:
        """Factors by name of the packed arrays."""
        stacked = {stack: self._row_factors(factors, names) for stack, names in packing.rows.items()}
        inside = {name for names in packing.rows.values() for name in names}
        factors = {**stacked, **{name: factor for name, factor in factors.items() if name not in inside}}
        if not packing.shapes:
            return factors
        parts = {name: np.asarray(factors[name], np.float32) for name in packing.shapes}
        if len({part.tobytes() for part in parts.values()}) > 1 or any(part.ndim for part in parts.values()):
            parts = {name: np.broadcast_to(part, packing.shapes[name]) for name, part in parts.items()}
            return replace(packing, rows={}).pack({**factors, **parts})
        (one, *_), rest = parts.values(), {name: factor for name, factor in factors.items() if name not in parts}
        return {PACKED: float(one), **rest}

    def _row_factors(self, factors: Factors, names: tuple[str, ...]) -> Any:
        """The factor of several weights that are rows of one array."""
        rows = [factors[name] for name in names]
        if all(np.ndim(row) == 0 and row == rows[0] for row in rows):
            return rows[0]
        shape = shape_of(next(node for node in self._weights if node.name == names[0]))
        return np.stack([np.broadcast_to(np.asarray(row, np.float32), shape) for row in rows])

    def _limited(self, weights: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
        """Changes after which no unit's weights are longer than `max_norm`."""
        changes, norms = dict(changes), self.of("max_norm", None)
        for node in self._weights:
            largest = norms[node.name]
            if largest is not None and node.name in changes:
                weight = weights[node.name]
                after = weight + changes[node.name].astype(weight.dtype)
                changes[node.name] = limited(after, largest, len(stack_of(node))) - weight
        return changes


def limited(weight: Any, largest: Any, stacked: int = 0) -> Any:
    """A weight whose units have at most the norm `largest`; the first `stacked` axes are those of layers.

    A unit is what the last axis counts, and its norm is taken over all other axes: over axis 0 of a dense kernel
    as by `MaxNorm(axis=0)` of Keras, over axes 0 to 2 of the kernel of a convolution. A vector is one unit.
    """
    last = weight.ndim if weight.ndim - stacked < 2 else weight.ndim - 1
    norm = jnp.sqrt(jnp.sum(weight * weight, axis=tuple(range(stacked, last)), keepdims=True))
    most = jnp.broadcast_to(jnp.asarray(largest, weight.dtype), norm.shape)
    factor = jnp.where(norm > most, most / jnp.where(norm > 0, norm, jnp.ones_like(norm)), jnp.ones_like(norm))
    return weight * factor


def _over_layers(node: Node, values: list[Any]) -> Any:
    """One value where all layers have the same, else an array that broadcasts to the stacked weight."""
    if all(value == values[0] for value in values):
        return values[0]
    counts = tuple(count for _, count in stack_of(node))
    filled = [np.inf if value is None else value for value in values]
    return np.asarray(filled).reshape(counts + (1,) * (node.type.rank - len(counts)))


def _scaled(changes: Mapping[str, Any], scales: Factors) -> dict[str, Any]:
    return {
        name: change
        if np.ndim(scales[name]) == 0 and scales[name] == 1
        else change * jnp.broadcast_to(jnp.asarray(scales[name], change.dtype), change.shape)
        for name, change in changes.items()
    }
