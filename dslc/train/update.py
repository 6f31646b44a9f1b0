"""From the gradients of the loss to those that the optimizer gets."""

from collections.abc import Mapping
from typing import Any

from dslc.lazy import jnp, optax
from dslc.plan import Plan

PENALIZED = ("kernel", "recurrent")
"""Roles of the weights that `l1` and `l2` keep small."""


def penalized(plan: Plan, weights: Mapping[str, Any], gradients: Mapping[str, Any]) -> dict[str, Any]:
    """The gradients of the loss with `l1 * sum |w| + l2 * sum w ** 2` over the kernels added to it."""
    slopes = dict(gradients)
    for name in (name for name in gradients if name.split(".")[-1] in PENALIZED):
        if plan.l1:
            slopes[name] = slopes[name] + plan.l1 * jnp.sign(weights[name])
        if plan.l2:
            slopes[name] = slopes[name] + 2.0 * plan.l2 * weights[name]
    return slopes


def applied(weights: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The weights after a step; those without a change are frozen."""
    return {
        name: weight + changes[name].astype(weight.dtype) if name in changes else weight
        for name, weight in weights.items()
    }


def clipped(plan: Plan, gradients: Mapping[str, Any]) -> tuple[dict[str, Any], Any]:
    """Gradients whose norm, taken over all of them, is at most `clip`; and the norm, 0 where it is not needed."""
    if plan.clip is None:
        return dict(gradients), jnp.zeros(())
    norm = optax.tree.norm(gradients)
    factor = plan.clip / jnp.maximum(norm, plan.clip)
    return {name: gradient * factor.astype(gradient.dtype) for name, gradient in gradients.items()}, norm
