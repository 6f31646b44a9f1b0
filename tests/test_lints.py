"""Lints: what they see through, what they leave alone, and comments that allow them."""

from pathlib import Path

import pytest
import small

from dslc import compiler
from dslc.lint.base import LINTS
from dslc.mend import mend
from dslc.source import Source

ROOT = Path(__file__).parents[1]
GOOD = sorted([*small.FILES, *(ROOT / "dslc" / "std").glob("*.net")])


def warnings(text: str) -> list[tuple[str, int]]:
    """Codes and lines; a text without a header is a body."""
    source = Source(
        "m.net", text if text.startswith("net ") else f"net 1\nmodel m {{ input x: [batch, 8]\n{text}\n}}\n"
    )
    found = list(compiler.check(source))
    assert not [problem.headline() for problem in found if problem.severity == "error"]
    return [
        (problem.code, source.position(problem.span.start)[0]) for problem in found if problem.severity == "warning"
    ]


@pytest.mark.parametrize("file", GOOD, ids=lambda file: file.name)
def test_there_is_no_false_alarm(file: Path):
    source = compiler.read(str(file))
    assert [problem.headline() for problem in compiler.check(source) if problem.severity == "warning"] == []


@pytest.mark.parametrize("lint", [pytest.param(lint, id=lint.code) for lint in LINTS])
def test_a_lint_has_its_reason_and_the_source_that_teaches_it(lint: type):
    text = lint.__doc__ or ""
    assert "Reference: " in text
    assert len(text.partition("Reference: ")[0].split()) > 15


@pytest.mark.parametrize(
    ("body", "lines"),
    [
        ("output y = x -> dense(64)\n -> dense(3)", [("W0201", 4)]),
        ("output y = x -> dense(64) -> dropout(0.1)\n -> dense(3)", [("W0201", 4)]),
        ("layer f = dense(64)\noutput y = x -> f\n -> dense(3)", [("W0201", 5)]),
        ("output y = x -> repeat 3 {\n dense(8) }", [("W0201", 4)]),  # each after the one before
        ("output y = x -> fork {\n dense(64) -> dense(3); relu } -> concat", [("W0201", 4)]),
        ("output y = x -> repeat 2 { dense(64) -> relu -> dense(8) }", []),  # as here, from one iteration to the next
        ("output y = x -> dense(2) -> dense(3)", []),  # the rank is bounded
        ("h = x -> dense(64)\noutput y = h -> dense(3)\noutput z = h", []),  # something else reads it
        ("output y = x -> residual { dense(8) } -> dense(3)", []),
        ("output y = x -> dense(64) -> layer_norm -> dense(3)", []),
        ("output y = x -> repeat 3 { dense(8) -> sigmoid }", []),
        ("output y = x -> repeat 4 {\n dense(8) -> sigmoid }", [("W0204", 4)]),
        ("output y = x -> repeat 2 { dense(8) -> sigmoid }\n -> dense(8) -> sigmoid -> dense(8) -> sigmoid", [("W0204", 4)]),
        ("output y = x -> repeat 9 { residual { dense(8) -> sigmoid } }", []),
        ("output y = x -> repeat 9 { dense(8) -> layer_norm -> sigmoid }", []),
        ("output y = x -> repeat 7 { dense(8) -> tanh }", []),
        ("output y = x -> repeat 8 { dense(8) -> tanh }", [("W0204", 3)]),
        ("output y = x -> dense(8)\n -> batch_norm", [("W0203", 3)]),
        ("output y = x -> repeat 2 {\n dense(8) -> batch_norm -> relu }", [("W0203", 4)]),
        ("output y = x -> dense(8) -> layer_norm -> dense(8, bias = false) -> batch_norm", []),
        ("output y = x -> dropout(0.5)\n -> dense(8, bias = false) -> relu -> batch_norm", [("W0209", 3)]),
        ("output y = x -> batch_norm -> relu -> dropout(0.5) -> dense(8)", []),
        ("output y = x -> dropout(0.0) -> batch_norm", []),
        ("output y = x -> dropout(0.95)", [("W0217", 3)]),
        ("output y = x -> dense(1) -> log_softmax", [("W0212", 3)]),
        ("output y = x -> dense(1) -> softmax(axis = 0)", []),
        ("output y = x -> dense(4, init = ones) -> relu -> dense(3)", [("W0219", 3)]),
        ("output y = x -> residual { dense(8, init = zeros) } -> dense(3)", []),  # a skip that starts as the identity
        ("h = x -> relu\noutput y = x", [("W0205", 3)]),
        ("_h = x -> relu\noutput y = x", []),
        ("layer f = relu\noutput y = x", [("W0205", 3)]),
        ("input w: [3]\noutput y = x", [("W0205", 3)]),
        ("a, b = x -> split(2)\noutput y = a", []),  # they come together
        ("a, b = x -> split(2)\noutput y = x", [("W0205", 3), ("W0205", 3)]),
        ("a, _ = x -> split(2)\noutput y = a", []),
        ("output y = x -> relu as r", []),  # a label names the place as well
    ],
)  # fmt: skip
def test_a_lint_sees_through_what_stands_between(body: str, lines: list[tuple[str, int]]):
    assert warnings(body) == lines


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("output p = features -> dense(3) -> softmax }\ntrain m { data = iris()  loss = (p, label) -> cross_entropy }", ["W0202"]),
        ("output p = features -> dense(3) }\ntrain m { data = iris()  q = p -> softmax  loss = (q, label) -> cross_entropy }", ["W0202"]),
        ("output p = features -> dense(3) }\ntrain m { data = iris()  q = p -> softmax -> mean  loss = ((p, label) -> cross_entropy) + q }", []),
        ("output p = features -> dense(3) -> relu }\ntrain m { data = iris()  loss = (p, label) -> cross_entropy }", ["W0210"]),
        ("output p = features -> dense(4) -> relu }\ntrain m { data = iris()  loss = (p, features) -> squared_error }", ["W0210"]),
        ("output p = features -> dense(4) -> sigmoid }\ntrain m { data = iris()  loss = (p, features) -> squared_error }", []),
        ('output p = features -> dense(1) }\ntrain m { data = iris()  loss = (p, label == 1 -> cast("i32")) -> cross_entropy }', None),
        ("output p = features -> dense(3) }\ntrain m { data = iris()  loss = (p, label) -> cross_entropy  optimizer = sgd(lr = cosine(2.0)) }", ["W0216"]),
        ("output p = features -> dense(3) }\ntrain m { data = iris()  loss = (p, label) -> cross_entropy  l2 = 1e-4 }", ["W0218"]),
        ("output p = features -> dense(3) }\ntrain m { data = iris()  loss = (p, label) -> cross_entropy  l2 = 1e-4  optimizer = sgd(0.1) }", []),
        ("h = features -> dense(8) -> relu  output p = h -> frozen { dense(3) } }\ntrain m { data = iris()  loss = (p, label) -> cross_entropy }", []),
        ("h = features -> dense(8) -> stop_gradient  output p = h -> dense(3) }\ntrain m { data = iris()  loss = (p, label) -> cross_entropy }", ["W0208"]),
        ("output p = features -> dense(3) }\ntrain m(weight = 2.0) { data = iris()  loss = (p, label) -> cross_entropy }", ["W0206"]),
        ("output p = features -> dense(3) }\nblock b() = relu\ntrain m { data = iris()  loss = (p, label) -> cross_entropy }", ["W0207"]),
        ("output p = features -> dense(3) }\nblock b() = relu", []),  # a file of blocks for others
        ("output p = features -> dense(3) }\nimport std.mlp", ["W0207"]),
    ],
)  # fmt: skip
def test_a_lint_of_training_looks_at_the_whole_program(text: str, codes: list[str] | None):
    if codes is not None:
        assert [code for code, _ in warnings(f"net 1\nmodel m {{ input features: [batch, 4]  {text}\n")] == codes


TWICE = "net 1\nmodel m { input x: [batch, 8]\n  output y = x -> dense(64) -> dense(3)\n}\n"


def test_a_comment_allows_a_warning_on_its_line_or_on_the_next():
    behind = TWICE.replace("dense(3)", "dense(3)  # wanted. allow: W0201")
    above = TWICE.replace("  output", "  # allow: W0201, W0201\n  output")
    assert warnings(TWICE) == [("W0201", 3)]
    assert warnings(behind) == []
    assert warnings(above) == []


def test_a_comment_on_another_line_or_of_another_code_allows_nothing():
    assert warnings(TWICE.replace("net 1\n", "net 1  # allow: W0201\n")) == [("W0220", 1), ("W0201", 3)]
    assert warnings(TWICE.replace("dense(3)", "dense(3)  # allow: W0202")) == [("W0201", 3), ("W0220", 3)]


def test_an_error_cannot_be_allowed():
    source = Source("m.net", "net 1\nmodel m { input x: [batch, 8]  output y = x -> dens(3) }  # allow: E0201\n")
    assert [problem.code for problem in compiler.check(source)] == ["E0201"]


def test_a_string_is_no_comment():
    text = 'net 1\nmodel m { require 2 > 1, "# allow: W0201"  input x: [batch, 8]  output y = x }\n'
    assert warnings(text) == []


@pytest.mark.parametrize(
    ("bad", "good"),
    [
        ("x -> relu  # allow: W0201\n", "x -> relu\n"),
        ("\n  # allow: W0201\n  x\n", "\n  x\n"),
        ("x  # why. allow: W0201\n", "x  # why. allow:\n"),
    ],
)
def test_a_useless_allow_is_taken_out(bad: str, good: str):
    head = "net 1\nmodel m { input x: [batch, 8]  output y = "
    state = mend(Source("m.net", head + bad + "}"), lambda source: list(compiler.check(source)))
    assert state.source.text == head + good + "}"


def test_a_warning_of_a_block_of_another_file_is_said_there(tmp_path: Path):
    (tmp_path / "parts.net").write_text("net 1\nblock twice() = dense(64) -> dense(32)\n")
    text = 'net 1\nimport "parts.net" as p\nmodel m { input x: [batch, 64]  output y = x -> p.twice }\n'
    (tmp_path / "m.net").write_text(text)
    assert list(compiler.check(compiler.read(str(tmp_path / "m.net")))) == []
