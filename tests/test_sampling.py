"""Text written on: the tokens are those of the whole context computed again for each of them."""

from dataclasses import dataclass
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nets import graph_of

from dslc.bind import bind
from dslc.graph import Graph
from dslc.initialize import initial
from dslc.lower import lower
from dslc.optimize import optimize
from dslc.train.generator import base_key
from dslc.trained.run import Run
from dslc.trained.sample import Settings, continued
from dslc.trained.writing import Text, looks_ahead

CONTEXT = 6
GPT = """model m(d = 8) { input tokens: i32[batch, t]
  output logits = (tokens -> embedding(5, d)) + (range(t) -> embedding(6, d)) -> attention(2, causal = true) -> dense(5) }"""
LSTM = "model m { input tokens: i32[batch, t]  output logits = tokens -> embedding(5, 8) -> lstm(8) -> dense(5) }"
ROLLED = """model m { input tokens: i32[batch, t]
  output logits = tokens -> embedding(5, 8) -> gru(8) -> roll(1, axis = 2) -> cumsum(axis = 1) -> dense(5) }"""


@dataclass(frozen=True)
class Trained:
    """As much of a run as writing reads."""

    graph: Graph
    precision: str = "f32"
    passes: None = None
    source: None = None

    def arrays(self, graph: Graph) -> Any:
        weights, state = initial(bind(graph, {"batch": 1, "t": CONTEXT}), jax.random.key(0))
        # Larger than they start: the tokens differ.
        return {name: 2 * array for name, array in weights.items()}, state


def text_of(source: str, settings: Settings, precision: str = "f32") -> Text:
    run = cast("Run", Trained(graph_of(source), precision))
    return Text(run, "tokens", "logits", CONTEXT, settings.draw, base_key(settings.seed))


def one_by_one(text: Text, ids: list[int], count: int) -> list[int]:
    """Each token from the last ones, as many as the context holds, without anything that is kept."""
    graph = bind(text.run.graph, {"batch": 1, "t": CONTEXT})
    program = lower(optimize(graph, "inference", None, text.run.precision)[0])
    weights, state = text.arrays
    run = jax.jit(lambda window: program(weights, state, {"tokens": window})[0]["logits"])
    ids = list(ids)
    for number in range(count):
        seen = ids[-CONTEXT:]
        window = np.zeros((1, CONTEXT), np.int32)
        window[0, : len(seen)] = seen
        ids.append(int(text.draw(run(window)[0, len(seen) - 1], text.key, jnp.int32(number))))
    return ids[-count:]


@pytest.mark.parametrize(
    ("source", "prompt", "settings", "precision"),
    [
        (GPT, [3], Settings(seed=1), "f32"),
        (GPT, [1, 4, 0], Settings(temperature=1.5, top_k=4, seed=2), "f32"),
        (GPT, [2, 1, 4, 0, 3, 2, 1, 1], Settings(), "f32"),
        (LSTM, [1, 2, 3, 4, 0, 1], Settings(seed=3), "f32"),
        (LSTM, [1, 2, 3], Settings(seed=3), "bf16"),
        (GPT, [4, 2], Settings(seed=4), "bf16"),
    ],
)
def test_the_tokens_are_those_of_the_whole_context(
    source: str, prompt: list[int], settings: Settings, precision: str
) -> None:
    text = text_of(source, settings, precision)
    # Past the context, and over more than one call of the loop.
    count = 40 if len(prompt) == 1 else CONTEXT + 2
    wanted = one_by_one(text, prompt, count)
    assert list(continued(text, list(prompt), count, stepwise=True)) == wanted
    assert len(set(wanted)) > 1


def test_the_whole_context_serves_where_there_is_no_step() -> None:
    text = text_of(ROLLED, Settings(seed=1))
    assert list(continued(text, [1, 2], 9, stepwise=False)) == one_by_one(text, [1, 2], 9)


def test_a_model_is_tried_where_its_graph_does_not_tell() -> None:
    assert not looks_ahead(text_of(ROLLED, Settings()))
    assert looks_ahead(text_of(ROLLED.replace("roll(1, axis = 2)", "roll(-1, axis = 1)"), Settings()))
