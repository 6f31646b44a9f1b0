"""The report of a run: one page that needs no other file, with settings, results and curves, in light and in dark."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import isfinite, log10
from typing import Any

from dslc.lazy import np
from dslc.train.result import Result

WIDTH, HEIGHT = 640, 240
LEFT, RIGHT, TOP, BOTTOM = 56, 12, 10, 30
MOST_POINTS = 1_000
"""Points of a curve: a pixel of the drawing has no room for more."""
MOST_CELLS = 10_000
"""Cells of a table that is shown."""
NOT_SHOWN = ("train", "parameters", "rows", "device", "fitted", "names")
"""Settings that stand elsewhere on the page, or are for programs."""

STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #667; --line: #d5d9e0; --paper: #fff; --c0: #1f6feb; --c1: #d9480f; --c2: #2b8a3e; --heat: 31, 111, 235; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e8eb; --soft: #9aa3ad; --line: #353b44; --paper: #16191d; --c0: #6cb0ff; --c1: #ff9c5b; --c2: #69db7c; --heat: 108, 176, 255; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2rem; } .soft { color: var(--soft); }
table { border-collapse: collapse; } td, th { padding: .15rem .8rem .15rem 0; text-align: left; vertical-align: top; }
tr + tr td, tr + tr th { border-top: 1px solid var(--line); } .number { text-align: right; font-variant-numeric: tabular-nums; }
.wide { overflow-x: auto; } .table td, .table th { padding: .15rem .5rem; text-align: right; border: 1px solid var(--line); font-variant-numeric: tabular-nums; }
svg { width: 100%; height: auto; } svg text { font: 11px system-ui, sans-serif; fill: var(--soft); }
svg .grid { stroke: var(--line); } svg path { fill: none; stroke-width: 1.6; }
.train { stroke: var(--c0); color: var(--c0); } .validation { stroke: var(--c1); color: var(--c1); } .test { stroke: var(--c2); color: var(--c2); }
"""


@dataclass(frozen=True)
class Curve:
    """One number over the steps of a run."""

    split: str
    points: tuple[tuple[float, float], ...]


def page(result: Result, config: Mapping[str, Any], lines: Sequence[Mapping[str, Any]]) -> str:
    """The page of a run, from its result, `config.json` and the lines of `metrics.jsonl`."""
    title = str(config["train"])
    facts = {
        "ended": result.ending, "steps": result.step, "weights of step": result.kept, "weights": config["parameters"],
        "rows": config["rows"], "seconds": round(result.seconds, 1), "device": config["device"],
    }  # fmt: skip
    parts = [f"<h1>{escape(title)}</h1>", _definitions(facts), "<h2>Results</h2>", _results(result.values)]
    for name, curves in _curves(lines).items():
        parts += [f"<h2>{escape(name)}</h2>", chart(curves)]
    labels = next(iter(config["names"].values()), ())
    for split, values in result.values.items():
        for name, value in values.items():
            if isinstance(value, np.ndarray):
                parts += [f"<h2>{escape(name)} <span class='soft'>{escape(split)}</span></h2>", _table(value, labels)]
    shown = {name: value for name, value in config.items() if name not in NOT_SHOWN}
    parts += ["<h2>Settings</h2>", _definitions(shown)]
    head = f"<meta charset='utf-8'><meta name='viewport' content='width=device-width'><title>{escape(title)}</title>"
    return f"<!doctype html><html lang='en'><head>{head}<style>{STYLE}</style></head><body>{''.join(parts)}</body></html>\n"


def chart(curves: Iterable[Curve]) -> str:
    """Curves over the same steps as a drawing."""
    shown = [Curve(curve.split, _thinned(curve.points)) for curve in curves if curve.points]
    xs, ys = [[point[axis] for curve in shown for point in curve.points] for axis in (0, 1)]
    if not xs:
        return "<p class='soft'>no finite value</p>"
    across, up = _Scale.over(xs, LEFT, WIDTH - RIGHT), _Scale.over(ys, HEIGHT - BOTTOM, TOP)
    grid = [
        f"<line class='grid' x1='{LEFT}' x2='{WIDTH - RIGHT}' y1='{up(y):.1f}' y2='{up(y):.1f}'/>"
        f"<text x='{LEFT - 6}' y='{up(y) + 4:.1f}' text-anchor='end'>{y:.4g}</text>"
        for y in up.ticks()
    ]
    below = [
        f"<text x='{across(x):.1f}' y='{HEIGHT - BOTTOM + 16}' text-anchor='middle'>{x:,.4g}</text>"
        for x in across.ticks()
    ]
    drawn = [_drawn(curve, across, up) for curve in shown]
    legend = "  ".join(f"<span class='{escape(curve.split)}'>&#9644; {escape(curve.split)}</span>" for curve in shown)
    return (
        f"<div>{legend}</div><svg viewBox='0 0 {WIDTH} {HEIGHT}' role='img'>"
        f"{''.join(grid)}{''.join(below)}{''.join(drawn)}</svg>"
    )


@dataclass(frozen=True)
class _Scale:
    """A line from numbers to places in the drawing."""

    low: float
    high: float
    start: float
    end: float

    @classmethod
    def over(cls, values: Sequence[float], start: float, end: float) -> "_Scale":
        low, high = min(values), max(values)
        room = (high - low) * 0.03 or abs(low) * 0.1 or 1.0
        return cls(low - room, high + room, start, end)

    def __call__(self, value: float) -> float:
        return self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start)

    def ticks(self) -> list[float]:
        """Round numbers, four or so."""
        rough = (self.high - self.low) / 4
        size = 10 ** np.floor(log10(rough))
        step = float(next(factor * size for factor in (1, 2, 5, 10) if factor * size >= rough))
        first = int(np.ceil(self.low / step))
        return [number * step for number in range(first, int(np.floor(self.high / step)) + 1)]


def _drawn(curve: Curve, across: _Scale, up: _Scale) -> str:
    places = [f"{across(x):.1f},{up(y):.1f}" for x, y in curve.points]
    if len(places) == 1:
        x, y = places[0].split(",")
        return f"<circle class='{escape(curve.split)}' cx='{x}' cy='{y}' r='3' fill='currentColor'/>"
    return f"<path class='{escape(curve.split)}' d='M{' L'.join(places)}'/>"


def _thinned(points: tuple[tuple[float, float], ...]) -> tuple[tuple[float, float], ...]:
    every = -(-len(points) // MOST_POINTS)
    return (*points[::every], points[-1]) if every > 1 else points


def _curves(lines: Iterable[Mapping[str, Any]]) -> dict[str, list[Curve]]:
    """Curves by the name of the number; a split that was measured once is no curve."""
    found: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for line in lines:
        for name, value in line.items():
            if name not in ("step", "epoch", "split") and isinstance(value, int | float) and isfinite(value):
                found.setdefault(name, {}).setdefault(line["split"], []).append((line["step"], value))
    return {name: [Curve(split, tuple(points)) for split, points in splits.items()] for name, splits in found.items()}


def _results(results: Mapping[str, Mapping[str, Any]]) -> str:
    names = dict.fromkeys(
        name for values in results.values() for name, value in values.items() if isinstance(value, float)
    )
    head = "".join(f"<th class='number'>{escape(name)}</th>" for name in names)
    rows = [
        f"<tr><th>{escape(split)}</th>"
        + "".join(f"<td class='number'>{_number(values.get(name))}</td>" for name in names)
        + "</tr>"
        for split, values in results.items()
    ]
    return (
        f"<table><tr><th></th>{head}</tr>{''.join(rows)}</table>"
        if names
        else "<p class='soft'>nothing was measured</p>"
    )


def _definitions(facts: Mapping[str, Any]) -> str:
    rows = (f"<tr><th>{escape(name)}</th><td>{escape(_said(value))}</td></tr>" for name, value in facts.items())
    return f"<table>{''.join(rows)}</table>"


def _said(value: Any) -> str:
    """A setting in words: nested ones as `name(key = value)`."""
    if isinstance(value, Mapping):
        items = [f"{key} = {_said(item)}" for key, item in value.items() if key != "name"]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        return f"{value.get('name', '')}({', '.join(items)})"  # pyright: ignore[reportUnknownMemberType]
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_said, value))}]"  # pyright: ignore[reportUnknownArgumentType]
    if value is None or isinstance(value, bool):
        return str(value).lower()
    return f"{value:,}" if isinstance(value, int) else f"{value:.6g}" if isinstance(value, float) else str(value)


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _table(values: Any, names: Sequence[str]) -> str:
    """A table of numbers, darker where they are larger in their row; a column of rows for a list."""
    if values.ndim > 2 or values.size > MOST_CELLS:
        return f"<p class='soft'>{' x '.join(map(str, values.shape))} numbers</p>"
    rows = values if values.ndim == 2 else values[:, None]
    labels = names if len(names) == len(rows) else [str(number) for number in range(len(rows))]
    head = (
        "".join(f"<th>{escape(label)}</th>" for label in labels)
        if values.ndim == 2 and rows.shape[1] == len(rows)
        else ""
    )
    body = [
        f"<tr><th>{escape(label)}</th>" + "".join(_cell(value, row) for value in row) + "</tr>"
        for label, row in zip(labels, rows, strict=True)
    ]
    top = f"<tr><th></th>{head}</tr>" if head else ""
    return f"<div class='wide'><table class='table'>{top}{''.join(body)}</table></div>"


def _cell(value: float, row: Any) -> str:
    largest = float(np.abs(row).max())
    share = abs(float(value)) / largest if largest > 0 and isfinite(largest) else 0.0
    return f"<td style='background: rgba(var(--heat), {0.6 * share:.2f})'>{value:.6g}</td>"
