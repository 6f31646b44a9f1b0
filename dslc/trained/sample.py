"""Text that a model continues."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from dslc.data.base import DataFailure
from dslc.data.vocabulary import encode
from dslc.decode import Blocked
from dslc.errors.base import Problem
from dslc.errors.data import NothingToSample, from_failure
from dslc.errors.sampling import NotCausal, WholeEachTime
from dslc.lazy import jax, jnp, lax
from dslc.source import NOWHERE
from dslc.train.generator import base_key
from dslc.trained.run import Run, failed
from dslc.trained.writing import Stepwise, Text, Whole, looks_ahead


@dataclass(frozen=True)
class Settings:
    """How the next character is drawn."""

    temperature: float = 1.0
    """Divides the logits; 0 takes the likeliest character."""
    top_k: int | None = None
    """Only so many of the likeliest characters are drawn from."""
    seed: int = 0

    def draw(self, logits: Any, key: Any, number: Any) -> Any:
        """The next character, the `number`-th that is drawn, by the key of the seed.

        Shapes: `[classes]` and `i32[]` to `i32[]`.
        """
        if self.temperature == 0:
            return jnp.argmax(logits).astype(jnp.int32)
        logits = logits / self.temperature
        if self.top_k is not None and self.top_k < logits.shape[0]:
            least = lax.top_k(logits, self.top_k)[0][-1]
            logits = jnp.where(logits < least, -jnp.inf, logits)
        return jax.random.categorical(jax.random.fold_in(key, number), logits).astype(jnp.int32)


def _silent(said: Problem) -> None:
    """Nobody listens."""


def sample(
    run: Run, prompt: str, count: int, settings: Settings, tell: Callable[[Problem], None] = _silent
) -> Iterator[str]:
    """So many characters that continue the prompt, one after the other.

    Up to the context of the training data each is computed from what the model keeps of those before it; beyond, the model sees
    the last `context` characters, and all of them are computed again for each new one. `tell` gets what is worth a note.

    Raises:
        Failed: when the model does not continue text, is not causal, or the prompt has a character that it has not learnt.
    """
    vocabulary, output = _vocabulary(run)
    context = int(getattr(run.declared.data.source, "context", 0))
    try:
        ids: list[int] = encode(prompt or vocabulary[0], vocabulary).tolist()
    except DataFailure as failure:
        raise failed(from_failure(NOWHERE, failure)) from None
    text = Text(run, run.graph.sources("input")[0].name, output, context, settings.draw, base_key(settings.seed))
    for number in continued(text, ids, count, stepwise(run, text, tell)):
        yield vocabulary[number]


def continued(text: Text, ids: list[int], count: int, stepwise: bool) -> Iterator[int]:
    """So many tokens behind these; step by step as far as the context goes, if at all."""
    known = len(ids)
    if stepwise and known <= text.context:
        for number in Stepwise(text).continued(ids, min(count, text.context + 1 - known)):
            ids.append(number)
            yield number
    if left := count - (len(ids) - known):
        yield from Whole(text).continued(ids, left, len(ids) - known)


def stepwise(run: Run, text: Text, tell: Callable[[Problem], None]) -> bool:
    """Whether the model is computed position by position; a model that is not causal is refused."""
    try:
        text.decoder.part(1, first=False)
    except Blocked as blocked:
        node = blocked.node
        layer = node.path or node.name
        if blocked.ahead or looks_ahead(text):
            problem = NotCausal(node.span, run.declared.model or run.name, layer, node.op.name, blocked.reason)
            raise failed(problem) from None
        tell(WholeEachTime(node.span, layer, node.op.name, blocked.reason))
        return False
    return True


def _vocabulary(run: Run) -> tuple[tuple[str, ...], str]:
    """The characters that the model puts out logits for, and the output that has these."""
    names = run.config.get("names", {}).get("tokens")
    outputs = [
        name
        for name, ref in run.graph.outputs.items()
        if run.graph.type(ref).rank == 3 and run.graph.type(ref).shape[-1] == len(names or ())
    ]
    if not names or len(run.graph.sources("input")) != 1 or len(outputs) != 1:
        raise failed(NothingToSample(run.declared.span, run.declared.model))
    return tuple(names), outputs[0]
