"""The tables of the reference name what the compiler knows: all of it, and nothing else."""

import re

import generate
import pytest

from dslc.build.functions import FUNCTIONS
from dslc.build.groups import SETTINGS
from dslc.build.train_settings import BLOCK, SPECIAL, SPECIAL_OF_STEP, STEP
from dslc.ops.base import OPS
from dslc.ops.combinator.base import Combinator
from dslc.types import DTYPES


def first_cells(page: str, title: str) -> set[str]:
    """The words in the first column of the table whose head begins with a title."""
    text = (generate.DOCS / page).read_text("utf-8")
    start = text.index(f"\n| {title} |")
    rows = text[start:].partition("\n\n")[0].strip().splitlines()[2:]
    return {word for row in rows for word in re.findall(r"`([^`]+)`", row.split(" | ")[0])}


@pytest.mark.parametrize(
    ("title", "known"),
    [
        ("setting", {*BLOCK, *SPECIAL}),
        ("setting of a step", {*STEP, *SPECIAL_OF_STEP}),
        ("setting of a group", {*SETTINGS}),
    ],
)
def test_every_setting_of_training_is_in_its_table(title: str, known: set[str]) -> None:
    assert first_cells("training.md", title) == known


def test_every_function_of_settings_is_in_the_table() -> None:
    # `epochs(5)` is a duration, and stands with the durations.
    assert {*FUNCTIONS} - {"epochs"} <= first_cells("language.md", "on settings")


def test_every_combinator_is_on_its_page() -> None:
    text = (generate.DOCS / "combinators.md").read_text("utf-8")
    missing = [op.name for op in OPS if issubclass(op, Combinator) and not re.search(rf"`[^`]*\b{op.name}\b", text)]
    assert not missing


def test_every_dtype_is_in_the_reference() -> None:
    assert f"`{' '.join(DTYPES)}`" in (generate.DOCS / "types.md").read_text("utf-8")


def test_every_file_of_constructs_says_what_it_shows() -> None:
    pages = dict(generate.generated())
    for file in (generate.ROOT / "tests/language").glob("*.net"):
        assert f"| [`{file.name}`](#" in pages["shown/index.md"], file.name
