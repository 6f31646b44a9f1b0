"""What the compiler makes of a `train` block: a graph over the fields of the data, and how to train it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dslc.graph import Graph
from dslc.source import NOWHERE, Span

if TYPE_CHECKING:
    from dslc.build.weights import Sections
    from dslc.data.pipeline import Pipeline
    from dslc.ops.metric.base import Metric
    from dslc.optimizers.base import Optimizer

BATCH = 32
"""Rows of a training step where a train block does not say."""


@dataclass(frozen=True)
class Duration:
    """A stretch of training: `2_000` steps, `0.1` of the run, `epochs(5)`. Exactly one field is given."""

    steps: int | None = None
    fraction: float | None = None
    epochs: float | None = None

    def in_steps(self, total: int, per_epoch: int) -> int:
        """Length in steps of a run of `total` steps, `per_epoch` of them to an epoch."""
        if self.steps is not None:
            return self.steps
        if self.epochs is not None:
            return round(self.epochs * per_epoch)
        return round((self.fraction or 0.0) * total)


@dataclass(frozen=True)
class Group:
    """What a `group` of a train block says of the weights whose path one of its globs means; None: nothing."""

    globs: tuple[str, ...]
    decay: float | None = None
    """In place of the optimizer's own."""
    lr: float | None = None
    """Factor of the learning rate."""
    frozen: bool | None = None
    max_norm: float | None = None
    """Largest norm of the weights that go into one unit, after each update."""


@dataclass(frozen=True)
class Update:
    """One change of weights: what a `step` of a train block says, or the block itself where it has no steps."""

    optimizer: "Optimizer"
    name: str = ""
    """Name of the step; empty for a block without steps."""
    loss: str = "loss"
    """The output of the graph to make small."""
    scalars: tuple[str, ...] = ()
    """Outputs that are worked out with it and logged."""
    weights: tuple[str, ...] = ()
    """The parameters that it changes."""
    states: tuple[str, ...] = ()
    """The states whose next values it keeps."""
    every: int = 1
    """It is made in each training step whose number divides by this, counted from 1."""
    clip: float | None = None
    """Largest global norm of the gradients."""
    l1: float = 0.0
    l2: float = 0.0
    """Penalties added to the loss: `l1 * sum |w| + l2 * sum w ** 2` over all kernels (no biases, scales or tables)."""
    spans: Mapping[str, Span] = field(default_factory=dict[str, Span])
    """Where each setting is written."""

    def is_due(self, number: Any) -> Any:
        """Whether it is made in a training step, the first of which is number 1."""
        return number % self.every == 0

    def count(self, after: int, until: int) -> int:
        """How often it is made in the training steps `after + 1` to `until`."""
        return until // self.every - after // self.every


@dataclass(frozen=True)
class Plan:
    """A checked `train` block.

    `graph` takes the fields of the data as its inputs and puts out the loss and the scalars of every update, and the
    sums of every metric under `metric <name>`. Its dimensions are still symbolic (`batch`).
    """

    name: str
    model: str
    """The model that it names; the name of the block again where that is a free title."""
    graph: Graph
    data: "Pipeline"
    updates: tuple[Update, ...]
    """What a training step changes, one after the other; a block without steps has one."""
    batch: int = BATCH
    accumulate: int = 1
    """Micro-batches whose gradients are averaged before an update; it divides `batch`."""
    epochs: int | None = 10
    steps: int | None = None
    """Given instead of epochs."""
    seed: int = 0
    precision: str = "f32"
    """The floats that it computes in: `f32`, `bf16` or `f16`; weights stay in float32."""
    groups: tuple[Group, ...] = ()
    """In the order of writing: what a later one says of a weight wins."""
    memory: int | None = None
    """Bytes that a training step may take; what does not fit is computed again. None: keep what is fastest."""
    ema: float | None = None
    """How much of itself the mean of a weight keeps in each step; the means are measured and saved. None: no means."""
    early_stop: Duration | None = None
    """Stop when the validation loss (test loss where there is no validation part) has not improved for so long."""
    checkpoint: Duration = Duration(epochs=1)
    validate: Duration = Duration(epochs=1)
    log: Duration = Duration(steps=100)
    metrics: Mapping[str, "Metric"] = field(default_factory=dict[str, "Metric"])
    passes: tuple[str, ...] | None = None
    """The optimizations to run; None: all of them."""
    start: str | None = None
    """A run, or a file with the model's own names, whose weights it begins with."""
    sections: "Sections | None" = None
    """The `weights` sections that say where its first weights come from."""
    span: Span = NOWHERE
    spans: Mapping[str, Span] = field(default_factory=dict[str, Span])
    """Where each setting is written."""

    @property
    def rows(self) -> int:
        """Rows that a program takes at a time: those of a micro-batch."""
        return self.batch // self.accumulate

    @property
    def optimizer(self) -> "Optimizer":
        """That of the first update."""
        return self.updates[0].optimizer

    @property
    def losses(self) -> tuple[str, ...]:
        """The outputs that are made small; what is measured as `loss` is their sum."""
        return tuple(update.loss for update in self.updates)

    @property
    def scalars(self) -> tuple[str, ...]:
        """What is logged besides the losses."""
        return tuple(name for update in self.updates for name in update.scalars)
