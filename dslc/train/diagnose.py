"""Which layer was the first with a number that is not finite."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from dslc.errors.train import NotFinite
from dslc.lazy import jax, jnp, np
from dslc.lower import NotFinite as Found
from dslc.lower import replay
from dslc.train.accumulate import micro_batches
from dslc.train.generator import fold
from dslc.train.program import DRAWS, Carry, Loop, order
from dslc.train.update import Changing, Moving


def is_finite(tree: Any) -> bool:
    """Whether every float of a tree is finite."""
    arrays = [np.asarray(array) for array in jax.tree.leaves(tree)]
    return all(bool(np.isfinite(array).all()) for array in arrays if jnp.issubdtype(array.dtype, jnp.floating))


@dataclass(frozen=True)
class Diagnosis:
    """Looks for the first bad number of a run that came to one.

    `earlier` gives a good carry of some step before: the last checkpoint, or the start.
    """

    loop: Loop
    data: Any
    key: Any
    earlier: Callable[[], Carry]

    def problem(self, carry: Carry, checkpoint: int | None) -> NotFinite:
        """What to say of a carry with a loss, or with weights, that are not finite."""
        last = int(carry.step)
        if not is_finite((carry.weights, carry.state)):
            carry = self._just_before(last)
        step = int(carry.step)
        found = self._replayed(carry)
        if found is None:
            return self._unknown(step, checkpoint)
        kind, path = found.node.op.name, found.path
        stage = "gradient" if kind == "gradient" or found.node.name.endswith(".gradient") else "output"
        # A copy in a loop has the place in the source of the first one; the graph of the plan has its own.
        node = self.loop.task.plan.graph.nodes.get(found.node.name, found.node)
        span = node.span if node.span.file else self.loop.task.plan.span
        return NotFinite(span, step, _what(found), path, stage, kind == "input", checkpoint)

    def _just_before(self, last: int) -> Carry:
        """The carry before the step that spoilt the weights: the same steps again, with a look at every weight."""
        careful = replace(self.loop, careful=True)
        run = jax.jit(careful.run)
        return run(self.earlier(), self.data, self.key, np.int32(last + 1))

    def _replayed(self, carry: Carry) -> Found | None:
        """The first bad node of the step after a carry, forward then backward."""
        task, step = self.loop.task, carry.step
        rows = order(self.key, step // task.length.per_epoch, task.train.rows)
        fields = self.loop.batch(step, self.data, rows, self.key)
        key = fold(self.key, DRAWS, step)
        moving = Moving(carry.weights, carry.state, {}, True)
        for changing, kept in zip(self.loop.updates, carry.optimizer, strict=True):
            if changing.update.is_due(int(step) + 1):
                weights = self.loop.packing.unpack(moving.weights)
                found = self._in_part(changing, weights, changing.read(moving.state, kept), fields, key)
                if found is not None:
                    return found
                moving, _ = changing(moving, kept, fields, key)
        return None

    def _in_part(self, changing: Changing, weights: Any, state: Any, fields: Any, key: Any) -> Found | None:
        """The first bad node of an update, in the first micro-batch that has one."""
        for part, draws in micro_batches(changing.micro, fields, key):
            found = replay(changing.program.graph, weights, state, part, training=True, key=draws)
            if found is not None:
                return found
            if changing.micro > 1:
                state = {**state, **changing.program(weights, state, part, training=True, key=draws)[1]}
        return None

    def _unknown(self, step: int, checkpoint: int | None) -> NotFinite:
        """Node by node every number is finite: only the sum over the step, or the update, is not."""
        plan = self.loop.task.plan
        return NotFinite(
            plan.updates[0].spans.get("loss", plan.span), step, "NaN or infinity", "loss", "gradient", False, checkpoint
        )


def _what(found: Found) -> str:
    return "NaN" if found.is_nan else "infinity"
