"""Why a program was compiled anew: what of all that it depends on is not as it was the last time that its file was compiled.

The user's cache folder keeps one small record for each file and model: the text, what the command line said, versions, the
device, and a hash of the program. Without a cache folder every time is the first.
"""

import json
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cache
from hashlib import blake2b
from pathlib import Path, PurePath
from typing import Any

import dslc
from dslc.cache import folder
from dslc.compilation import Compilation
from dslc.lazy import jax

HIT = "/jax/compilation_cache/cache_hits"
MOST_LINES = 8
"""Changed lines that are named."""


@dataclass(frozen=True)
class Told:
    """What is known of the compilations of a file before this one."""

    first: bool
    same: bool
    """The program is the one of the last time."""
    cached: bool
    """XLA's program came from its cache."""
    changes: tuple[str, ...]

    def __str__(self) -> str:
        origin = "XLA's program is from the cache" if self.cached else "XLA compiled it"
        if self.first:
            return f"no record of an earlier compilation of this file; {origin}"
        if self.same:
            idle = f", which {'; '.join(self.changes)} did not change" if self.changes else ""
            return f"the program of the last time{idle}; {origin}"
        return f"another program than the last time: {'; '.join(self.changes) or 'for no reason that is on record'}; {origin}"


def remember(compilation: Compilation, cached: bool) -> Told:
    """Compare with the last time, and keep the record for the next."""
    now = _facts(compilation)
    place = _place(compilation)
    before = _read(place)
    if place is not None:
        place.write_text(json.dumps(now), "utf-8")
    if before is None:
        return Told(first=True, same=False, cached=cached, changes=())
    same = before.get("program") == now["program"]
    return Told(first=False, same=same, cached=cached, changes=tuple(_changes(before, now)))


@contextmanager
def hits() -> Generator[list[str]]:
    """The programs that XLA took from its cache while the block ran, one entry each."""
    found: list[str] = []
    _LISTENERS.append(found)
    _listen()
    try:
        yield found
    finally:
        _LISTENERS.remove(found)


_LISTENERS: list[list[str]] = []


@cache
def _listen() -> None:
    """Once for the process: JAX keeps its listeners for good."""
    from jax import monitoring  # noqa: PLC0415  # loads JAX

    def heard(event: str, **_: Any) -> None:
        if event == HIT:
            for found in _LISTENERS:
                found.append(event)

    monitoring.register_event_listener(heard)


def _facts(compilation: Compilation) -> dict[str, Any]:
    source, options = compilation.source, compilation.options
    passes = "all" if compilation.passes is None else ", ".join(compilation.passes) or "none"
    device = jax.devices()[0]
    return {
        "texts": {file.name: file.text for file in (source, *source.imported.values())},
        "facts": {
            **{f"--set {name}": text for name, text in options.settings.items()},
            **{f"--dim {name}": size for name, size in options.dims.items()},
            **{f"field {node.name}": str(node.type) for node in compilation.build.sources("input")},
            "passes": passes,
            "jax": jax.__version__,
            "dslc": dslc.__version__,
            "the code of dslc": _own_code(),
            "device": f"{device.platform} {device.device_kind}",
        },
        "program": _hash(compilation.lower.as_text()),
    }


def _place(compilation: Compilation) -> Path | None:
    place = folder("compiled")
    options = compilation.options
    name = "\n".join(map(str, (Path(compilation.source.name).resolve(), options.model, options.variant)))
    return None if place is None else place / f"{_hash(name)}.json"


def _read(place: Path | None) -> dict[str, Any] | None:
    try:
        found = json.loads(place.read_text("utf-8")) if place is not None else None
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) and {"texts", "facts", "program"} <= set(found) else None


def _changes(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    for name, text in now["texts"].items():
        old = before["texts"].get(name)
        if old is None:
            yield f"`{PurePath(name).name}` is new"
        elif old != text:
            yield f"{_lines(old, text)} of `{PurePath(name).name}`"
    yield from (f"`{PurePath(name).name}` is gone" for name in before["texts"] if name not in now["texts"])
    for name in dict.fromkeys((*now["facts"], *before["facts"])):
        old, new = (facts["facts"].get(name) for facts in (before, now))
        if old != new:
            hashed = name == "the code of dslc"
            yield name if hashed else f"{name}: {_said(old)}, now {_said(new)}"


def _said(value: Any) -> str:
    return "not given" if value is None else str(value)


def _lines(old: str, new: str) -> str:
    """The changed lines, as the new text numbers them."""
    changed: list[str] = []
    for kind, _, _, start, end in SequenceMatcher(
        None, old.splitlines(), new.splitlines(), autojunk=False
    ).get_opcodes():
        if kind != "equal":
            changed += [str(line + 1) for line in range(start, max(end, start + 1))]
    shown = ", ".join(changed[:MOST_LINES])
    return f"{'line' if len(changed) == 1 else 'lines'} {shown}{' and others' if len(changed) > MOST_LINES else ''}"


@cache
def _own_code() -> str:
    package = Path(dslc.__file__).parent
    return _hash("".join(file.read_text("utf-8") for file in sorted(package.rglob("*.py"))))


def _hash(text: str) -> str:
    return blake2b(text.encode(), digest_size=12).hexdigest()
