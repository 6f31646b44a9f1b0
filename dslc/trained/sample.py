"""Text that a model continues."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from dslc.bind import bind, dims_of
from dslc.data.base import DataFailure
from dslc.data.vocabulary import encode
from dslc.errors.data import NothingToSample, from_failure
from dslc.graph import Graph
from dslc.lazy import jax, jnp, lax, np
from dslc.lower import Program, lower
from dslc.optimize import optimize
from dslc.prepare import Prepared, prepare
from dslc.source import NOWHERE
from dslc.train.generator import base_key
from dslc.trained.run import Run, failed


@dataclass(frozen=True)
class Settings:
    """How the next character is drawn."""

    temperature: float = 1.0
    """Divides the logits; 0 takes the likeliest character."""
    top_k: int | None = None
    """Only so many of the likeliest characters are drawn from."""
    seed: int = 0


def sample(run: Run, prompt: str, count: int, settings: Settings) -> Iterator[str]:
    """So many characters that continue the prompt, one after the other.

    The model sees the last `context` characters; what stands behind the present one, it cannot see: a model of text is causal.

    Raises:
        Failed: when the model does not continue text, or the prompt has a character that it has not learnt.
    """
    vocabulary, context = _vocabulary(run), int(getattr(run.declared.data.source, "context", 0))
    try:
        ids = encode(prompt or vocabulary[0], vocabulary).tolist()
    except DataFailure as failure:
        raise failed(from_failure(NOWHERE, failure)) from None
    weights, state = run.arrays(run.graph)
    prepared = _prepared(run, context)
    weights |= lower(prepared.once)(weights, state, {})[0]
    step = jax.jit(_step(run, prepared.rest, settings))
    key = base_key(settings.seed)
    for number in range(count):
        seen = ids[-context:]
        window = np.zeros((1, context), np.int32)
        window[0, : len(seen)] = seen
        ids.append(int(step(weights, state, window, np.int32(len(seen) - 1), jax.random.fold_in(key, number))))
        yield vocabulary[ids[-1]]


def _vocabulary(run: Run) -> tuple[str, ...]:
    """The characters that the model puts out logits for."""
    names = run.config.get("names", {}).get("tokens")
    inputs = run.graph.sources("input")
    if not names or len(inputs) != 1 or len(run.graph.outputs) != 1 or run.graph.type(_only(run)).rank != 3:
        raise failed(NothingToSample(run.declared.span, run.declared.model))
    return tuple(names)


def _only(run: Run) -> Any:
    return next(iter(run.graph.outputs.values()))


def _prepared(run: Run, context: int) -> Prepared:
    """The graph for one window, and apart from it what depends on the weights alone."""
    name = run.graph.sources("input")[0].name
    graph, _ = optimize(
        bind(run.graph, dims_of(run.graph, {name: (1, context)})), "inference", run.passes, run.precision
    )
    return prepare(graph)


def _step(run: Run, graph: Graph, settings: Settings) -> Any:
    """A function from a window and the place of its last character to the next one."""
    name = run.graph.sources("input")[0].name
    program: Program = lower(graph, run.source)

    def step(weights: Any, state: Any, window: Any, last: Any, key: Any) -> Any:
        outputs, _ = program(weights, state, {name: window})
        logits = lax.dynamic_index_in_dim(next(iter(outputs.values()))[0], last, keepdims=False)
        if settings.temperature == 0:
            return jnp.argmax(logits)
        logits = logits / settings.temperature
        if settings.top_k is not None and settings.top_k < logits.shape[0]:
            least = lax.top_k(logits, settings.top_k)[0][-1]
            logits = jnp.where(logits < least, -jnp.inf, logits)
        return jax.random.categorical(key, logits)

    return step
