"""A text written on: position by position from what the model keeps, or with the whole context computed for each token.

Both run many tokens in one program: a loop whose length comes when it runs, so that one program serves any number of them.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from dslc.bind import bind, dims_of
from dslc.decode import Decoder, decoder
from dslc.decode.walk import OFFSET
from dslc.graph import Graph
from dslc.lazy import jax, jnp, lax, np
from dslc.lower import lower
from dslc.optimize import optimize
from dslc.prepare import prepare
from dslc.trained.run import Run
from dslc.types import JAX_DTYPES

CHUNK = 32
"""Tokens in one call: they appear together."""
NONE = -1
"""In the place of a token that is drawn."""


@dataclass(frozen=True)
class Text:
    """A model, the input that is the text, the output with logits for each position, and how a token is drawn from these."""

    run: Run
    input: str
    output: str
    context: int
    draw: Callable[[Any, Any, Any], Any]
    """From logits `[classes]`, the key and the number of the token among those that are drawn."""
    key: Any
    given: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """The other inputs: what is read before the text is written."""

    @cached_property
    def arrays(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Weights and state."""
        return self.run.arrays(self.run.graph)

    @cached_property
    def decoder(self) -> Decoder:
        return decoder(self.run.graph, self.input, self.output, self._shapes)

    @property
    def _shapes(self) -> dict[str, tuple[int, ...]]:
        return {self.input: (1, self.context)} | {name: array.shape for name, array in self.given.items()}

    def once(self, graph: Graph) -> dict[str, Any]:
        """The weights with what does not depend on the text."""
        weights, state = self.arrays
        program = lower(graph)
        run = jax.jit(lambda *arrays: program(*arrays)[0])
        return weights | (run(weights, state, self.given) if graph.outputs else {})

    def whole(self) -> tuple[Any, dict[str, Any]]:
        """The program of all positions at once, and its weights."""
        graph = self.run.graph
        alone = replace(graph, outputs={self.output: graph.outputs[self.output]}, updates={}).live()
        return self.prepared(bind(alone, dims_of(alone, self._shapes)), self.arrays[0])

    def prepared(self, graph: Graph, weights: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """The program of a graph as it is used, and the weights with those that are worked out once."""
        optimized, _ = optimize(graph, "inference", self.run.passes, self.run.precision)
        made = prepare(optimized)
        more = lower(made.once)(weights, self.arrays[1], {})[0] if made.once.outputs else {}
        return lower(made.rest, self.run.source), weights | more


@dataclass(frozen=True)
class Stepwise:
    """Each token from what is kept of those before it; not beyond the context."""

    text: Text

    def continued(self, ids: list[int], count: int) -> Iterator[int]:
        """So many tokens behind these; together with these at most one more than the context."""
        known = len(ids)
        # Of a power of two, so that prompts of many lengths share few programs; what it leaves goes step by step.
        length = 1 << (known.bit_length() - 1)
        given = np.full(known + count + CHUNK, NONE, np.int32)
        given[:known] = ids
        kept, token = self._begun(length, given)
        if length == known:
            yield int(token)
        weights, step = self._step
        place = length
        while place < known + count - 1:
            stop = min(CHUNK, known + count - 1 - place)
            told = given[place + 1 : place + 1 + CHUNK]
            kept, token, made = step(kept, weights, self.text.arrays[1], self.text.key, token, told, place, known, stop)
            yield from (int(one) for number, one in enumerate(made[:stop], place + 1) if number >= known)
            place += stop

    def _begun(self, length: int, given: Any) -> tuple[dict[str, Any], Any]:
        """What is kept after the first positions, and the token behind them."""
        text = self.text
        part = text.decoder.part(length, first=True)
        program, weights = text.prepared(part.rest, text.once(part.once))

        def first(weights: Any, state: Any, key: Any, ids: Any, following: Any) -> tuple[dict[str, Any], Any]:
            room = {name: jnp.zeros(type.shape, JAX_DTYPES[type.dtype]) for name, type in part.kept.items()}
            kept, _ = program(weights, state, {text.input: ids[None], OFFSET: jnp.int32(0), **room})
            logits = kept.pop(text.output)[0, -1]
            return kept, jnp.where(following == NONE, text.draw(logits, key, jnp.int32(0)), following)

        return jax.jit(first)(weights, text.arrays[1], text.key, given[:length], given[length])

    @cached_property
    def _step(self) -> tuple[dict[str, Any], Any]:
        """Weights, and the program of many steps."""
        text = self.text
        part = text.decoder.part(1, first=False)
        program, weights = text.prepared(part.rest, text.once(part.once))

        def steps(
            kept: Any, weights: Any, state: Any, key: Any, token: Any, told: Any, place: Any, known: Any, stop: Any
        ) -> Any:
            def one(number: Any, now: Any) -> Any:
                kept, token, made = now
                at = place + number
                given = {text.input: token.reshape(1, 1), OFFSET: at, **kept}
                kept, _ = program(weights, state, given)
                drawn = text.draw(kept.pop(text.output)[0, 0], key, jnp.maximum(at + 1 - known, 0))
                token = jnp.where(told[number] == NONE, drawn, told[number])
                return kept, token, made.at[number].set(token)

            return lax.fori_loop(0, stop, one, (kept, token, jnp.zeros(CHUNK, jnp.int32)))

        return weights, _counting(jax.jit(steps, donate_argnums=0))


@dataclass(frozen=True)
class Whole:
    """Each token from the last `context` ones, all of them computed again."""

    text: Text

    def continued(self, ids: list[int], count: int, drawn: int) -> Iterator[int]:
        """So many tokens behind these, of which so many have been drawn before."""
        text = self.text
        program, weights = text.whole()

        def steps(window: Any, weights: Any, state: Any, key: Any, last: Any, number: Any, stop: Any) -> Any:
            def one(step: Any, now: Any) -> Any:
                window, last, made = now
                outputs, _ = program(weights, state, {text.input: window[None], **text.given})
                logits = lax.dynamic_index_in_dim(outputs[text.output][0], last, keepdims=False)
                token = text.draw(logits, key, number + step)
                # A full window loses its first token.
                window = jnp.where(last + 1 < text.context, window, jnp.roll(window, -1))
                last = jnp.minimum(last + 1, text.context - 1)
                return window.at[last].set(token), last, made.at[step].set(token)

            return lax.fori_loop(0, stop, one, (window, last, jnp.zeros(CHUNK, jnp.int32)))

        seen = ids[-text.context :]
        window = np.zeros(text.context, np.int32)
        window[: len(seen)] = seen
        last, loop = np.int32(len(seen) - 1), _counting(jax.jit(steps))
        for start in range(0, count, CHUNK):
            stop = min(CHUNK, count - start)
            window, last, made = loop(window, weights, text.arrays[1], text.key, last, drawn + start, stop)
            yield from map(int, made[:stop])


def looks_ahead(text: Text) -> bool:
    """Whether logits change with tokens behind them: tried, for a model of which the graph does not tell.

    The same program computes both, so that in a causal model even the roundings are equal.
    """
    program, weights = text.whole()
    classes = int(text.run.graph.type(text.run.graph.outputs[text.output]).shape[-1])  # pyright: ignore[reportArgumentType]
    one = np.random.default_rng(0).integers(0, classes, text.context).astype(np.int32)
    half = text.context // 2
    other = np.concatenate([one[:half], (one[half:] + 1) % classes]).astype(np.int32)
    run = jax.jit(
        lambda weights, state, ids: program(weights, state, {text.input: ids[None], **text.given})[0][text.output][
            0, :half
        ]
    )
    a, b = (np.asarray(run(weights, text.arrays[1], ids), np.float64) for ids in (one, other))
    return bool(half and np.abs(a - b).max() > SEEN * (np.abs(a).max() + np.abs(b).max()))


SEEN = 1e-4
"""A change of logits, as a share of the largest, that is none of rounding: float32 has seven digits."""


def _counting(loop: Any) -> Any:
    """The loop, its counts as integers of 32 bits: the program is one for all of them."""
    return lambda *given: loop(*(jnp.int32(one) if isinstance(one, int) else one for one in given))
