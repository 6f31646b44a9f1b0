"""What a training step, or a call of a model, needs in memory."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from dslc.bind import bind
from dslc.differentiate import differentiate
from dslc.estimate.liveness import Peak, bytes_of, crossing, peak
from dslc.graph import Graph, Ref
from dslc.ops.core.repeat import Repeat
from dslc.optimize import optimize
from dslc.plan import Plan, Update

NUMBER = 4
"""Bytes of the number of a row: an epoch goes through the rows in an order of its own."""
COUNTERS = 640
"""Bytes of the ten or so numbers that the loop keeps, each in 64 bytes: steps, sums of losses, rates."""


@dataclass(frozen=True)
class Step:
    """The graph of an update, with its backward pass, for a batch of known size."""

    update: Update
    graph: Graph

    @cached_property
    def peak(self) -> Peak:
        """What its intermediate tensors need at once."""
        return peak(self.graph)

    @cached_property
    def kept(self) -> int:
        """Bytes that wait between the forward and the backward pass."""
        start = f"{self.graph.outputs[self.update.loss].node}.gradient"
        first = next((name for name in self.graph.nodes if name.startswith(f"{self.update.loss}.gradient")), start)
        return crossing(self.graph, first)

    @cached_property
    def batch(self) -> int:
        """Bytes of the rows that it learns from, and of their numbers."""
        types = [node.type for node in self.graph.sources("input")]
        return bytes_of(*types) + NUMBER * max((int(type.shape[0]) for type in types if type.shape), default=0)  # pyright: ignore[reportArgumentType]

    @cached_property
    def stacked(self) -> int:
        """Bytes of the gradients by the weights of loops."""
        stacked = {node.name for node in self.graph.sources("parameter") if getattr(node.op, "stack", ())}
        return self._gradients_of(stacked - self._side_by_side)

    @cached_property
    def pieces(self) -> int:
        """Bytes of the gradients of single iterations that run side by side, which wait to be stacked."""
        return self._gradients_of(self._side_by_side)

    @property
    def _side_by_side(self) -> set[str]:
        """Weights of repeats whose iterations are no loop."""
        repeats = (node for node in self.graph if isinstance(node.op, Repeat) and node.op.unroll)
        return {
            ref.node
            for node in repeats
            for ref in node.references()
            if self.graph.nodes[ref.node].op.name == "parameter"
        }

    def _gradients_of(self, weights: Collection[str]) -> int:
        found = ((name.removeprefix("gradient of "), ref) for name, ref in self.graph.outputs.items())
        return bytes_of(*(self.graph.type(ref) for name, ref in found if name in weights))

    @cached_property
    def gradients(self) -> int:
        """Bytes of the gradients, all of which are there when the weights change."""
        return bytes_of(*(self.graph.type(ref) for name, ref in self.graph.outputs.items() if name.startswith("grad")))


def forward(plan: Plan, update: Update) -> tuple[Graph, list[str]]:
    """The graph of an update before its backward pass, and the weights that it trains, by the same stages that compile it."""
    wanted = {name: plan.graph.outputs[name] for name in (update.loss, *update.scalars)}
    graph = bind(replace(plan.graph, outputs=wanted).live(), {"batch": plan.rows})
    graph = replace(graph, updates={name: ref for name, ref in graph.updates.items() if name in update.states})
    graph, _ = optimize(graph, "training", plan.passes, plan.precision)
    return graph, [name for name in update.weights if name in graph.nodes and _is_trained(graph, name)]


def step(plan: Plan, update: Update) -> Step:
    """An update of a plan as a graph with its backward pass, everything kept."""
    graph, trained = forward(plan, update)
    return Step(update, differentiate(graph, update.loss, trained))


def _is_trained(graph: Graph, name: str) -> bool:
    return bool(getattr(graph.nodes[name].op, "trainable", True))


@dataclass(frozen=True)
class Needs:
    """Bytes by what they are for."""

    weights: int
    optimizer: int
    state: int
    gradients: int
    activations: int
    """Kept from the forward to the backward pass."""
    temporaries: int = 0
    """What it works with besides at its peak."""
    batch: int = 0
    data: int = 0
    """The rows to train on, which stay on the device."""

    @property
    def total(self) -> int:
        return sum(self.parts().values())

    def of(self, step: "Step") -> "Needs":
        """With what a step takes besides what stays."""
        # XLA writes what the optimizer keeps anew, in copies: at the beginning of a step, those of repeats at its end.
        # Where the old ones were it puts the gradients in the meantime.
        slots, single = step.update.optimizer.slots, step.gradients - step.stacked
        peak = max(step.peak.bytes + step.pieces + slots * single, slots * step.gradients) - (single if slots else 0)
        kept = max(0, min(step.kept, step.peak.bytes, peak))
        working = max(0, peak - kept) + COUNTERS
        return replace(self, gradients=step.gradients, activations=kept, temporaries=working, batch=step.batch)

    def parts(self) -> dict[str, int]:
        """By name, the largest first."""
        found = {
            "weights": self.weights,
            "optimizer state": self.optimizer,
            "statistics": self.state,
            "gradients": self.gradients,
            "activations": self.activations,
            "temporaries": self.temporaries,
            "batch": self.batch,
            "data": self.data,
        }
        return dict(sorted(((name, size) for name, size in found.items() if size), key=lambda item: -item[1]))


def of_plan(plan: Plan) -> Needs:
    """What a training step needs, from the graph alone: no program is made for it."""
    return of_steps(plan, [step(plan, update) for update in plan.updates])


def of_steps(plan: Plan, steps: Sequence[Step]) -> Needs:
    """What the updates of a training step need: XLA works on those that are due in every step at once."""
    found = [standing(plan).of(one) for one in steps]
    always = [needs for one, needs in zip(steps, found, strict=True) if one.update.every == 1]
    if len(always) > 1:
        found.append(
            replace(
                always[0],
                gradients=sum(needs.gradients for needs in always),
                activations=sum(needs.activations for needs in always),
                temporaries=sum(needs.temporaries for needs in always),
                batch=max(needs.batch for needs in always),
            )
        )
    return max(found, key=lambda needs: needs.total)


def standing(plan: Plan) -> Needs:
    """What stays from step to step."""
    stored = {kind: bytes_of(*(node.types[0] for node in plan.graph.sources(kind))) for kind in ("parameter", "state")}
    optimizer = sum(
        update.optimizer.slots * bytes_of(*(plan.graph.type(Ref(name)) for name in update.weights))
        for update in plan.updates
    )
    copies = stored["parameter"] if plan.ema is not None else 0
    return Needs(stored["parameter"], optimizer, stored["state"] + copies, 0, 0)


def of_graph(graph: Graph) -> Needs:
    """What a call of a model without open sizes needs."""
    stored = {kind: bytes_of(*(node.types[0] for node in graph.sources(kind))) for kind in ("parameter", "state")}
    ends = bytes_of(
        *(node.type for node in graph.sources("input")), *(graph.type(ref) for ref in graph.outputs.values())
    )
    return Needs(stored["parameter"], 0, stored["state"], 0, 0, peak(graph).bytes, ends)
