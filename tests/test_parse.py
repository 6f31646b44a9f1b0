"""The grammar and the tree."""

from pathlib import Path

import pytest
from lark import Lark

from dslc.errors.base import Problems
from dslc.ops.base import OPS
from dslc.parse import parse, tree
from dslc.parse.reader import grammar
from dslc.source import Source

LANGUAGE = Path(__file__).parents[2] / "shared" / "language"


def parsed(text: str) -> tree.File:
    problems = Problems()
    file = parse(Source("test.net", text), problems)
    assert not problems.found, [problem.headline() for problem in problems]
    return file


def test_the_grammar_is_lalr_and_free_of_conflicts():
    Lark(grammar().read_text(encoding="utf-8"), parser="lalr", start="net", keep_all_tokens=True, strict=True)


def test_the_grammar_names_no_layer():
    text = grammar().read_text(encoding="utf-8")
    # A train block has the statement `step`, and the field an activation of that name: where a stage stands it is the activation.
    assert {name for name in OPS.names() if f'"{name}"' in text} == {"step"}
    assert "dense" not in text.replace('"', " ").split()


@pytest.mark.skipif(not LANGUAGE.is_dir(), reason="the design's files are not on this machine")
@pytest.mark.parametrize("file", sorted(LANGUAGE.glob("*.net")), ids=lambda file: file.stem)
def test_every_construct_of_the_design_parses(file: Path):
    assert parsed(file.read_text(encoding="utf-8")).parts


def test_newlines_mean_nothing():
    text = "net 1 model m ( a = 1 , ) { input x : [ batch , 4 ] output y = x -> dense ( a ) }"
    spread = parsed(text.replace(" ", "\n"))
    assert without_spans(parsed(text)) == without_spans(spread)


def without_spans(item: object) -> object:
    if isinstance(item, tuple):
        return tuple(without_spans(part) for part in item)
    if isinstance(item, tree.Tree):
        fields = [name for name in item.__dataclass_fields__ if name not in ("span", "at")]
        return (type(item).__name__, *(without_spans(getattr(item, name)) for name in fields))
    return item


def test_statement_words_are_free_where_a_value_begins():
    file = parsed(
        'net 1\ntrain m { data = csv("a.csv")  step1 = input -> step -> next  loss = (group, state) -> output }'
    )
    section = file.parts[0]
    assert isinstance(section, tree.Section)
    assert [type(part) for part in section.body] == [tree.Assign] * 3


def test_the_arrow_binds_loosest_and_powers_bind_right():
    statement = parsed("net 1\nmodel m { y = a + b * -c ** 2 ** d -> relu }").parts[0].body[0]  # type: ignore[attr-defined]
    assert isinstance(statement, tree.Assign) and isinstance(statement.value, tree.Pipe)
    head, stage = statement.value.stages
    assert isinstance(head.value, tree.Binary) and head.value.operator == "+"
    product = head.value.right
    assert isinstance(product, tree.Binary) and product.operator == "*" and isinstance(product.right, tree.Unary)
    power = product.right.operand
    assert isinstance(power, tree.Binary) and isinstance(power.right, tree.Binary)
    assert isinstance(stage.value, tree.Name)


def test_spans_run_from_the_first_character_to_the_last():
    text = "net 1\nmodel m(a = 1) {\n  y = (x, memory) -> attention(8) as attn : [batch, 4]\n}"
    stage = parsed(text).parts[0].body[0].value.stages[1]  # type: ignore[attr-defined]
    assert text[stage.span.start : stage.span.end] == "attention(8) as attn : [batch, 4]"
    assert text[stage.value.span.start : stage.value.span.end] == "attention(8)"


@pytest.mark.parametrize(
    ("text", "code", "marked"),
    [
        ("net 1\nmodel m { y = x -> dense(3) + b }", "E0102", "+"),
        ("net 1\nmodel m { y = x -> -> b }", "E0102", "->"),
        ("net 1\nmodel m { y = (x, 1 }", "E0102", "}"),
        ("net 1\nmodel m { y = x ", "E0103", "{"),
        ("net 1\nmodel m { y = 'x' }", "E0101", "'x'"),
        ("net 1\nmodel m { y = " + "(" * 200 + "x" + ")" * 200 + " }", "E0104", "("),
        ("net 1\nmodel m(a = " + "9" * 5000 + ") { }", "E0105", "9" * 5000),
    ],
)
def test_a_slip_is_reported_at_its_place(text: str, code: str, marked: str):
    problems = Problems()
    parse(Source("test.net", text), problems)
    (problem,) = problems.found
    assert problem.code == code
    assert text[problem.span.start : problem.span.end] == marked
    assert problem.help()


def test_a_slip_in_one_part_does_not_hide_one_in_the_next():
    text = "net 1\nblock a() = -> dense(1)\nmodel ok { input x: [b, 1]  output x }\nblock b( = dense(2)\n"
    problems = Problems()
    file = parse(Source("test.net", text), problems)
    assert [problem.code for problem in problems] == ["E0102", "E0102"]
    assert len(file.parts) == 1 and file.header is not None
