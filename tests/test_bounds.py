"""Files that ask for more than there is get a message soon, and never a crash."""

import time

import pytest

from dslc import compiler
from dslc.build.values import show
from dslc.errors.bounds import memory
from dslc.errors.render import report
from dslc.parse import parse
from dslc.resolve import effort
from dslc.source import Source

SOON = 3.0
"""Seconds of processor time: these files are refused in hundredths of one; what has no bound takes minutes."""


def model(stages: str, settings: str = "") -> str:
    return f"net 1\nmodel m({settings}) {{ input x: [batch, 4]  output y = x -> {stages} }}\n"


def chain(name: str, count: int, end: str) -> str:
    """Blocks that use the next one twice."""
    return "".join(f"block b{i} = b{i + 1} -> b{i + 1}\n" for i in range(count)) + f"block b{count} = {end}\n"


def codes(text: str) -> list[str]:
    start = time.process_time()
    problems = compiler.check(Source("model.net", text))
    shown = report(problems, {"model.net": Source("model.net", text)})
    assert time.process_time() - start < SOON
    assert len(shown) < 3_000 * (1 + len(problems.found))
    return [problem.code for problem in problems]


@pytest.fixture(autouse=True)
def few_stages(monkeypatch: pytest.MonkeyPatch):
    """So that a test is done sooner; the limit itself is a number."""
    monkeypatch.setattr(effort, "MOST_STAGES", 2_000)


@pytest.mark.parametrize(
    "stages",
    [
        "repeat i in 0..1000 { repeat j in 0..1000 { dense(4 + i + j) } }",
        "repeat i in 0..1_000_000 { if i % 2 == 0 { relu } else { tanh } }",
        "fork(1_000_000) { dense(4) } -> concat",
        f"fork(1{'0' * 200}) {{ dense(4) }} -> concat",
        "fork(100) { fork(100) { fork(100) { dense(4) } -> concat } -> concat } -> concat",
        "repeat a, b in zip(0..30_000, 0..30_000) { dense(4 + a) -> relu }",
    ],
)
def test_what_unrolls_without_end_is_refused(stages: str):
    assert codes(model(stages)) == ["E0320"]


@pytest.mark.parametrize("end", ["dense(4)", "it", "if false { relu }"])
def test_blocks_that_double_at_every_level_are_refused(end: str):
    assert codes(f"net 1\n{chain('b', 60, end)}{model('b0')[6:]}") == ["E0320"]


def test_repeats_inside_of_repeats_stay_one_node_each():
    assert codes(model("repeat 1000 { " * 60 + "dense(4) -> relu" + " }" * 60)) == []


def test_the_models_of_a_file_share_one_limit():
    one = "model m{} {{ input x: [batch, 4]  output y = x -> {} }}\n"
    half = " -> ".join(["relu"] * 1_001)
    assert codes("net 1\n" + one.format(0, half)) == []
    assert codes("net 1\n" + one.format(0, half) + one.format(1, half)) == ["E0320"]


@pytest.mark.parametrize(
    ("stages", "said"),
    [
        ("dense(10 ** 12)", "the weight `dense.kernel` of [4, 1000000000000] would need 14.5 TiB of memory"),
        ("reshape([batch, 1, 4]) -> conv(4, 10 ** 12)", "the weight `conv.kernel` of [1000000000000, 4, 4]"),
        ("(it + zeros([10 ** 6, 10 ** 6, 4]))", "a tensor of [1000000, 1000000, 4] would need 14.5 TiB of memory"),
    ],
)
def test_a_tensor_that_fits_nowhere_is_refused_with_its_memory(stages: str, said: str):
    problems = compiler.check(Source("model.net", model(stages)))
    assert [problem.code for problem in problems] == ["E0324"]
    assert said in problems.found[0].headline()


def test_memory_has_the_unit_that_fits():
    assert [memory(1), memory(2048), memory(3 << 39), memory(1 << 100)] == [
        "1 bytes",
        "2.0 KiB",
        "1.5 TiB",
        "1,048,576.0 YiB",
    ]


@pytest.mark.parametrize("settings", ["x + 10 ** 12", "x - 2 ** 31 - 1"])
def test_a_constant_fits_into_its_dtype(settings: str):
    assert codes(f"net 1\nmodel m {{ input x: i32[batch, 4]  output y = {settings} }}") == ["E0325"]


@pytest.mark.parametrize(
    "setting",
    [
        "1" + " + 1" * 5_000, "-" * 5_000 + "1", "not " * 5_000 + "true", " ** ".join(["1"] * 5_000), "x" + ".T" * 5_000,
        "x" + "[0]" * 5_000, "f" + "(1)" * 5_000, " and ".join(["true"] * 5_000), " < ".join(["1"] * 5_000),
    ],
)  # fmt: skip
def test_a_chain_of_operators_has_an_end(setting: str):
    assert codes(model("relu", f"a = {setting}")) == ["E0112"]


def test_many_statements_are_no_chain():
    names = "".join(
        f"model m{i}(a = 1) {{ require a == 1  input x: [b, 4]  output y = x -> dense(a) }}\n" for i in range(700)
    )
    variants = "".join(f"variant v{i} of m0(a = 1)\n" for i in range(1_200))
    problems = compiler.Problems()
    parse(Source("model.net", names + variants), problems)
    assert not problems.found


@pytest.mark.parametrize(
    ("setting", "code"),
    [
        ("10 ** 10 ** 10", "E0235"),
        ("(1 / 3) ** 1_000_000_000", "E0235"),
        ("2.5 ** 1_000_000", "E0235"),
        ("1e999", "E0111"),
        ("0..10 ** 12", "E0236"),
        ("[1] * 10 ** 10", "E0231"),
        ('"\\d"', "E0110"),
        ('"\\ud800"', "E0110"),
    ],
)
def test_numbers_lists_and_strings_have_bounds(setting: str, code: str):
    assert codes(model("relu", f"a = {setting}")) == [code]


@pytest.mark.parametrize("first", ['"ab"', "[1]", "1 / 7", "10"])
@pytest.mark.parametrize(
    "step", ["a{0} + a{0}", "[a{0}, a{0}]", "a{0} * a{0}", "zip([a{0}], [a{0}])", "a{0} / 7 + a{0} * a{0}"]
)
def test_settings_that_double_have_bounds(first: str, step: str):
    settings = ", ".join([f"a0 = {first}", *(f"a{i + 1} = {step.format(i)}" for i in range(60))])
    assert codes(model("dense(a60)", settings))


def test_escapes_of_strings():
    text = model("relu").replace("output", r'require 1 == 2, "a\"b\\c\x41\u00e9\n"  output')
    assert 'a"b\\cAé\n' in compiler.check(Source("model.net", text)).found[0].headline()


def test_many_errors_of_syntax_end_early():
    assert codes("net 1\n" + "model\n" * 100_000).count("E0102") == 100
    assert codes("net 1\n" + "model\n" * 100_000)[-1] == "E0113"


def test_very_long_words_are_shortened_in_messages():
    assert codes(model("a" * 100_000)) == ["E0201"]
    assert codes(model(f'rearrange("{"a " * 50_000}")')) == ["E0301"]


def test_long_lists_pass_into_a_model_whole():
    assert show([*range(200)]) == str([*range(200)])


def test_many_unknown_layers_are_soon_reported():
    assert codes("net 1\n" + model(" -> ".join(f"dens{i}(4)" for i in range(300)))[6:]).count("E0201") >= 1
