"""Dynamic loss scaling for float16: the loss is multiplied before the backward pass and the gradients divided after it.

The smallest float16 is 6e-8, and most gradients of a large network lie below. The factor doubles after 2,000 good steps in a
row; gradients that overflow halve it, and that step changes nothing.
Reference: Micikevicius et al., 2018, arXiv:1710.03740.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from dslc.graph import Graph, Node, Ref
from dslc.lazy import jax, jnp, optax
from dslc.ops.arithmetic.multiply import Multiply
from dslc.ops.core.state import State
from dslc.types import Type

if TYPE_CHECKING:
    from optax import GradientTransformation

SCALE = "loss@scale"
"""The source of the factor in the graph of an update; no name of the language has it."""
FIRST = 2.0**15
"""As in Keras."""
GROWS_AFTER = 2_000
SMALLEST = 1.0
"""Gradients that are not finite with this factor are not so because of it."""


class Scaled(NamedTuple):
    """What an optimizer keeps, and the factor."""

    inner: Any
    scale: Any
    good: Any
    """Steps since the factor last changed."""


def scales(precision: str) -> bool:
    """Whether gradients of a precision need a factor; those of bfloat16 have the range of float32."""
    return precision == "f16"


def with_scaled_loss(graph: Graph, loss: str) -> tuple[Graph, str]:
    """The graph with the scaled loss as one more output, and the name of that."""
    ref = graph.outputs[loss]
    source, like, name = graph.nodes[ref.node], Type(()), f"{loss}@scaled"
    factor = Node(SCALE, State(), (), {}, (like,), span=source.span)
    product = Node(name, Multiply(), (ref, Ref(SCALE)), {}, (like,), source.path, source.span)
    nodes = {SCALE: factor, **graph.nodes, name: product}
    return replace(graph, nodes=nodes, outputs={**graph.outputs, name: Ref(name)}), name


def is_sound(gradients: Iterable[Any]) -> Any:
    """Whether every gradient is finite."""
    return jnp.stack([jnp.isfinite(gradient).all() for gradient in gradients]).all()


def unscaled(gradients: Mapping[str, Any], scale: Any) -> dict[str, Any]:
    """The gradients of the loss itself."""
    return {name: gradient / scale.astype(gradient.dtype) for name, gradient in gradients.items()}


def scaling(rule: "GradientTransformation") -> "GradientTransformation":
    """A rule that leaves everything as it is when a gradient is not finite, and keeps the factor."""
    rule_update: Any = rule.update

    def init(weights: Any) -> Scaled:
        return Scaled(rule.init(weights), jnp.asarray(FIRST, jnp.float32), jnp.zeros((), jnp.int32))

    def update(gradients: Any, kept: Scaled, weights: Any = None) -> tuple[Any, Scaled]:
        sound = is_sound(jax.tree.leaves(gradients))
        changes, inner = rule_update(gradients, kept.inner, weights)
        changes = jax.tree.map(lambda change: jnp.where(sound, change, 0), changes)
        inner = jax.tree.map(lambda after, before: jnp.where(sound, after, before), inner, kept.inner)
        return changes, Scaled(inner, *_following(kept, sound))

    return optax.GradientTransformation(init, update)  # pyright: ignore[reportArgumentType]  # names of arguments


def _following(kept: Scaled, sound: Any) -> tuple[Any, Any]:
    """The next factor and the count of good steps."""
    good = jnp.where(sound, kept.good + 1, 0)
    grows = good >= GROWS_AFTER
    up = jnp.where(grows, 2 * kept.scale, kept.scale)
    down = jnp.maximum(kept.scale / 2, SMALLEST)
    return jnp.where(sound, up, down), jnp.where(grows, 0, good)
