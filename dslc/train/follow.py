"""Copies of weights that follow them: the weights of `snapshot` and `average`, and whatever else keeps a mean of weights.

A follower is a `state` node whose op says whom it follows and how (`follows`, `decay`, `pace`): data in the graph. So it is
saved in checkpoints and weights as states are, a layer may read it as its weight, and one that nothing reads is kept as
well. It starts as the parameter or state that it follows does (`initial` sees to that), no gradient and no optimizer
touches it, and after the updates of a training step it becomes

    decay * itself + (1 - decay) * what it follows

in every training step whose number divides by `pace`. With a decay (a mean) this counts the steps in which an update changes
what it follows; without one (a copy) all of them.
"""

from collections.abc import Mapping
from typing import Any

from dslc.graph import Graph
from dslc.lazy import jnp
from dslc.ops.core.state import State
from dslc.plan import Update


def followers(graph: Graph) -> dict[str, State]:
    """The states of a graph that follow something else, by name."""
    found = ((node.name, node.op) for node in graph.sources("state"))
    return {name: op for name, op in found if isinstance(op, State) and op.follows}


def clocks(graph: Graph) -> tuple[str, ...]:
    """The states of a graph that say how much of the run is done."""
    return tuple(node.name for node in graph.sources("state") if isinstance(node.op, State) and node.op.clock)


def followed(graph: Graph, updates: tuple[Update, ...], arrays: Mapping[str, Any], number: Any) -> dict[str, Any]:
    """The followers after the updates of a training step.

    Args:
        arrays: weights and states by name, those that are followed as they are now.
        number: of the training step; the first is 1.
    """
    made: dict[str, Any] = {}
    for name, op in followers(graph).items():
        due = op.pace == 1 or number % op.pace == 0
        changing = [update for update in updates if op.follows in (*update.weights, *update.states)]
        if op.decay and not any(update.every == 1 for update in changing):
            due = due & _any(update.is_due(number) for update in changing)
        made[name] = _moved(arrays[name], arrays[op.follows], op.decay, due)
    return made


def _any(conditions: Any) -> Any:
    found: Any = False
    for condition in conditions:
        found = condition | found
    return found


def _moved(held: Any, now: Any, decay: float, due: Any) -> Any:
    if due is False:
        return held
    # Counts have no mean: a copy of the last is what there is to follow.
    after = held + (1.0 - decay) * (now - held) if decay and jnp.issubdtype(held.dtype, jnp.floating) else now
    return after if due is True else jnp.where(due, after, held)
