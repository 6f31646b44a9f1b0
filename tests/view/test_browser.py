"""The page in a real browser: what stands where, and where the arrows run."""

import os
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from itertools import combinations, pairwise
from pathlib import Path

import pytest
import sketch

from dslc.graph import Graph
from dslc.view import View, page
from dslc.view.scene import scene

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(BROWSER is None, reason="no Chromium here")

OPEN_ALL = """
DATA.views.forEach((view, at) => {
  const pane = new Pane(at)
  document.body.append(pane.root)
  pane.show(at)
  for (let level = 0; level < 9; level++) pane.step(true)
})
"""
GRAPHS = [sketch.perceptron(), sketch.residual_net(), sketch.u_net(), sketch.siamese(), sketch.transformer()]
NEAR = 1.0
"""Pixels that an arrow may be inside of a box that it passes: places are rounded to whole pixels."""

Point = tuple[float, float]


@dataclass
class Shown:
    number: int
    classes: set[str]
    left: float
    top: float
    right: float
    bottom: float

    def holds(self, point: Point, near: float = NEAR) -> bool:
        x, y = point
        return self.left + near < x < self.right - near and self.top + near < y < self.bottom - near

    def covers(self, other: "Shown") -> bool:
        return (
            self.left < other.right and other.left < self.right and self.top < other.bottom and other.top < self.bottom
        )


@dataclass
class Arrow:
    start: int
    end: int
    way: str = ""


@dataclass
class Drawn(HTMLParser):
    """Items, arrows and texts of the first drawing in a page."""

    text: str
    items: dict[int, Shown] = field(default_factory=dict[int, Shown])
    arrows: list[Arrow] = field(default_factory=list[Arrow])
    words: Counter[str] = field(default_factory=Counter[str])

    def __post_init__(self) -> None:
        super().__init__()
        self.feed(self.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        classes = set(given.get("class", "").split())
        if "data-item" in given:
            x, y = map(float, re.findall(r"-?[\d.]+", given["transform"]))
            right, bottom = x + float(given["data-width"]), y + float(given["data-height"])
            number = int(given["data-item"])
            self.items[number] = Shown(number, classes, x, y, right, bottom)
        elif "edge" in classes:
            self.arrows.append(Arrow(int(given["data-from"]), int(given["data-to"])))
        elif "way" in classes:
            self.arrows[-1].way = given["d"]

    def handle_data(self, data: str) -> None:
        self.words[data.strip()] += 1


def opened(folder: Path, script: str, *graphs: Graph) -> str:
    """The page with a view of each graph after its script has run, as the browser has it."""
    text = page([View(f"view {at}", graph) for at, graph in enumerate(graphs)])
    file = folder / "page.html"
    file.write_text(text.replace("</body>", f"<script>{script}</script></body>"), encoding="utf-8")
    flags = ("--headless", "--no-sandbox", "--disable-gpu", "--window-size=1280,800", "--enable-logging=stderr")
    command = [str(BROWSER), *flags, "--dump-dom", f"--user-data-dir={folder / 'profile'}", file.as_uri()]
    home = {**os.environ, "HOME": str(folder)}
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True, env=home)
    assert "CONSOLE" not in ran.stderr, ran.stderr
    return ran.stdout


def points(way: str) -> Iterator[Point]:
    """Points along a path of lines and bends."""
    here = (0.0, 0.0)
    for command, numbers in re.findall(r"([MLC])([^MLC]*)", way):
        values = [float(number) for number in numbers.split()]
        stops = [here, *zip(values[::2], values[1::2], strict=True)]
        here = stops[-1]
        if command == "M":
            continue
        for step in range(33):
            yield between(stops, step / 32)


def between(stops: list[Point], share: float) -> Point:
    """De Casteljau: the point of a Bezier curve at a share of its way."""
    while len(stops) > 1:
        stops = [(a + (c - a) * share, b + (d - b) * share) for (a, b), (c, d) in pairwise(stops)]
    return stops[0]


def test_each_arrow_is_drawn_and_goes_round_every_box(tmp_path: Path) -> None:
    pages = opened(tmp_path, OPEN_ALL, *GRAPHS).split('<svg class="graph"')[-len(GRAPHS) :]
    for graph, text in zip(GRAPHS, pages, strict=True):
        drawn = Drawn(text)
        closed = [item for item in drawn.items.values() if "is-open" not in item.classes]
        assert not [(a.number, b.number) for a, b in combinations(closed, 2) if a.covers(b)]
        assert {(arrow.start, arrow.end) for arrow in drawn.arrows} == joined(graph)
        for arrow in drawn.arrows:
            way = list(points(arrow.way))
            assert abs(way[0][1] - drawn.items[arrow.start].bottom) <= NEAR
            assert 0 <= drawn.items[arrow.end].top - way[-1][1] <= 6, "the arrow's head is 6 pixels high"
            through = [item.number for item in closed if any(map(item.holds, way))]
            assert not through, f"{arrow} of {graph.name} goes through {through}"


def joined(graph: Graph) -> set[tuple[int, int]]:
    """Numbers of the items that the page's own data joins."""
    return {(arrow.item, arrow.to) for arrow in scene(graph).arrows}


def test_skips_are_drawn_while_their_box_is_closed_and_arrows_join(tmp_path: Path) -> None:
    close = "panes[0].view.items.forEach((item, at) => panes[0].state.open.delete(at)); panes[0].draw()"
    drawn = Drawn(opened(tmp_path, close, sketch.u_net()))
    pairs = [(arrow.start, arrow.end) for arrow in drawn.arrows]
    assert len(pairs) == len(set(pairs))
    boxes = [number for number, item in drawn.items.items() if "box" in item.classes]
    assert len(boxes) == 6
    assert {(boxes[0], boxes[5]), (boxes[1], boxes[4]), (boxes[2], boxes[3])} <= set(pairs)


def test_a_repeat_is_marked_with_its_count_and_arrows_with_shapes(tmp_path: Path) -> None:
    text = opened(tmp_path, "", sketch.transformer(1_000))
    assert text.count(">\N{MULTIPLICATION SIGN} 1,000</text>") == 1
    assert text.count(">[batch, seq, 64]</text>") > 5
    assert text.count(">i32[batch, seq]</text>") == 1


def test_a_click_shows_what_a_layer_is(tmp_path: Path) -> None:
    at = "panes[0].view.items.findIndex((item) => item.path === 'dense_2')"
    click = f"panes[0].nodeOf({at}).dispatchEvent(new MouseEvent('click', {{ bubbles: true }}))"
    words = Drawn(opened(tmp_path, click, sketch.perceptron())).words
    assert words["dense_2.kernel"] == 1
    assert words["[256, 128]"] == 1
    assert words["32,768"] == 1


def test_the_search_opens_the_boxes_around_what_it_finds(tmp_path: Path) -> None:
    search = "find('search').value = 'block_3 batch_norm_2'; find('search').dispatchEvent(new Event('input'))"
    drawn = Drawn(opened(tmp_path, search, sketch.residual_net()))
    assert drawn.words["1 of 3"] == 1
    assert [item.number for item in drawn.items.values() if "chosen" in item.classes]


def test_keys_open_boxes_and_walk_along_the_arrows(tmp_path: Path) -> None:
    keys = """
    const press = (key) => document.activeElement.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }))
    panes[0].focus(panes[0].view.items.findIndex((item) => item.path === "blocks"))
    press("Enter")
    press("ArrowDown")
    press(" ")
    """
    drawn = Drawn(opened(tmp_path, keys, sketch.transformer()))
    assert not any("is-open" in item.classes for item in drawn.items.values())
    assert drawn.words["ln_f"] >= 2, "in its box, and as the title of the details"


def test_two_views_stand_side_by_side(tmp_path: Path) -> None:
    text = opened(tmp_path, "", sketch.perceptron(), sketch.siamese())
    left, right = map(Drawn, text.split('<svg class="graph"')[-2:])
    assert (left.words["image"], right.words["image"]) == (1, 0)
    assert (left.words["distance"], right.words["distance"]) == (0, 1)


def test_a_large_graph_shows_few_things_at_first(tmp_path: Path) -> None:
    drawn = Drawn(opened(tmp_path, "", sketch.chain(1_500)))
    assert 10 < len(drawn.items) <= 42
