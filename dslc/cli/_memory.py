"""What `dslc compile` says of memory: what is computed again so that a step fits."""

from collections.abc import Iterator, Sequence
from typing import Any

from dslc.amounts import in_bytes
from dslc.cli._sizes import rounded
from dslc.compilation import Compilation
from dslc.errors.paint import fill

INDENT = "  "
SHOWN = 12


def recomputed(compilation: Compilation) -> dict[str, Any] | None:
    """What the backward pass computes again; None without a budget."""
    plan = compilation.plan
    if plan is None or plan.memory is None:
        return None
    found = compilation.choices.values()
    return {
        "memory": plan.memory,
        "estimate": max(choice.needs for choice in found),
        "saved": sum(choice.saved for choice in found),
        "flops": sum(choice.flops for choice in found),
        "places": [
            {
                "path": one.path,
                "line": compilation.source.line_of(one.span),
                "what": one.what,
                "saved": one.bytes,
                "flops": one.flops,
            }
            for choice in found
            for one in choice.again
        ],
    }


def again(facts: dict[str, Any] | None, columns: int) -> Iterator[str]:
    """The section of the report; nothing without a budget."""
    yield "computed again for the backward pass"
    if facts is None:
        return
    budget, estimate = in_bytes(facts["memory"]), in_bytes(facts["estimate"])
    if not facts["places"]:
        yield f"{INDENT}nothing: a step takes about {estimate} of the {budget} that it may take"
        return
    places: Sequence[dict[str, Any]] = sorted(facts["places"], key=lambda one: -one["saved"])
    for one in places[:SHOWN]:
        line = (
            f"`{one['path']}` (line {one['line']}): {one['what']}: {in_bytes(one['saved'])} less, "
            f"{rounded(one['flops'], 1000)}FLOPs more"
        )
        first, *more = fill(line, columns - 4)
        yield f"{INDENT}{first}"
        yield from (f"{INDENT * 2}{rest}" for rest in more)
    if len(places) > SHOWN:
        rest = places[SHOWN:]
        yield f"{INDENT}and {len(rest)} more places: {in_bytes(sum(one['saved'] for one in rest))} less"
    total = (
        f"in all {in_bytes(facts['saved'])} less to keep, {rounded(facts['flops'], 1000)}FLOPs more; a step takes about "
        f"{estimate} of the {budget} that it may take"
    )
    yield from (f"{INDENT}{line}" for line in fill(total, columns - 2))
