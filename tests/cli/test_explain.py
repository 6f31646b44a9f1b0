"""`dslc explain` and `dslc layers`: the same pages that the docs show."""

import json

import pytest
from cli.commands import Dslc

from dslc import pages
from dslc.errors.base import Problem

NAMES = sorted({member.name for member in pages.members()})
CODES = pages.problems()


def test_the_page_of_a_code_has_a_real_message(dslc: Dslc):
    said = dslc("explain", "e0209")
    assert said.status == 0
    assert said.out == (
        "# E0209: recursive\n"
        "\n"
        "A block or layer that applies itself, directly or through others, never ends.\n"
        "\n"
        "## A file that has it\n"
        "\n"
        "    net 1\n"
        "    block b() = dense(2) -> b\n"
        "    model m { input x: [batch, 4]  output y = x -> b }\n"
        "\n"
        "## What dslc says\n"
        "\n"
        "    error[E0209]: `b` applies itself: b -> b\n"
        "     --> example.net:2:25\n"
        "      |\n"
        "    2 | block b() = dense(2) -> b\n"
        "      |                         ^\n"
        "      = help: to apply it several times, use `repeat n { ... }`\n"
        "\n"
        "## Mended\n"
        "\n"
        "    net 1\n"
        "    block b() = dense(2)\n"
        "    model m { input x: [batch, 4]  output y = x -> repeat 3 { b } }\n"
    )


@pytest.mark.parametrize("problem", CODES.values(), ids=list(CODES))
def test_every_code_has_a_page_with_its_own_message(problem: type[Problem]):
    page = pages.problem_page(problem)
    assert page.startswith(f"# {problem.code}: ")
    if problem.example:
        assert f"[{problem.code}]: " in page
        assert "\n## Mended\n" in page


@pytest.mark.parametrize("name", NAMES)
def test_every_name_has_a_page(name: str):
    for member in pages.named(name):
        page = pages.entry_page(member)
        assert page.startswith(f"# {name}\n\n`{name}")
        assert member.summary() in page
        for setting in member.settings():
            assert f"\n- `{setting.name}`: " in page or setting.name == member.open  # whatever the call names


def test_the_page_of_a_layer_shows_settings_and_shapes(dslc: Dslc):
    out = dslc("explain", "dense").out
    assert "- `bias`: `true` or `false`, by default `true`\n" in out
    assert "    [batch, 3] -> dense(4)\n        gives [batch, 4], 16 weights\n" in out
    assert "    [batch, 3] -> dense(0)\n        `units` must be at least 1, and is 0\n" in out
    assert "Elsewhere called `Linear`" in out


def test_a_name_of_two_things_has_two_pages(dslc: Dslc):
    out = dslc("explain", "split").out
    assert ", a layer.\n" in out
    assert ", a data stage.\n" in out


def test_pages_fit_the_terminal(dslc: Dslc, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("COLUMNS", "70")
    lines = dslc("explain", "cross_entropy").out.splitlines()
    # The call with all its settings is code, and stays in one line as other code does.
    prose = [line for line in lines if not line.startswith(("    ", "#", "`cross_entropy("))]
    assert max(map(len, prose)) <= 70


def test_what_is_unknown_is_wrong_usage_with_a_way_out(dslc: Dslc):
    for word, way_out in (("Linear", "`dense`"), ("dens", "`dense`"), ("E0210x", "`dslc layers`"), ("E0299", "E02")):
        said = dslc("explain", word)
        assert (said.status, said.out) == (2, "")
        assert way_out in said.err


def test_layers_are_listed_by_family_with_their_settings(dslc: Dslc):
    out = dslc("layers").out
    _, _, linear = out.partition("layers: linear\n")
    assert "\n  dense(units, bias = true, init = none, bias_init = zeros)\n      Affine map" in linear
    titles = [line for line in out.splitlines() if line and not line.startswith(" ")]
    assert len(titles) == len(set(titles))
    for title in ("losses", "metrics", "initializers", "schedules", "optimizers", "data sources", "data stages"):
        assert title in titles


def test_layers_can_be_searched_by_any_word(dslc: Dslc):
    assert "dense(units" in dslc("layers", "fullyconnected").out
    assert "max_pool(" in dslc("layers", "pool largest").out
    assert dslc("layers", "pool largest").out.count("layers: ") == 1
    said = dslc("layers", "nothing-like-this")
    assert (said.status, said.out) == (1, "")
    assert "`dslc layers` lists everything" in said.err


def test_layers_as_json(dslc: Dslc):
    found = {entry["name"]: entry for entry in json.loads(dslc("layers", "dense", "--json").out)}
    assert found["dense"]["kind"] == "layer"
    assert found["dense"]["family"] == "linear"
    assert found["dense"]["settings"][:2] == [
        {"name": "units", "takes": "an int", "default": None},
        {"name": "bias", "takes": "`true` or `false`", "default": "true"},
    ]
