"""What was measured of the ways to compute calls, in the user's cache folder, by all that decides which is the fastest.

That is the kind of device, how many of its cores this process may use, and the versions of JAX and of dslc: a way of the same
name may be other code in the next one.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path

from dslc import __version__, cache
from dslc.lazy import jax
from dslc.ops._choice import Policy, policy, settle
from dslc.ops._platform import platforms

VERSION = 1

Table = Mapping[str, Mapping[str, float]]
"""Seconds by call and way."""


def place() -> Path | None:
    """The file for the device that programs run on; None without a cache folder."""
    device = jax.devices()[0]
    kind = f"{device.platform} {device.device_kind} {cache.cores()} cores jax {jax.__version__} dslc {__version__}"
    found = cache.folder("tuned")
    return None if found is None else found / f"{re.sub(r'[^A-Za-z0-9_]+', '-', kind.lower())}.json"


def read(file: Path | None) -> Table:
    """What a file holds; nothing of one that is not there, damaged, or of another version."""
    try:
        facts = json.loads(file.read_text("utf-8")) if file is not None else {}
        if facts.get("version") != VERSION:
            return {}
        return {
            str(call): {str(way): float(seconds) for way, seconds in ways.items()}
            for call, ways in facts["calls"].items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def keep(found: Table) -> Path | None:
    """Choose by these times from now on, and in later runs; gives the file, None where they could not be kept."""
    file = place()
    known = {**read(file), **found}
    settle(Policy(policy().deterministic, platforms()[0], {**policy().measured, **known}))
    if file is None or not cache.keep(file, json.dumps({"version": VERSION, "calls": known}, indent=1)):
        return None
    return file


def recall(deterministic: bool = False) -> None:
    """Choose by what earlier runs on this kind of device have measured."""
    known = read(place())
    settle(Policy(deterministic, platforms()[0] if known else "", known))
