"""Models of text computed position by position, against their whole forward pass; and models that cannot be."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from nets import graph_of

from dslc.bind import bind, dims_of
from dslc.decode import Blocked, Decoder, decoder
from dslc.decode.walk import OFFSET
from dslc.graph import Graph
from dslc.initialize import initial
from dslc.lower import lower
from dslc.optimize import optimize

CONTEXT, FIRST = 5, 2
GPT = """block unit: [batch, t, d] -> [batch, t, d] =
     residual { layer_norm -> attention(2, causal = true) -> dropout(0.1) }
  -> residual { layer_norm -> dense(2 * d) -> gelu -> dense(d) }"""
LLAMA = """block unit: [batch, t, d] -> [batch, t, d] =
     residual { rms_norm -> attention(4, kv_heads = 2, causal = true, rope = 10_000, bias = false) }
  -> residual { rms_norm -> fork { dense(12) -> silu; dense(12) } -> multiply -> dense(d) }"""
ALIBI = """block unit { input x: [batch, t, d]  near = x -> alibi(2)
  output y = (x, position_bias = near) -> attention(2, causal = true, window = 3) }"""
T5 = """block unit { input x: [batch, t, d]  input near: [2, t, t]  input seen: bool[batch, t]
  output y = x + ((x -> rms_norm, mask = seen, position_bias = near) -> attention(2, causal = true, scale = 1)) }"""
CELL = """block cell(units) { input x: [batch, c]  carry h: [batch, units] = ones
  new = (x -> dense(units)) + (h -> dense(units, bias = false)) -> tanh  next h = new  output new }"""
BODIES = {
    "learned positions, a loop over layers": ("-> (it + (range(t) -> embedding(9, d))) -> repeat 2 { unit }", GPT),
    "rotary, grouped queries": ("-> repeat 2 { unit }", LLAMA),
    "layers written out, one again in the backward pass": ("-> unit -> remat { unit }", GPT),
    "one named layer twice": ("-> (it + (range(t) -> sinusoidal_embedding(d))) -> mix -> mix", "layer_of"),
    "branches": ("-> fork { gru(4); relu } -> concat", ""),
    "alibi and a window, in a loop": ("-> repeat 2 { unit }", ALIBI),
    "distances as in T5, and a mask of keys": (
        "-> (it, it -> relative_position_bias(2, 8, 9), tokens != 0) -> unit",
        T5,
    ),
    "a recurrence of each kind": ("-> lstm(4) -> gru(3) -> rnn(2)", ""),
    "a cell in a scan": ("-> scan { cell(6) }", CELL),
    "windows, a shift, sums of keys": (
        '-> conv(8, 3, padding = "causal", dilation = 2) -> (it + (it -> shift(1, axis = 1))) -> linear_attention(2, causal = true)',
        "",
    ),
    "heads by rearranging": (
        '-> rearrange("b t (h w) -> b h t w", h = 2) -> rope -> rearrange("b h t w -> b t (h w)") -> batch_norm',
        "",
    ),
}


def model(body: str, head: str = "", length: str = "t") -> Graph:
    """A model of seven characters, with a body between its table and its output."""
    named = "layer mix = attention(2, causal = true)" if head == "layer_of" else ""
    return graph_of(f"""
        {"" if named else head}
        model m(d = 8) {{
          input  tokens: i32[batch, {length}]
          {named}
          output logits = tokens -> embedding(7, d) {body} -> dense(7)
        }}""")


def drawn(graph: Graph) -> tuple[dict[str, Any], dict[str, Any], Any]:
    """Weights none of which is 0 or 1 (statistics above 0), and a text."""
    weights, state = initial(graph, jax.random.key(0))
    rng = np.random.default_rng(0)
    wide = {
        name: jnp.asarray(np.asarray(array, float) + 0.3 * rng.standard_normal(array.shape))
        for name, array in weights.items()
    }
    states = {
        name: jnp.asarray(np.asarray(array, float) + 0.3 * rng.random(array.shape)) for name, array in state.items()
    }
    return wide, states, jnp.asarray(rng.integers(0, 7, (1, CONTEXT)), jnp.int32)


def ran(graph: Graph) -> Any:
    """A graph as a compiled function; the program itself has no hash, which JAX asks for."""
    return jax.jit(partial(lower(graph)))


def stepped(graph: Graph, weights: Any, state: Any, text: Any, phase: str | None) -> np.ndarray:
    """The logits of all positions: of the first ones together, then one by one."""
    return run(decoder(graph, "tokens", "logits", {"tokens": (1, CONTEXT)}), weights, state, text, phase, {})


def run(made: Decoder, weights: Any, state: Any, text: Any, phase: str | None, read: dict[str, Any]) -> np.ndarray:
    first, later = made.part(FIRST, first=True), made.part(1, first=False)
    assert first.kept == later.kept
    given = weights | ran(first.once)(weights, state, read)[0]
    kept = {
        name: jnp.zeros(type.shape, "float64" if type.is_float else type.dtype) for name, type in first.kept.items()
    }
    begin, step = (ran(part.rest if phase is None else optimize(part.rest, phase)[0]) for part in (first, later))
    logits: list[Any] = []
    for start in (0, *range(FIRST, CONTEXT)):
        length = 1 if start else FIRST
        inputs = {"tokens": text[:, start : start + length], OFFSET: jnp.int32(start)}
        kept, _ = (step if start else begin)(given, state, inputs | kept)
        logits.append(kept.pop("logits"))
    return np.concatenate(logits, 1)


@pytest.mark.parametrize("name", BODIES)
def test_each_step_gives_the_logits_of_the_whole_pass(name: str, float64: None) -> None:
    graph = model(*BODIES[name])
    bound = bind(graph, dims_of(graph, {"tokens": (1, CONTEXT)}))
    weights, state, text = drawn(bound)
    wanted = ran(bound)(weights, state, {"tokens": text})[0]["logits"]
    found = stepped(graph, weights, state, text, None)
    # Sums in another order, in 64 bits; the logits are around 1.
    np.testing.assert_allclose(found, np.asarray(wanted), rtol=0, atol=1e-9)


def test_passes_leave_the_steps_as_they_are(float64: None) -> None:
    graph = model(*BODIES["rotary, grouped queries"])
    weights, state, text = drawn(bind(graph, {"batch": 1, "t": CONTEXT}))
    plain, optimized = (stepped(graph, weights, state, text, phase) for phase in (None, "inference"))
    np.testing.assert_allclose(optimized, plain, rtol=0, atol=1e-9)


def test_layers_of_a_loop_keep_their_keys_in_one_stack() -> None:
    made = decoder(model(*BODIES["rotary, grouped queries"]), "tokens", "logits", {"tokens": (1, CONTEXT)})
    kept = made.part(1, first=False).kept
    assert {name.rsplit(".", 1)[1]: type.shape for name, type in kept.items()} == {
        "key": (2, 1, 2, CONTEXT, 2),
        "value": (2, 1, 2, CONTEXT, 2),
    }


def test_what_does_not_depend_on_the_text_is_worked_out_once() -> None:
    made = decoder(
        model(*BODIES["learned positions, a loop over layers"]), "tokens", "logits", {"tokens": (1, CONTEXT)}
    )
    part = made.part(1, first=False)
    assert [type.shape for type in map(part.once.type, part.once.outputs.values())] == [(CONTEXT, 8)]
    assert "range" not in {node.op.name for node in part.rest}


def test_a_text_of_a_fixed_length_goes_step_by_step_as_well(float64: None) -> None:
    graph = model("-> attention(2, causal = true)", length=str(CONTEXT))
    weights, state, text = drawn(bind(graph, {"batch": 1}))
    wanted = ran(bind(graph, {"batch": 1}))(weights, state, {"tokens": text})[0]["logits"]
    np.testing.assert_allclose(stepped(graph, weights, state, text, None), np.asarray(wanted), rtol=0, atol=1e-9)


def test_what_only_a_loss_needs_is_no_part_of_the_steps(float64: None) -> None:
    graph = graph_of("""
        block unit {
          input  x:      [batch, t, d]
          input  before: []
          y = x -> attention(2, causal = true)
          output out   = y
          output total = before + (y -> mean)
        }
        model m(d = 4) {
          input  tokens: i32[batch, t]
          last, total = (tokens -> embedding(7, d), 0.0) -> repeat 2 { unit }
          output logits = last -> dense(7)
          output sums   = total
        }""")
    made = decoder(graph, "tokens", "logits", {"tokens": (1, CONTEXT)})
    weights, state, text = drawn(bind(graph, {"batch": 1, "t": CONTEXT}))
    alone = bind(made.graph, {"batch": 1, "t": CONTEXT})
    wanted = ran(alone)(weights, state, {"tokens": text})[0]["logits"]
    np.testing.assert_allclose(run(made, weights, state, text, None, {}), np.asarray(wanted), rtol=0, atol=1e-9)
    with pytest.raises(Blocked, match="mean"):
        decoder(graph, "tokens", "sums", {"tokens": (1, CONTEXT)}).part(1, first=False)


def test_a_text_that_is_read_is_whole_in_each_step(float64: None) -> None:
    graph = graph_of("""
        model m(d = 4) {
          input  source: i32[batch, s]
          input  tokens: i32[batch, t]
          memory = source -> embedding(5, d) -> bidirectional { gru(2) }
          output logits = (tokens -> embedding(7, d), memory, mask = source != 0) -> attention(2) -> gru(d) -> dense(7)
        }""")
    bound = bind(graph, {"batch": 1, "s": 3, "t": CONTEXT})
    weights, state, text = drawn(bound)
    read = {"source": jnp.asarray([[2, 4, 0]], jnp.int32)}
    made = decoder(graph, "tokens", "logits", {"source": (1, 3), "tokens": (1, CONTEXT)})
    wanted = ran(bound)(weights, state, {"tokens": text} | read)[0]["logits"]
    np.testing.assert_allclose(run(made, weights, state, text, None, read), np.asarray(wanted), rtol=0, atol=1e-9)
    # The encoder is no part of a step.
    assert [node.op.name for node in made.part(1, first=False).rest].count("gru") == 0


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("-> attention(2)", "lets a position see those behind it, as it is not `causal`"),
        ("-> repeat 2 { attention(2, window = 2) }", "lets a position see those behind it, as it is not `causal`"),
        ("-> bidirectional { gru(4) }", "takes the positions in another order"),
        ("-> gru(4, reverse = true)", "begins at the last position"),
        ("-> scan(reverse = true) { dense(3) }", "begins at the last position"),
        ("-> conv(4, 3)", 'has windows that reach behind the position, as its padding is not "causal"'),
        ("-> (it - (it -> mean(axis = 1, keep = true)))", "works across the positions"),
        ("-> shift(-1, axis = 1)", "moves later positions to earlier ones"),
        ("-> (it + it[:, -1:])", "takes the last positions"),
        ("-> softmax(axis = 1)", "works across the positions"),
    ],
)
def test_what_reads_ahead_is_found_in_the_graph(body: str, reason: str) -> None:
    with pytest.raises(Blocked) as found:
        decoder(model(body), "tokens", "logits", {"tokens": (1, CONTEXT)}).part(1, first=False)
    assert (found.value.reason, found.value.ahead) == (reason, True)


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("-> cumsum(axis = 1)", "has no way to be computed step by step"),
        ("-> roll(1, axis = 1)", "does not say how it goes along the positions"),
        ("-> reshape([batch, 2 * t, 4]) -> relu -> reshape([batch, t, d])", "makes the positions one axis with others"),
        ("-> (it @ (it -> transpose([0, 2, 1])) @ it)", "meets the positions along two axes"),
    ],
)
def test_what_the_graph_does_not_tell_is_no_proof(body: str, reason: str) -> None:
    with pytest.raises(Blocked) as found:
        decoder(model(body), "tokens", "logits", {"tokens": (1, CONTEXT)}).part(1, first=False)
    assert (found.value.reason, found.value.ahead) == (reason, False)
