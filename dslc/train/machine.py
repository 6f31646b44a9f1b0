"""The compiled programs of a run, with the data they work on."""

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property
from typing import TYPE_CHECKING, Any

from dslc.lazy import jax, np
from dslc.lower import shapes_of
from dslc.source import Source
from dslc.train.ema import shown
from dslc.train.evaluate import Evaluation
from dslc.train.generator import base_key
from dslc.train.load import Begin
from dslc.train.packing import joins
from dslc.train.program import Carry, Loop
from dslc.train.task import Task, on_device

if TYPE_CHECKING:
    from jax.stages import Compiled, Lowered

COMPILERS = 2
"""Programs that are compiled at the same time."""


class Machine:
    """Starts, runs and measures a task.

    There are three programs, whatever the length of the run. XLA compiles them side by side, and one that is only needed
    at the end while the model trains already.
    """

    def __init__(self, task: Task, source: Source | None = None, begin: Begin | None = None) -> None:
        self.task, self.loop, self.begin = task, Loop(task, source), begin
        self.key, self.data = base_key(task.plan.seed), on_device(task.train)
        self.pool = ThreadPoolExecutor(COMPILERS, "compile")
        self.starting: Lowered = jax.jit(self.loop.start).lower(self.key)
        self.running: Future[Compiled] = self.pool.submit(self._compile_run)
        self.measures = {
            name: Measure(Evaluation(task, part, source), self.key, self.pool) for name, part in task.held_out.items()
        }

    def start(self) -> Carry:
        """The carry of the first step."""
        carry = self.starting.compile()(self.key)
        begin = self.begin() if self.begin else None
        if begin is None or begin.is_drawn:
            return carry
        named = self.to_host(carry)
        arrays = begin.into({**named.weights, **named.state}, self.task.kept)
        weights, state = ({name: arrays[name] for name in part} for part in (named.weights, named.state))
        return self.to_device(named._replace(weights=weights, state=state))

    def run(self, carry: Carry, stop: int) -> Carry:
        """Train to a step; the carry that is given is used up."""
        return self.running.result()(carry, self.data, self.key, np.int32(stop))

    def measure(self, split: str, weights: Mapping[str, Any], state: Mapping[str, Any]) -> dict[str, Any]:
        """Loss, scalars and metrics over a held-out part, with weights by name."""
        return self.measures[split](weights, state)

    @cached_property
    def like(self) -> Carry:
        """Shapes and dtypes of a carry."""
        return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype), self.starting.out_info)

    @cached_property
    def named_like(self) -> Carry:
        """Shapes and dtypes of a carry as `to_host` gives it."""
        return jax.eval_shape(self.loop.packing.unpack_all, self.like._replace(order=()))

    def to_host(self, carry: Carry) -> Carry:
        """A copy in the host's memory with weights by name."""
        # Copied, because the next call of `run` works in the memory of the carry.
        return self.loop.packing.unpack_all(jax.tree.map(np.array, carry._replace(order=())))

    def to_device(self, named: Carry) -> Carry:
        """Undoes `to_host`."""
        carry = jax.tree.map(jax.numpy.array, self.loop.packing.pack_all(named))
        return carry._replace(order=self.loop.no_order())

    def weights(self, carry: Carry) -> dict[str, Any]:
        """Weights by name; joined ones as NumPy has them: to cut them apart on the device takes a program."""
        packed = {name: np.array(array) for name, array in carry.weights.items() if joins(name)}
        return self.loop.packing.unpack({**carry.weights, **packed})

    def shown(self, carry: Carry) -> tuple[dict[str, Any], dict[str, Any]]:
        """Weights and states by name as they are measured and saved."""
        return shown(self.weights(carry), carry.state)

    def close(self) -> None:
        """Do not wait for what is still being compiled."""
        self.pool.shutdown(wait=False, cancel_futures=True)

    def _compile_run(self) -> "Compiled":
        run = jax.jit(self.loop.run, donate_argnums=0)
        return run.lower(self.like, self.data, self.key, np.int32(0)).compile()


class Measure:
    """The compiled evaluation of one part."""

    def __init__(self, evaluation: Evaluation, key: Any, pool: ThreadPoolExecutor) -> None:
        self.evaluation, self.key = evaluation, key
        self.data = on_device(evaluation.part)
        self.program = pool.submit(self._compile)

    def __call__(self, weights: Mapping[str, Any], state: Mapping[str, Any]) -> dict[str, Any]:
        sums = self.program.result()(dict(weights), dict(state), self.data, self.key)
        return self.evaluation.values(jax.device_get(sums))

    def _compile(self) -> "Compiled":
        graph = self.evaluation.task.plan.graph
        shapes = shapes_of(graph, "parameter"), shapes_of(graph, "state")
        return jax.jit(self.evaluation.run).lower(*shapes, self.data, self.key).compile()
