"""What a log line says, from the sums of its steps."""

from collections.abc import Mapping
from typing import Any

from dslc.plan import Plan

TOTAL = "loss"


def told(plan: Plan, sums: Mapping[str, Any], after: int, until: int) -> dict[str, float]:
    """Means over the training steps `after + 1` to `until`; an update that was not due in them has none."""
    found: dict[str, float] = {}
    for update in plan.updates:
        count = update.count(after, until)
        found |= {name: float(sums[name]) / count for name in (update.loss, *update.scalars) if count}
    return with_total(plan, {name: found[name] for name in (*plan.losses, *plan.scalars) if name in found})


def with_total(plan: Plan, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values, and before them `loss`, the sum of the losses of all steps, where each of them is there."""
    if TOTAL in plan.losses or not set(plan.losses) <= set(values):
        return dict(values)
    return {TOTAL: sum(values[name] for name in plan.losses), **values}
