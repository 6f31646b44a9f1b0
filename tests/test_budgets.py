"""Budgets: what a model or its training may cost at most holds in `check`, without JAX."""

import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import pytest
from nets import plan_of, problems_of

from dslc.amounts import amount, in_bytes
from dslc.estimate import memory
from dslc.optimizers.base import OPTIMIZERS
from dslc.schedules.base import Length

MODEL = """model mlp(hidden = 64) {{
  {}
  input  image: [batch, 8, 8, 1]
  output logits = image -> flatten -> dense(hidden) -> relu -> dense(10)
}}
"""
TRAIN = """train mlp {{
  {}
  data  = digits()
  loss  = (logits, label) -> cross_entropy
  batch = 100
}}
"""
WEIGHTS = 64 * 64 + 64 + 64 * 10 + 10


def codes(text: str) -> list[str]:
    return [problem.code for problem in problems_of(text)]


@pytest.mark.parametrize(
    ("budget", "held"),
    [
        (f"require parameters <= {WEIGHTS}", True),
        (f"require parameters < {WEIGHTS}", False),
        (f"require {WEIGHTS} > parameters", False),
        (f"require {WEIGHTS + 1} > parameters", True),
        ('require parameters < "5k"', True),
        ('require parameters < "4.5k"', False),
        # A product of 64 x 64 and one of 64 x 10 for each row: 2 * 4,736, and a few for biases and relu.
        ("require flops < 9_000", False),
        ('require flops < "10 kFLOPs"', True),
        ("require peak_memory < 4 * 4_000", False),
        ('require peak_memory < "30 kB"', True),
    ],
)
def test_a_budget_of_a_model_holds_or_is_an_error(budget: str, held: bool):
    assert codes(MODEL.format(budget)) == ([] if held else ["E0462"])


@pytest.mark.parametrize(
    ("budget", "held"),
    [
        (f"require parameters < {WEIGHTS}", False),
        # A batch of 100 rows.
        ("require flops < 900_000", False),
        ("require flops < 1_100_000", True),
        # Weights, two means of Adam and gradients: 4 * 4 * 4,810 bytes, before any activation.
        ("require peak_memory < 76_000", False),
        ('require peak_memory < "1MB"', True),
    ],
)
def test_a_budget_of_a_train_block_is_about_a_step(budget: str, held: bool):
    assert codes(MODEL.format("") + TRAIN.format(budget)) == ([] if held else ["E0462"])


def test_a_budget_says_the_number_and_where_most_of_it_comes_from():
    (problem,) = problems_of(MODEL.format("require parameters < 1_000"))
    assert problem.headline() == "`parameters` is 4,810, and has to be below 1,000"
    assert "dense 4,160, dense_2 650" in (problem.help() or "")


def test_a_budget_holds_for_variants_and_for_what_the_command_line_sets():
    text = MODEL.format("require parameters < 6_000")
    assert codes(text + "variant wide of mlp(hidden = 128)\n") == ["E0462"]
    with pytest.raises(AssertionError, match="E0462"):
        plan_of(text + TRAIN.format(""), settings={"hidden": "128"})


def test_a_setting_called_as_a_budget_is_a_setting():
    text = "model m(parameters = 3) {{ require parameters < {}  input x: [batch, 2]  output y = x -> dense(9) }}\n"
    assert codes(text.format(4)) == []
    assert codes(text.format(3)) == ["E0210"]


def test_a_model_that_is_a_part_of_another_is_checked_by_itself():
    inner = "model part {{ require parameters < {}  input x: [batch, 4]  output y = x -> dense(3) }}\n"
    whole = "model whole { input x: [batch, 4]  output y = x -> dense(4) -> relu -> part }\n"
    assert codes(inner.format(16) + whole) == []
    assert codes(inner.format(15) + whole) == ["E0462"]


@pytest.mark.parametrize(
    ("text", "unit", "number"),
    [
        ("8GB", "b", 8 * 10**9),
        ("8GiB", "b", 8 * 2**30),
        ("1.5 MB", "b", 1_500_000),
        ("512", "b", 512),
        ("3 GFLOPs", "flop", 3 * 10**9),
        ("50M", "", 50_000_000),
    ],
)
def test_amounts_are_read_with_their_units(text: str, unit: str, number: int):
    assert amount(text, unit) == number


@pytest.mark.parametrize(
    ("text", "unit"), [("8 bananas", "b"), ("GB", "b"), ("3 GB", ""), ("3 GFLOPs", "b"), ("-1", "b")]
)
def test_what_is_no_amount_is_refused(text: str, unit: str):
    with pytest.raises(ValueError, match=text):
        amount(text, unit)


def test_bytes_are_said_by_thousands():
    assert [in_bytes(n) for n in (7, 1_000, 999_499, 8 * 10**9)] == ["7 B", "1 kB", "999 kB", "8 GB"]


@pytest.mark.parametrize("kind", [pytest.param(kind, id=kind.name) for kind in OPTIMIZERS])
def test_an_optimizer_keeps_as_many_arrays_as_it_says(kind: type):
    names = {field.name for field in kind.settings()}
    for given in ({}, {"momentum": 0.9} if "momentum" in names else {}):
        rule = kind(**({"lr": 1e-3} if "lr" in names else {}), **given)
        weight = jnp.zeros((40, 50))
        kept = jax.tree.leaves(rule.build(Length(10, 5)).init({"w": weight}))
        # Besides them it may count its steps.
        assert sum(array.size for array in kept) // weight.size == rule.slots


def test_a_budget_of_memory_does_without_jax(tmp_path: Path):
    file = tmp_path / "m.net"
    file.write_text("net 1\n" + MODEL.format("") + TRAIN.format("require peak_memory < 1_000"), "utf-8")
    code = "import sys; from dslc import compiler; found = compiler.check(compiler.read(sys.argv[1])).found; "
    code += "assert found and 'jax' not in sys.modules"
    subprocess.run([sys.executable, "-c", code, str(file)], check=True)


def test_what_a_step_needs_is_made_of_its_parts():
    found = memory.of_plan(plan_of(MODEL.format("") + TRAIN.format("")))
    assert (found.weights, found.optimizer, found.gradients) == (4 * WEIGHTS, 8 * WEIGHTS, 4 * WEIGHTS)
    # Rows of 64 numbers before and after the layer with relu, and little else.
    assert 100 * 64 * 4 <= found.activations <= 100 * 64 * 4 * 4
