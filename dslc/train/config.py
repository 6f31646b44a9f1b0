"""What a run was asked to do and where it ran: `config.json`."""

import platform
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

import dslc
from dslc.data.pipeline import Loaded
from dslc.lazy import jax, np, optax
from dslc.lower import shapes_of
from dslc.plan import Plan
from dslc.train.folder import plain
from dslc.train.task import Task

LEFT_OUT = ("graph", "metrics", "span", "spans", "name", "model", "updates", "sections")
"""Of a plan: what the source says better, and what has a place of its own."""
FREE = ("versions", "device", "memory", "parameters", "rows", "fitted", "names")
"""May differ between a run and the one that goes on with it."""


def settings(task: Task, loaded: Loaded, options: Mapping[str, Any]) -> dict[str, Any]:
    """All settings, as JSON has them."""
    plan = task.plan
    chosen = {field.name: plain(getattr(plan, field.name)) for field in fields(plan) if field.name not in LEFT_OUT}
    return {
        "train": plan.name,
        "model": plan.model,
        "options": plain(options),
        **chosen,
        **_updates(plan),
        "metrics": plain(plan.metrics),
        "dims": {"batch": plan.batch},
        "rows": {part.name: part.rows for part in (task.train, *task.held_out.values())},
        "parameters": sum(int(np.prod(like.shape)) for like in shapes_of(plan.graph, "parameter").values()),
        "fitted": plain(loaded.fitted),
        "names": plain(loaded.parts.names),
        "device": jax.devices()[0].device_kind,
        "versions": {
            "dslc": dslc.__version__,
            "python": platform.python_version(),
            "jax": jax.__version__,
            "numpy": np.__version__,
            "optax": optax.__version__,
        },
    }


def _updates(plan: Plan) -> dict[str, Any]:
    """The settings of a block without steps, or of each step by its name."""
    names = ("optimizer", "clip", "l1", "l2")
    found = {update.name: {name: plain(getattr(update, name)) for name in names} for update in plan.updates}
    if "" in found:
        return found[""]
    return {"updates": {update.name: {**found[update.name], "every": update.every} for update in plan.updates}}


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """What a run that goes on does otherwise than it began."""
    for name in dict.fromkeys((*before, *now)):
        if name not in FREE and before.get(name) != now.get(name):
            yield f"`{name}` was {before.get(name)} when the run began, and is {now.get(name)} now"
