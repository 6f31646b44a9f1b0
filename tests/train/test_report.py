"""The report: one page by itself, with every number that a run gives."""

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dslc.train.report import MOST_POINTS, Curve, chart, page
from dslc.train.result import Result

CONFIG: dict[str, Any] = {
    "train": "m<b>", "model": "m", "options": {}, "batch": 16, "clip": None, "parameters": 1234, "rows": {"train": 90},
    "optimizer": {"name": "adam", "lr": 0.001}, "fitted": [], "names": {"label": ["cat", "<dog>"]}, "device": "cpu",
}  # fmt: skip
LINES = [
    {"step": step, "epoch": step / 10, "split": split, "loss": 1 / step + (split == "test"), "accuracy": None}
    for step in range(1, 31)
    for split in ("train", "test")
]


class Checker(HTMLParser):
    """Follows tags, so that every one is closed, and keeps what a browser would load."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loaded: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.loaded += [f"{name}={value}" for name, value in attrs if name in ("src", "href", "srcset", "data")]
        if tag not in ("meta", "line", "circle", "path"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in ("line", "circle", "path"):
            assert self.open.pop() == tag


def made(table: np.ndarray) -> str:
    values = {"test": {"loss": 0.25, "accuracy": 0.5, "confusion": table}}
    return page(Result(Path("runs/a"), "finished", 30, 30, values, 3.21), CONFIG, LINES)


@pytest.fixture
def text() -> str:
    return made(np.asarray([[8.0, 2.0], [0.0, 10.0]]))


def test_the_page_is_whole_and_loads_nothing(text: str) -> None:
    checker = Checker()
    checker.feed(text)
    assert checker.open == []
    assert checker.loaded == []
    assert "url(" not in text
    assert "@import" not in text
    assert "<script" not in text
    assert "prefers-color-scheme: dark" in text


def test_names_from_the_data_are_text(text: str) -> None:
    assert "<b>" not in text
    assert "<dog>" not in text
    assert "m&lt;b&gt;" in text
    assert "&lt;dog&gt;" in text


def test_the_page_has_settings_results_and_the_table(text: str) -> None:
    assert "adam(lr = 0.001)" in text
    assert "<th>clip</th><td>none</td>" in text
    assert "<td class='number'>0.25</td>" in text
    cells = re.findall(r"<td style='background: rgba\(var\(--heat\), ([0-9.]+)\)'>([0-9.]+)</td>", text)
    assert [value for _, value in cells] == ["8", "2", "0", "10"]
    assert [float(shade) for shade, _ in cells] == [0.6, 0.15, 0.0, 0.6]


def test_a_curve_has_the_shape_of_its_numbers() -> None:
    drawn = chart([Curve("train", ((0, 1.0), (10, 3.0), (20, 2.0)))])
    (path,) = re.findall(r"<path class='train' d='M([^']+)'/>", drawn)
    (x0, y0), (x1, y1), (x2, y2) = (tuple(map(float, place.split(","))) for place in path.split(" L"))
    assert x0 < x1 < x2
    # Up is less in a drawing; places are rounded to a tenth of a pixel.
    assert y1 < y2 < y0
    assert (x0 + x2) / 2 == pytest.approx(x1, abs=0.1)
    assert (y0 + y1) / 2 == pytest.approx(y2, abs=0.1)


def test_axes_have_a_few_round_numbers() -> None:
    drawn = chart([Curve("train", ((0, 0.013), (1000, 0.987)))])
    labels = [float(label) for label in re.findall(r"text-anchor='end'>([^<]+)<", drawn)]
    assert 2 <= len(labels) <= 7
    assert all(label * 20 == pytest.approx(round(label * 20), abs=1e-9) for label in labels)


def test_long_curves_are_thinned_and_keep_their_ends() -> None:
    points = tuple((float(step), step % 7.0) for step in range(10 * MOST_POINTS + 3))
    drawn = chart([Curve("train", points)])
    (path,) = re.findall(r"<path class='train' d='M([^']+)'/>", drawn)
    assert path.count(" L") <= MOST_POINTS
    last = re.findall(r"<path class='train' d='M([^']+)'/>", chart([Curve("train", points[::5] + points[-1:])]))[0]
    assert path.split(" L")[-1] == last.split(" L")[-1]


@pytest.mark.parametrize("values", [(), ((3.0, 5.0),), ((0.0, 2.0), (1.0, 2.0)), ((0.0, 0.0), (1.0, 0.0))])
def test_charts_of_little_are_still_drawn(values: tuple[tuple[float, float], ...]) -> None:
    drawn = chart([Curve("train", values)])
    assert "nan" not in drawn
    assert ("no finite value" in drawn) == (not values)


def test_large_tables_are_only_counted() -> None:
    assert "300 x 300 numbers" in made(np.zeros((300, 300)))
