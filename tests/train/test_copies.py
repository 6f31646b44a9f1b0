"""Copies that follow the weights of a model: their values, step by step."""

from typing import Any

import numpy as np
import pytest
from nets import problems_of, told
from runs import loop_of
from test_program import trained

MODEL = """model encoder(width = 6) {
  input x: [batch, 4]
  output code = x -> dense(width) -> batch_norm -> relu -> repeat 2 { residual { dense(width) -> tanh } } -> dense(3)
}
"""
TEACHER = (
    MODEL
    + """train free {
  data   = iris() -> standardize
  logits = features -> encoder
  soft   = features -> average(encoder, decay = 0.7)
  old    = features -> snapshot(encoder, every = 3)
  loss   = ((logits, label) -> cross_entropy) + 0.1 * ((logits, soft) -> squared_error) + 0.1 * ((logits, old) -> squared_error)
  batch  = 16
  optimizer = adam(lr = 0.02)
}
"""
)
LATER = 7


def states_of(carries: list[Any], loop: Any) -> list[dict[str, Any]]:
    return [{**loop.packing.unpack(carry.weights), **carry.state} for carry in carries]


def test_copies_start_equal_to_the_first_weights() -> None:
    loop = loop_of(TEACHER)
    (start,) = states_of([trained(loop, 0)], loop)
    own = {name: array for name, array in start.items() if name.startswith("encoder.")}
    assert len(own) == 10
    for name, array in own.items():
        assert np.array_equal(array, start[f"average.{name}"])
        assert np.array_equal(array, start[f"snapshot.{name}"])


def test_copies_follow_the_weights_and_the_statistics() -> None:
    loop = loop_of(TEACHER)
    seen = states_of([trained(loop, stop) for stop in range(LATER + 1)], loop)
    for name in (name for name in seen[0] if name.startswith("encoder.")):
        mean = np.asarray(seen[0][name], np.float64)
        for number in range(1, LATER + 1):
            mean = 0.7 * mean + 0.3 * np.asarray(seen[number][name], np.float64)
            # One rounding of float32 in each step.
            np.testing.assert_allclose(seen[number][f"average.{name}"], mean, rtol=1e-5, atol=1e-6)
            copied = seen[number - number % 3][name]
            # XLA may work a number out twice, and round the last bit otherwise.
            np.testing.assert_allclose(seen[number][f"snapshot.{name}"], copied, rtol=3e-7, atol=1e-9)
            if number % 3:
                assert np.array_equal(seen[number][f"snapshot.{name}"], seen[number - 1][f"snapshot.{name}"])
    changed = seen[LATER]["encoder.batch_norm.mean"]
    assert not np.array_equal(changed, seen[0]["encoder.batch_norm.mean"])


def test_no_gradient_goes_into_a_copy() -> None:
    loop = loop_of(TEACHER)
    (update,) = loop.task.plan.updates
    assert not [name for name in update.weights if not name.startswith("encoder.")]
    assert {node.name.split(".")[0] for node in loop.task.plan.graph.sources("parameter")} == {"encoder"}


def test_a_copy_of_the_model_that_the_block_names_follows_weights_without_a_prefix() -> None:
    text = (
        MODEL
        + """train encoder {
      data = iris()
      x    = features
      loss = ((code, label) -> cross_entropy) + ((code, x -> average(encoder)) -> squared_error)
      optimizer = sgd(lr = 0.1)
    }
    """
    )
    loop = loop_of(text)
    first, second = states_of([trained(loop, 0), trained(loop, 1)], loop)
    expected = 0.99 * np.asarray(first["dense.bias"]) + 0.01 * np.asarray(second["dense.bias"])
    # A hundredth of a step of about 0.1, in float32.
    np.testing.assert_allclose(second["average.encoder.dense.bias"], expected, rtol=1e-5, atol=1e-8)


def test_an_average_moves_only_when_its_model_is_updated() -> None:
    text = (
        MODEL
        + """train slow {
      data = iris()
      soft = features -> average(encoder, decay = 0.5) -> mean
      step only { update = [encoder]  loss = (features -> encoder, label) -> cross_entropy  optimizer = sgd(lr = 0.1)  every = 3 }
    }
    """
    )
    loop = loop_of(text)
    seen = states_of([trained(loop, stop) for stop in (0, 2, 3, 5)], loop)
    name = "encoder.dense.kernel"
    assert np.array_equal(seen[0][f"average.{name}"], seen[1][f"average.{name}"])
    half = 0.5 * np.asarray(seen[0][name]) + 0.5 * np.asarray(seen[2][name])
    # One rounding of float32.
    np.testing.assert_allclose(seen[2][f"average.{name}"], half, rtol=1e-6)
    assert np.array_equal(seen[2][f"average.{name}"], seen[3][f"average.{name}"])


LOSS = "loss = (features -> encoder, label) -> cross_entropy"


@pytest.mark.parametrize(
    ("body", "code", "part"),
    [
        (f"{LOSS}  a = features -> average(dense(3)) -> mean", "E0438", "the name of a model"),
        (f"{LOSS}  a = features -> average(encoder(3)) -> mean", "E0438", "the name of a model"),
        (f"{LOSS}  a = features -> average(other) -> mean", "E0439", "does not apply"),
        (f"{LOSS}  a = features -> average(encoder) -> mean  b = features -> average(encoder, 0.5) -> mean", "E0440", "decay"),
        (f"{LOSS}  a = features -> snapshot(encoder, 5) -> mean  b = features -> snapshot(encoder, 6) -> mean", "E0440", "every"),
        (f"{LOSS}  a = features -> average(encoder, decay = 1.0) -> mean", "E0208", "between 0 and 1"),
        (f"{LOSS}  a = features -> snapshot(encoder, every = 0) -> mean", "E0208", "below 1"),
        (f"{LOSS}  a = features -> average {{ encoder }} -> mean", "E0255", "no body in braces"),
    ],
)  # fmt: skip
def test_what_copies_cannot_do_is_a_coded_problem(body: str, code: str, part: str) -> None:
    other = "model other { input x: [batch, 4]  output y = x -> dense(3) }\n"
    text = f"{MODEL}{other}train free {{ data = iris()  {body} }}"
    found = [problem for problem in problems_of(text) if problem.severity == "error"]
    assert found and found[0].code == code, [told(problem) for problem in found]
    assert part in told(found[0])


def test_a_copy_inside_of_a_model_is_refused() -> None:
    text = MODEL + "model m { input x: [batch, 4]  output y = x -> average(encoder) }"
    assert [problem.code for problem in problems_of(text)] == ["E0438"]
