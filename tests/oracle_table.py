"""Runs every entry of `tests/oracles` and writes `docs/oracles.md`: op, oracle, how many comparisons, worst errors.

`python tests/oracle_table.py` writes all lines; with names of ops, the lines of these alone.
"""

import math
import sys
from collections.abc import Iterable
from pathlib import Path

PAGE = Path(__file__).parent.parent / "docs/oracles.md"
HEAD = """# What the layers are checked against

Every op is compared with an independent implementation in 64-bit floats: its output, and its gradient by every input and
every weight, over shapes with sizes of 1 and odd ones. The error is the norm of the difference over the norm of what
the other library gives, the worst of all comparisons, rounded up to a power of ten; the tests allow 1e-9. What gives whole
numbers or answers has no gradient, and no metric has one. `python tests/oracle_table.py` writes this page.

| op | oracle | comparisons | worst error forward | backward |
|---|---|---|---|---|
"""


def rows(page: str) -> dict[str, tuple[str, ...]]:
    """Oracle, comparisons, and the worst errors forward and backward, by op."""
    lines = [line.strip("| \n").split(" | ") for line in page.splitlines() if line.startswith("| `")]
    return {op.strip("`"): tuple(rest) for op, *rest in lines}


def worst(error: str) -> float:
    """The number that a line states."""
    return 0.0 if error in ("0", "-") else float(error)


def stated(errors: Iterable[float | None]) -> str:
    """The worst of some errors, rounded up to a power of ten."""
    known = [error for error in errors if error is not None]
    return "-" if not known else f"1e{math.ceil(math.log10(max(known)))}" if max(known) else "0"


def main(names: list[str]) -> None:
    """Write the page."""
    sys.path[:0] = [str(Path(__file__).parent)]
    import conftest  # noqa: F401  # JAX as strict as in the tests
    from oracles import BY_HAND, ORACLES

    found: dict[str, tuple[str, ...]] = {op: (oracle, "-", "-", "-") for op, oracle in BY_HAND.items()}
    known = rows(PAGE.read_text("utf-8")) if names else {}
    for op in sorted({entry.op for entry in ORACLES}):
        entries = [entry for entry in ORACLES if entry.op == op]
        sources = "; ".join(sorted({entry.source for entry in entries}))
        count = sum(len(entry.cases) for entry in entries)
        kept = op in known and op not in names
        pairs = [] if kept else [entry.errors() for entry in entries]
        errors = known[op][2:] if kept else (stated(forward for forward, _ in pairs), stated(back for _, back in pairs))
        found[op] = (sources, str(count), *errors)
        print(op, *found[op])
    lines = [f"| `{op}` | {' | '.join(found[op])} |\n" for op in sorted(found)]
    PAGE.write_text(HEAD + "".join(lines), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
