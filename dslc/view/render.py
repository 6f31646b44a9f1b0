"""Puts the views of a graph into the page."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from importlib.resources import files
from typing import Any

from dslc.graph import Graph
from dslc.source import Source, by_name
from dslc.view.boxes import MOST
from dslc.view.scene import Item, Scene, scene

SCRIPTS = ("layers.js", "columns.js", "nest.js", "draw.js", "page.js", "details.js")


@dataclass(frozen=True)
class View:
    """A graph to show, under a title, with plain facts about it such as the passes that were taken."""

    title: str
    graph: Graph
    notes: tuple[str, ...] = ()


def page(views: Sequence[View], sources: Iterable[Source] = ()) -> str:
    """One HTML file with everything in it; `sources` are the files that the spans of the graphs point into."""
    texts = by_name(sources)
    scenes = [(view, scene(view.graph, texts)) for view in views]
    title = views[0].graph.name if views else "graph"
    data = {
        "title": title,
        "most": MOST,
        "views": [_view(view, drawn) for view, drawn in scenes],
        "about": {name: text for _, drawn in scenes for name, text in drawn.about.items()},
        "hues": _hues(),
    }
    parts = {
        "title": escape(title),
        "style": _file("page.css"),
        "script": "\n".join(map(_file, SCRIPTS)),
        "data": _json(data),
    }
    text = _file("page.html")
    return "".join(parts.get(piece, piece) for piece in text.split("$$"))


@cache
def _file(name: str) -> str:
    return files("dslc.view").joinpath(name).read_text(encoding="utf-8")


def _json(data: Any) -> str:
    """JSON that no text of the author can end early."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def _view(view: View, drawn: Scene) -> dict[str, Any]:
    return {
        "title": view.title,
        "notes": view.notes,
        "summary": drawn.summary,
        "items": [_item(item) for item in drawn.items],
        "arrows": drawn.arrows,
    }


def _item(item: Item) -> dict[str, Any]:
    """The fields that say something."""
    found = {name: value for name, value in vars(item).items() if value or name == "parent"}
    found["sections"] = [[section.title, section.rows] for section in item.sections if section.rows]
    return found


def _hues() -> dict[str, tuple[int, int]]:
    """Hue and tone for each family of ops, the same on every page.

    Turning by the golden angle keeps hues apart; the first that come near each other are 8 turns apart, and get
    different tones.
    """
    families = sorted(path.name for path in files("dslc.ops").iterdir() if path.is_dir() and path.name[0] not in "_.")
    return {family: (round(at * 137.508) % 360, at // 8 % 3) for at, family in enumerate(families)}
