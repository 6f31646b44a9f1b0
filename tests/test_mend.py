"""Fixes: the edits that problems carry, and what applying them makes of a file."""

from collections.abc import Sequence
from dataclasses import dataclass

import pytest

from dslc import compiler
from dslc.errors.base import Edit, Fix, Problem
from dslc.mend import mend
from dslc.source import Source, Span

HEAD = "net 1\nmodel m { input x: [batch, 4]  output y = x -> "
TRAIN = """net 1
model m { input features: [batch, 4]  output logits = features -> dense(3) }
train m { data = iris()  loss = (logits, label) -> cross_entropy  """


def check(source: Source) -> list[Problem]:
    return list(compiler.check(source))


def mended(text: str) -> str:
    return mend(Source("m.net", text), check).source.text


@pytest.mark.parametrize(
    ("bad", "good"),
    [
        # Names: a slip of the finger, or another framework.
        ("dens(3) }", "dense(3) }"),
        ("Dense(3) -> ReLU }", "dense(3) -> relu }"),
        ("Linear(3) -> LayerNormalization -> GELU }", "dense(3) -> layer_norm -> gelu }"),
        ("dense(3, use_bias = False) }", "dense(3, bias = false) }"),
        ("dense(out_features = 3) }", "dense(units = 3) }"),
        ("dense(4.0) }", "dense(4) }"),
        ('reshape([batch, 2, 2, 1]) -> conv(4, 3, padding = "sane") }', 'reshape([batch, 2, 2, 1]) -> conv(4, 3, padding = "same") }'),
        # Signs.
        ("dense(units: 3) }", "dense(units = 3) }"),
        ("dense(units == 3) }", "dense(units == 3) }"),  # a comparison, and no slip
        ("-> dense(3) }", "dense(3) }"),
        ("dense(3) => relu }", "dense(3) -> relu }"),
        ("dense(3) >> relu }", "dense(3) -> relu }"),
        ("dense(3) - > relu }", "dense(3) -> relu }"),
        ("dense(3) --> relu }", "dense(3) -> relu }"),
        ("relu }\nmodel k { input x: [n]  output y = x --> relu }", "relu }\nmodel k { input x: [n]  output y = x -> relu }"),
        ("relu }\nmodel k { input x: [n]  output y = x - > relu }", "relu }\nmodel k { input x: [n]  output y = x -> relu }"),
        ("dense(3) |> relu }", "dense(3) -> relu }"),
        ("dense(3) → relu }", "dense(3) -> relu }"),
        ("dense(2 \u00d7 3) }", "dense(2 * 3) }"),
        ("dense(2 ^ 3) }", "dense(2 ** 3) }"),
        ("dense(3)\u00a0-> relu }", "dense(3) -> relu }"),
        ("dropout(.5) }", "dropout(0.5) }"),
        ("dropout(0.) }", "dropout(0.0) }"),
        ("dense(3 bias = false) }", "dense(3, bias = false) }"),
        ("reshape([batch 2, 2]) }", "reshape([batch, 2, 2]) }"),
        ("if 1 > 2 && 2 > 1 { relu } }", "if 1 > 2 and 2 > 1 { relu } }"),
        ("if 1 > 2||2 > 1 { relu } }", "if 1 > 2 or 2 > 1 { relu } }"),
        ("if !(1 > 2) { relu } }", "if not (1 > 2) { relu } }"),
        ("if 1 > 2 { relu } elif 2 > 1 { tanh } }", "if 1 > 2 { relu } else if 2 > 1 { tanh } }"),
        # Between statements.
        ("relu;  z = y }", "relu  z = y }"),
        ("relu,\n z = y }", "relu\n z = y }"),
        ("relu\n  // doubled\n  z = 2 * y }", "relu\n  # doubled\n  z = 2 * y }"),
        ("relu  let z = y }", "relu  z = y }"),
    ],
)  # fmt: skip
def test_a_safe_fix_of_a_model_is_applied(bad: str, good: str):
    assert mended(HEAD + bad) == HEAD + good


@pytest.mark.parametrize(
    ("bad", "good"),
    [
        ("epoch = 3 }", "epochs = 3 }"),
        ("batch_size = 3 }", "batch = 3 }"),
        ("epochs: 3 }", "epochs = 3 }"),
        ("epochs 3 }", "epochs = 3 }"),
        ("epochs := 3 }", "epochs = 3 }"),
        ("epochs == 3 }", "epochs = 3 }"),
        ("metrics = [acuracy] }", "metrics = [accuracy] }"),
        ("optimizer = adm(1e-3) }", "optimizer = adam(1e-3) }"),
        ("optimizer = adam(learning_rate = 1e-3) }", "optimizer = adam(lr = 1e-3) }"),
    ],
)
def test_a_safe_fix_of_a_train_block_is_applied(bad: str, good: str):
    assert mended(TRAIN + bad) == TRAIN + good


@pytest.mark.parametrize(
    ("bad", "good"),
    [
        ("model m { input x: [batch, 4]  output y = x }", "net 1\n\nmodel m { input x: [batch, 4]  output y = x }"),
        ("net 1\nmodel m(a = 'x') { input x: [n]  output y = x }", 'net 1\nmodel m(a = "x") { input x: [n]  output y = x }'),
        ("net 1\nmodel m(a: int = 3) { input x: [n]  output y = x }", "net 1\nmodel m(a = 3) { input x: [n]  output y = x }"),
        ("net 1\nmodel m { input x: float32[n]  output y = x }", "net 1\nmodel m { input x: f32[n]  output y = x }"),
        ("net 1\nmodel m { input x: (n, 3)  output y = x }", "net 1\nmodel m { input x: [n, 3]  output y = x }"),
        ("net 1\nmodel m { input x = [n, 3]  output y = x }", "net 1\nmodel m { input x: [n, 3]  output y = x }"),
        ("net 1\nmodel m { input x [n, 3]  output y = x }", "net 1\nmodel m { input x: [n, 3]  output y = x }"),
        ("net 1\nmodel m { input x: [n]  y = x -> relu  return y }", "net 1\nmodel m { input x: [n]  y = x -> relu  output y }"),
        ("net 1\nmodel m { input x: [n]\n return x -> relu\n}", "net 1\nmodel m { input x: [n]\n output result = x -> relu\n}"),
        (
            "net 1\nmodel m { input x: [n, 3]  output y = x -> relu + x }",
            "net 1\nmodel m { input x: [n, 3]  output y = (x -> relu) + x }",
        ),
        ("net 1.0\nmodel m { input x: [n]  output y = x }", "net 1\nmodel m { input x: [n]  output y = x }"),
    ],
)  # fmt: skip
def test_a_safe_fix_of_a_file_is_applied(bad: str, good: str):
    assert mended(bad) == good


@pytest.mark.parametrize(
    "bad",
    [
        "Linear(4, 3) }",  # torch gives the inputs first
        "LayerNormalization(4) }",  # keras gives the axis first, and eps comes first here
        "dense(3) | relu }",  # a pipe, or an `or`
        "residual { dense(3) } }",  # a projection has weights of its own
        "dense(3) : [batch, 4] }",  # the type or the layer may be wrong
    ],
)
def test_a_fix_that_has_to_be_looked_at_is_offered_and_not_applied(bad: str):
    problem = next(problem for problem in check(Source("m.net", HEAD + bad)) if problem.severity == "error")
    fix = problem.fix()
    assert fix is not None
    assert not fix.safe
    assert mended(HEAD + bad) == HEAD + bad


def test_all_the_fixes_of_a_file_are_applied_and_counted():
    text = """model m(a = 'x', rate = 0.5) {
  input features: float32[batch, 4]
  h = features → Dense(8, use_bias = False) -> ReLU
  k = h -> dense(units: 4) -> Droput(rate) -> dense(4.0)
  output y = k -> relu + features
}
train m {
  data = iris();
  loss = (y, features) -> MSELoss
  epoch: 3
}
"""
    good = """net 1

model m(a = "x", rate = 0.5) {
  input features: f32[batch, 4]
  h = features -> dense(8, bias = false) -> relu
  k = h -> dense(units = 4) -> dropout(rate) -> dense(4)
  output y = (k -> relu) + features
}
train m {
  data = iris()
  loss = (y, features) -> squared_error
  epochs = 3
}
"""
    state = mend(Source("m.net", text), check)
    assert state.source.text == good
    assert len(state.applied) == 16


def test_a_fix_that_makes_something_else_wrong_is_taken_back():
    text = HEAD + "dense(3)  z = y -> dens(5) + y }".replace("dens(5) + y", "dens(5)  w = z + y")
    state = mend(Source("m.net", text), check)
    assert state.source.text == text
    assert not state.applied
    (refused,) = state.refused
    assert (refused.before, refused.after) == ("dens", "dense")
    assert [problem.code for problem in refused.worse] == ["E0301"]


@dataclass(frozen=True)
class Wrong(Problem):
    """A problem made for a test, with edits of its own."""

    code = "E0999"

    edits: tuple[Edit, ...]

    def headline(self) -> str:
        return f"wrong at {self.edits[0].replacement}"

    def fix(self) -> Fix | None:
        return Fix(self.edits, safe=True)


def wrong(*edits: tuple[int, int, str]) -> Wrong:
    return Wrong(Span("m.net", 0, 1), tuple(Edit(Span("m.net", start, end), text) for start, end, text in edits))


def test_fixes_that_overlap_are_never_applied_together():
    def found(source: Source) -> Sequence[Problem]:
        return [wrong((0, 3, "xyz")), wrong((2, 4, "##"))] if source.text == "abcdef" else []

    assert mend(Source("m.net", "abcdef"), found).source.text == "xyzdef"


def test_an_edit_in_another_file_is_not_applied_to_this_one():
    def found(source: Source) -> Sequence[Problem]:
        return [Wrong(Span("m.net", 0, 1), (Edit(Span("other.net", 0, 3), "xyz"),))]

    assert mend(Source("m.net", "abcdef"), found).source.text == "abcdef"
