"""The program of a run: epochs, steps and updates in one compiled call, with Python outside of the loop."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from dslc.differentiate import gradient_name
from dslc.initialize import initial
from dslc.lazy import jax, jnp, lax
from dslc.lower import Program, lower, shapes_of
from dslc.source import Source
from dslc.train.generator import fold, hashes
from dslc.train.packing import PACKED, Packing
from dslc.train.task import Task
from dslc.train.update import applied, clipped, penalized

if TYPE_CHECKING:
    from optax import GradientTransformation

DRAWS, ORDER, START = range(3)
"""What a random key is for."""
INDEX = "int32"


class Order(NamedTuple):
    """The rows in the order of an epoch, kept from call to call: to sort a million rows takes longer than many a call."""

    epoch: Any
    """-1 before the first one."""
    rows: Any


class Carry(NamedTuple):
    """All that goes from one step to the next, and so all that a checkpoint holds, but for the order of the rows."""

    weights: dict[str, Any]
    """Packed, and so is what the optimizer keeps of each of them."""
    state: dict[str, Any]
    optimizer: Any
    step: Any
    """Steps taken."""
    sums: dict[str, Any]
    """Loss and scalars, added over `counted` steps."""
    counted: Any
    fine: Any
    """False: the loss of step `step` was not finite, and the rest of the carry is as it was before it."""
    order: Any = ()
    """An `Order` on the device, empty in the host's memory: it follows from the key and the epoch."""


def order(key: Any, epoch: Any, rows: int) -> Any:
    """The rows in the random order of an epoch: sorted by a hash, at half the cost of `jax.random.permutation`."""
    return lax.sort_key_val(hashes(fold(key, ORDER, epoch), rows), lax.iota(INDEX, rows))[1]


@dataclass(frozen=True)
class Loop:
    """The training loop of a task; its methods are to be compiled."""

    task: Task
    source: Source | None = None
    careful: bool = False
    """Stop before weights that are not finite as well: dear, so only to find out what went wrong."""

    @cached_property
    def program(self) -> Program:
        """One step's loss, scalars, next states and gradients."""
        return lower(self.task.joint(), self.source)

    @cached_property
    def rule(self) -> "GradientTransformation":
        return self.task.groups.rule(self.task.plan.optimizer, self.task.length, self.packing)

    @cached_property
    def packing(self) -> Packing:
        """How weights are laid out while they train."""
        return self.task.groups.packing(shapes_of(self.task.plan.graph, "parameter"))

    def start(self, key: Any) -> Carry:
        """The carry before the first step."""
        weights, state = initial(self.task.plan.graph, fold(key, START))
        weights, zero = self.packing.pack(weights), jnp.zeros((), jnp.int32)
        rule, fine = self.rule.init(weights), jnp.ones((), bool)
        return Carry(weights, state, rule, zero, self.no_sums(), zero, fine, self.no_order())

    def no_order(self) -> Order:
        """What an order is before its first epoch."""
        return Order(jnp.full((), -1, INDEX), jnp.zeros(self.task.train.rows, INDEX))

    def no_sums(self) -> dict[str, Any]:
        return {name: jnp.zeros((), jnp.float32) for name in self.task.scalars}

    def run(self, carry: Carry, data: Any, key: Any, stop: Any) -> Carry:
        """Train until step `stop`, or to the first step whose loss is not finite."""

        def is_open(carry: Carry) -> Any:
            return (carry.step < stop) & carry.fine

        def epoch(carry: Carry) -> Carry:
            number = carry.step // self.task.length.per_epoch
            fresh = lax.cond(
                carry.order.epoch == number, lambda: carry.order.rows, lambda: order(key, number, self.task.train.rows)
            )
            carry = carry._replace(order=Order(number, fresh))
            end = (number + 1) * self.task.length.per_epoch
            return lax.while_loop(
                lambda carry: is_open(carry) & (carry.step < end),
                lambda carry: self.step(carry, data, key, carry.order.rows),
                carry,
            )

        return lax.while_loop(is_open, epoch, carry)

    def step(self, carry: Carry, data: Any, key: Any, rows: Any) -> Carry:
        """One step; with a loss that is not finite, nothing but `fine` changes."""
        named = self.packing.unpack(carry.weights)
        outputs, state = self.outputs(named, carry.state, carry.step, self.batch(carry.step, data, rows), key)
        told = {name: outputs[name].astype(jnp.float32) for name in self.task.scalars}
        gradients = {name: outputs[gradient_name(name)] for name in self.task.weights}
        gradients = self.task.groups.masked(penalized(self.task.plan, named, gradients))
        gradients = self.packing.pack(gradients)
        gradients, norm = clipped(self.task.plan, _apart(gradients))
        updates: Any
        updates, optimizer = self.rule.update(gradients, carry.optimizer, carry.weights)
        weights = applied(carry.weights, updates)
        fine = jnp.isfinite(told["loss"]) & jnp.isfinite(norm)
        if self.careful:
            fine = fine & jnp.stack([jnp.isfinite(weight).all() for weight in weights.values()]).all()
        made = Carry(
            weights=weights,
            state={name: state.get(name, before) for name, before in carry.state.items()},
            optimizer=optimizer,
            step=carry.step + 1,
            sums={name: total + told[name] for name, total in carry.sums.items()},
            counted=carry.counted + 1,
            fine=fine,
            order=carry.order,
        )
        kept = carry._replace(fine=fine)
        return jax.tree.map(lambda after, before: jnp.where(fine, after, before), made, kept)

    def outputs(
        self, weights: Any, state: Any, step: Any, fields: Any, key: Any
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """What the graph of a step gives: its outputs and next states."""
        return self.program(weights, state, fields, training=True, key=fold(key, DRAWS, step))

    def batch(self, step: Any, data: Any, rows: Any) -> dict[str, Any]:
        """The rows of a step."""
        first = step % self.task.length.per_epoch * self.task.plan.batch
        return self.task.train.table.gather(data, lax.dynamic_slice_in_dim(rows, first, self.task.plan.batch))


def _apart(arrays: dict[str, Any]) -> dict[str, Any]:
    """Arrays that are computed before they are used.

    XLA would otherwise compute each element of a packed array where it is used, by a choice between all its parts.
    """
    return {name: lax.optimization_barrier(array) if name == PACKED else array for name, array in arrays.items()}
