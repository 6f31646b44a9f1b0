"""The program of a run: epochs, steps and updates in one compiled call, with Python outside of the loop."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

from dslc.initialize import initial
from dslc.lazy import jax, jnp, lax
from dslc.lower import Program, lower, scope, shapes_of
from dslc.ops._bits import never_differentiated
from dslc.plan import Update
from dslc.source import NOWHERE, Source
from dslc.train.follow import clocks, followed, followers
from dslc.train.generator import fold, hashes
from dslc.train.packing import Packing, stacks
from dslc.train.scaling import scales, scaling
from dslc.train.task import Task
from dslc.train.update import Changing, Moving

if TYPE_CHECKING:
    from optax import GradientTransformation

DRAWS, ORDER, START, ROWS = range(4)
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
    optimizer: tuple[Any, ...]
    """What the optimizer of each update keeps."""
    step: Any
    """Steps taken."""
    sums: dict[str, Any]
    """Losses and scalars, added over those of the last `counted` steps in which they are worked out."""
    counted: Any
    fine: Any
    """False: a loss of step `step` was not finite, and the rest of the carry is as it was before it."""
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
    def updates(self) -> tuple[Changing, ...]:
        """What a step changes, in order."""
        plan = self.task.plan
        return tuple(
            Changing(
                update, program, self.rule(update), self.packing, self.task.groups, plan.accumulate,
                scales(plan.precision),
            )
            for update, program in zip(plan.updates, self.programs, strict=True)
        )  # fmt: skip

    @cached_property
    def programs(self) -> tuple[Program, ...]:
        """What each of the updates computes."""
        return tuple(self.joint(update) for update in self.task.plan.updates)

    def joint(self, update: Update) -> Program:
        """An update's loss, scalars, next states and gradients."""
        return lower(self.task.joint(update), self.source)

    def rule(self, update: Update) -> "GradientTransformation":
        """How gradients become changes."""
        length = replace(self.task.length, every=update.every)
        rule = self.task.groups.rule(update.optimizer, length, self.packing)
        return scaling(rule) if scales(self.task.plan.precision) else rule

    @cached_property
    def packing(self) -> Packing:
        """How weights are laid out while they train; where updates take turns, or look at whole weights, each is by itself."""
        weights = shapes_of(self.task.plan.graph, "parameter")
        updates = self.task.plan.updates
        alone = len(updates) == 1 and set(updates[0].weights) == set(weights) and not updates[0].optimizer.whole
        return self.task.groups.packing(weights, tuple(stacks(self.programs[0].graph))) if alone else Packing({})

    def start(self, key: Any) -> Carry:
        """The carry before the first step."""
        weights, state = initial(self.task.kept, fold(key, START))
        weights, zero = self.packing.pack(weights), jnp.zeros((), jnp.int32)
        rules = tuple(update.rule.init(update.own(weights)) for update in self.updates)
        return Carry(weights, state, rules, zero, self.no_sums(), zero, jnp.ones((), bool), self.no_order())

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
        """One step: its updates, one after the other; with a loss that is not finite, nothing but `fine` changes."""
        fields, draws = self.batch(carry.step, data, rows, key), fold(key, DRAWS, carry.step)
        moving = Moving(carry.weights, carry.state, {}, jnp.ones((), bool))
        kept = list(carry.optimizer)
        for place, update in enumerate(self.updates):
            with never_differentiated():
                moving, kept[place] = update.when_due(moving, kept[place], fields, draws, carry.step + 1)
        fine = moving.fine
        if self.careful:
            fine = fine & jnp.stack([jnp.isfinite(weight).all() for weight in moving.weights.values()]).all()
        made = Carry(
            weights=moving.weights,
            state=self.followed(moving, carry.step + 1),
            optimizer=tuple(kept),
            step=carry.step + 1,
            sums={name: total + moving.told[name] for name, total in carry.sums.items()},
            counted=carry.counted + 1,
            fine=fine,
            order=carry.order,
        )
        before = carry._replace(fine=fine)
        return jax.tree.map(lambda after, before: jnp.where(fine, after, before), made, before)

    def followed(self, moving: Moving, number: Any) -> dict[str, Any]:
        """The states after a step, followers included."""
        graph = self.task.kept
        state = moving.state
        if names := clocks(graph):
            done = number.astype(jnp.float32) / max(self.task.length.total, 1)
            state = {**state, **dict.fromkeys(names, done)}
        if not followers(graph):
            return state
        arrays = {**self.packing.unpack(moving.weights), **moving.state}
        return {**state, **followed(graph, self.task.plan.updates, arrays, number)}

    def batch(self, step: Any, data: Any, rows: Any, key: Any) -> dict[str, Any]:
        """The rows of a step, with what the data's stages draw for it."""
        first = step % self.task.length.per_epoch * self.task.plan.batch
        place = self.task.plan.spans.get("data", NOWHERE)
        with jax.named_scope(scope("batch", place, self.source)):
            places = lax.dynamic_slice_in_dim(rows, first, self.task.plan.batch)
            return self.task.train.table.gather(data, places, fold(key, ROWS, step))
