"""The canonical layout: nothing is lost, nothing moves twice, and the rules of docs/formatting.md."""

import random
import re
from pathlib import Path

import pytest

import dslc.format
from dslc.errors.base import Failed, Problems
from dslc.format import formatted
from dslc.format.words import comments, tokens
from dslc.parse import parse, tree
from dslc.parse.reader import parser
from dslc.source import Source, Span

ROOT = Path(__file__).parents[1]
KEPT = [*sorted((ROOT / "examples").rglob("*.net")), *sorted((ROOT / "dslc/std").glob("*.net"))]
LANGUAGE = ROOT.parent / "shared" / "language"
GAPS = (" ", "  ", "\t", "\n", "\n\n\n", "  # behind\n", "\n# above\n", "\n\n  # apart  \n\n\n", "#tight\n")


def named(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def laid_out(text: str) -> str:
    made = formatted(Source("model.net", text))
    assert formatted(Source("model.net", made)) == made
    return made


def body(text: str) -> str:
    """Statements of a model as they are laid out."""
    made = laid_out(f"net 1\nmodel m {{\n{text}\n}}\n")
    return made.removeprefix("net 1\n\nmodel m {\n").removesuffix("}\n")


def without_spans(item: object) -> object:
    if isinstance(item, tree.Tree):
        fields = [name for name in item.__dataclass_fields__ if not isinstance(getattr(item, name), Span)]
        return type(item).__name__, *(without_spans(getattr(item, name)) for name in fields)
    return (*map(without_spans, item),) if isinstance(item, tuple) else item


def parsed(text: str) -> object:
    problems = Problems()
    file = parse(Source("model.net", text), problems)
    assert not problems.errors
    return without_spans(file)


def damaged(text: str, seed: int) -> str:
    """The same words with other spaces, line breaks and comments between them."""
    draw = random.Random(seed)  # noqa: S311  # spaces, not keys
    weights = [8, 1, 1, *(draw.choice([0.0, 0.1, 2.0]) for _ in GAPS[3:])]
    words = (f"{token}{draw.choices(GAPS, weights)[0]}" for token in tokens(parser().parse(text)))
    return draw.choice(GAPS[2:]) + "".join(words)


@pytest.mark.parametrize("file", KEPT, ids=named)
def test_the_files_of_this_project_are_in_the_canonical_layout(file: Path):
    text = file.read_text("utf-8")
    assert laid_out(text) == text


@pytest.mark.skipif(not LANGUAGE.exists(), reason="the files of the language lie beside a checkout")
def test_the_files_of_the_language_change_little():
    changed = 0
    for file in LANGUAGE.glob("*.net"):
        before, after = file.read_text("utf-8").splitlines(), laid_out(file.read_text("utf-8")).splitlines()
        changed += len(set(after) - set(before))
    assert changed <= 40  # of 382 lines: some are too long, some break a run of columns


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("file", KEPT[::8], ids=named)
def test_any_spaces_and_comments_keep_words_comments_and_tree(file: Path, seed: int):
    text = damaged(file.read_text("utf-8"), seed)
    made = laid_out(text)
    assert parsed(made) == parsed(text)
    assert comments(made) == comments(text)
    assert not re.search(r"[ \t]$|\n\n\n|\A\n", made, re.MULTILINE)


def test_lines_that_can_break_keep_to_the_width():
    made = body("output y = x -> " + " -> ".join(f"dense({n}, bias = false)" for n in range(40)))
    assert all(len(line) <= 120 for line in made.splitlines())
    assert all(line.startswith("    -> ") for line in made.splitlines()[1:])
    numbers = body(f"sizes = [{', '.join(str(n) for n in range(200))}]")
    assert all(len(line) <= 120 for line in numbers.splitlines())
    assert body("y = a" + " + a" * 90).count("\n") == 91


def test_statements_of_a_run_share_their_columns():
    assert body("data=a\nloss = b\n\nx=c\nlonger = d") == "  data = a\n  loss = b\n\n  x      = c\n  longer = d\n"
    assert body("input x:[a]\ninput long:[b] = none\ny = x\nnext h = y\noutput y") == (
        "  input  x:    [a]\n  input  long: [b] = none\n  y      = x\n  next   h = y\n  output y\n"
    )
    assert body("a, b = x\ncde = y") == "  a, b = x\n  cde = y\n"


def test_braces_on_one_line_stay_there_while_they_fit():
    assert laid_out("model m {input x:[a]  output y = x->relu}") == "model m { input x: [a]  output y = x -> relu }\n"
    long = f"model m {{ input x: [a]  output y = x -> dense({'1' * 80}) }}"
    assert laid_out(long).splitlines()[1:3] == ["  input  x: [a]", f"  output y = x -> dense({'1' * 80})"]
    assert body("y = x -> fork { a;\nb }") == "  y = x\n    -> fork {\n         a;\n         b\n       }\n"


def test_a_line_break_before_an_arrow_is_kept_and_others_are_not():
    assert body("y = x -> a\n-> b ->\nc") == "  y = x -> a\n    -> b -> c\n"
    assert laid_out("block b =\na -> b") == "block b =\n  a -> b\n"
    assert laid_out("block b = a\n-> b") == "block b =\n     a\n  -> b\n"


def test_comments_stay_at_their_places():
    assert body("# first\na = 1 # one\n# second\n\n\nbc = [1, # in the list\n2]\n# last") == (
        "  # first\n  a = 1  # one\n  # second\n\n  bc = [\n    1,  # in the list\n    2\n  ]\n  # last\n"
    )
    assert laid_out("# above\nnet 1 # here\n# end") == "# above\nnet 1  # here\n# end\n"
    assert body("a = 1 # x\nbcd = 2 # y\n\ne = 3 # z") == "  a   = 1  # x\n  bcd = 2  # y\n\n  e = 3  # z\n"


def test_a_comma_at_the_end_gives_each_item_a_line():
    assert body("a = [1, 2,]") == "  a = [\n    1,\n    2,\n  ]\n"
    assert body("a = (x, )") == "  a = (x,)\n"


def test_a_file_with_errors_of_syntax_is_refused():
    with pytest.raises(Failed) as failed:
        formatted(Source("model.net", "model m { output y = -> }"))
    assert [problem.code for problem in failed.value.problems] == ["E0102"]


def test_a_layout_that_would_lose_a_word_is_refused(monkeypatch: pytest.MonkeyPatch):
    for lost, found in (("relu", "tanh"), ("# why", "# how"), ("relu", ""), (" a", "")):
        made = "net 1\nblock a = relu  # why\n".replace(lost, found)
        monkeypatch.setattr(dslc.format, "joined", lambda pieces, made=made: made)
        with pytest.raises(Failed) as failed:
            formatted(Source("model.net", "net 1\nblock a = relu  # why\n"))
        assert [problem.code for problem in failed.value.problems] == ["E0903"]


def test_empty_files_and_files_of_comments():
    assert [laid_out(text) for text in ("", "\n\n", "\n# a\n\n\n# b")] == ["", "", "# a\n\n# b\n"]


def test_a_long_list_fills_lines():
    made = laid_out(f"block b(a = [{', '.join(['1'] * 5_000)}]) = dense(1)")
    assert made.count("1,") == 4_999
    assert {len(line) for line in made.splitlines()[:-1]} == {120}
