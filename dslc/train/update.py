"""An update: from a loss and its gradients to other weights."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from dslc.differentiate import gradient_name
from dslc.lazy import jax, jnp, lax, optax
from dslc.lower import Program, scope
from dslc.plan import Update
from dslc.source import NOWHERE
from dslc.train.accumulate import averaged
from dslc.train.groups import Groups
from dslc.train.packing import Packing, joins
from dslc.train.scaling import SCALE, SMALLEST, is_sound, unscaled

if TYPE_CHECKING:
    from optax import GradientTransformation

PENALIZED = ("kernel", "recurrent")
"""Roles of the weights that `l1` and `l2` keep small."""


def penalized(update: Update, weights: Mapping[str, Any], gradients: Mapping[str, Any]) -> dict[str, Any]:
    """The gradients of the loss with `l1 * sum |w| + l2 * sum w ** 2` over the kernels added to it."""
    slopes = dict(gradients)
    for name in (name for name in gradients if name.split(".")[-1] in PENALIZED):
        if update.l1:
            slopes[name] = slopes[name] + update.l1 * jnp.sign(weights[name])
        if update.l2:
            slopes[name] = slopes[name] + 2.0 * update.l2 * weights[name]
    return slopes


def applied(weights: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The weights after a step; those without a change are frozen."""
    return {
        name: weight + changes[name].astype(weight.dtype) if name in changes else weight
        for name, weight in weights.items()
    }


def clipped(update: Update, gradients: Mapping[str, Any]) -> tuple[dict[str, Any], Any]:
    """Gradients whose norm, taken over all of them, is at most `clip`; and the norm, 0 where it is not needed."""
    if update.clip is None:
        return dict(gradients), jnp.zeros(())
    norm = optax.tree.norm(gradients)
    factor = update.clip / jnp.maximum(norm, update.clip)
    return {name: gradient * factor.astype(gradient.dtype) for name, gradient in gradients.items()}, norm


class Moving(NamedTuple):
    """What the updates of one step hand on."""

    weights: dict[str, Any]
    """As they are laid out while they train."""
    state: dict[str, Any]
    told: dict[str, Any]
    """Losses and scalars; 0 of an update that was not due."""
    fine: Any


@dataclass(frozen=True)
class Changing:
    """An update as it is run."""

    update: Update
    program: Program
    rule: "GradientTransformation"
    packing: Packing
    groups: Groups
    micro: int = 1
    """Micro-batches of a batch."""
    scaled: bool = False
    """Its gradients are those of the loss times a factor that its optimizer keeps."""

    def own(self, weights: dict[str, Any]) -> dict[str, Any]:
        """Those of the weights, as they are laid out, that it changes."""
        return weights if self.packing.names else {name: weights[name] for name in self.update.weights}

    def when_due(self, moving: Moving, kept: Any, fields: Any, draws: Any, number: Any) -> tuple[Moving, Any]:
        """The update where it is due in a training step; with it what its optimizer keeps."""
        if self.update.every == 1:
            return self(moving, kept, fields, draws)
        nothing = {name: jnp.zeros((), jnp.float32) for name in self._told}
        waiting = moving._replace(told={**moving.told, **nothing}), kept
        return lax.cond(self.update.is_due(number), lambda: self(moving, kept, fields, draws), lambda: waiting)

    def __call__(self, moving: Moving, kept: Any, fields: Any, draws: Any) -> tuple[Moving, Any]:
        """The update at the present weights and states."""
        named, own = self.packing.unpack(moving.weights), self.own(moving.weights)
        outputs, state = averaged(self.program, self.micro, named, self.read(moving.state, kept), fields, draws)
        told = {name: outputs[name].astype(jnp.float32) for name in self._told}
        gradients = {name: gradient_of(outputs, name, named) for name in self.groups.changed(self.update)}
        fine = moving.fine & jnp.isfinite(told[self.update.loss])
        overflown: Any = False
        if self.scaled:
            gradients = unscaled(gradients, kept.scale)
            overflown = ~is_sound(gradients.values())
            # With a smaller factor they may be finite; the step is then no step.
            fine = fine & ~(overflown & (kept.scale <= SMALLEST))
            state = {name: jnp.where(overflown, moving.state[name], after) for name, after in state.items()}
        place = self.update.spans.get("optimizer", NOWHERE)
        with jax.named_scope(scope("optimizer", place, self.program.source)):
            gradients = self.packing.pack(self.groups.masked(penalized(self.update, named, gradients)))
            gradients, norm = clipped(self.update, _apart(gradients))
            changes: Any
            changes, kept = self.rule.update(gradients, kept, own)
            weights = applied(own, changes)
        fine = fine & (jnp.isfinite(norm) | overflown)
        return Moving({**moving.weights, **weights}, {**moving.state, **state}, {**moving.told, **told}, fine), kept

    def read(self, state: Mapping[str, Any], kept: Any) -> dict[str, Any]:
        """The states that its program reads."""
        return {**state, SCALE: kept.scale} if self.scaled else dict(state)

    @property
    def _told(self) -> tuple[str, ...]:
        return (self.update.loss, *self.update.scalars)


def gradient_of(outputs: Mapping[str, Any], name: str, weights: Mapping[str, Any]) -> Any:
    """The gradient by a weight; zeros for one that only a metric reads."""
    found = outputs.get(gradient_name(name))
    return jnp.zeros_like(weights[name]) if found is None else found


def _apart(arrays: dict[str, Any]) -> dict[str, Any]:
    """Arrays that are computed before they are used.

    XLA would otherwise compute each element of a packed array where it is used, by a choice between all its parts.
    """
    return {name: lax.optimization_barrier(array) if joins(name) else array for name, array in arrays.items()}
