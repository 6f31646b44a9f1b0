"""The page: one file, nothing from outside, no text of the author that is read as markup."""

import json
import re
from html.parser import HTMLParser
from typing import Any

import sketch

from dslc.graph import Graph
from dslc.source import Source, Span
from dslc.view import View, page

HOSTILE = '</script><img src=x onerror="alert(1)">&amp;<!--'


class Tags(HTMLParser):
    """Tags and their attributes, in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def data(text: str) -> Any:
    found = re.search(r'<script id="data" type="application/json">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def hostile() -> Graph:
    draw = sketch.Sketch(HOSTILE)
    span = Span("a.net", 0, 3)
    x = draw.add("dense", draw.input(HOSTILE, "[batch, 2]"), units=3, path=HOSTILE, span=span)
    with draw.block(HOSTILE):
        draw.output(HOSTILE, draw.add("relu", x, path=HOSTILE))
    return draw.graph


def test_nothing_comes_from_outside() -> None:
    text = page([View("source", sketch.residual_net())])
    tags = Tags(text).found
    assert not [
        tag
        for tag, attributes in tags
        if tag in ("link", "img", "iframe") or "src" in attributes or "href" in attributes
    ]
    assert not re.search(r"@import|url\(|fetch\(|XMLHttpRequest|import\(", text)
    addresses = set(re.findall(r"\w+://[^\s\"'<>)]+", text))
    assert addresses == {"http://www.w3.org/2000/svg"}, "the name of SVG is an address that nobody opens"


def test_text_of_the_author_is_never_markup() -> None:
    views = [View(HOSTILE, hostile(), (HOSTILE,))]
    text = page(views, [Source("a.net", HOSTILE)])
    usual = page([View("source", sketch.perceptron())])
    assert [tag for tag, _ in Tags(text).found] == [tag for tag, _ in Tags(usual).found]
    view = data(text)["views"][0]
    assert (view["title"], view["notes"]) == (HOSTILE, [HOSTILE])
    assert {HOSTILE} <= {item.get("path") for item in view["items"]} | {item.get("code") for item in view["items"]}
    assert "<title>&lt;/script&gt;" in text


def test_the_page_has_every_view_with_its_notes() -> None:
    notes = ("`fold`: taken at `stem`", "`merge`: refused at `head`: two readers")
    views = data(page([View("source", sketch.perceptron()), View("optimized", sketch.residual_net(), notes)]))["views"]
    assert [(view["title"], view["notes"]) for view in views] == [("source", []), ("optimized", list(notes))]
    assert views[0]["summary"] == "8 layers · 235 k weights"


def test_every_op_that_is_drawn_has_its_sentence_and_every_family_its_hue() -> None:
    found = data(page([View("source", sketch.residual_net())]))
    layers = [item for item in found["views"][0]["items"] if item["kind"] == "layer"]
    assert all(found["about"][layer["about"]].endswith(".") for layer in layers)
    hues = [tuple(found["hues"][family]) for family in {layer["family"] for layer in layers}]
    assert len(set(hues)) == len(hues)


def test_a_thousand_blocks_in_a_repeat_make_no_longer_page() -> None:
    lengths = [len(page([View("source", sketch.transformer(count))])) for count in (100, 1_000)]
    # Each of the 30 or so places that give a count may be a digit and a comma longer.
    assert lengths[1] - lengths[0] < 200
