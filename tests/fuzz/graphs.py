"""Makes graphs at random and compares what has to be equal: passes, gradients, loops, and XLA with NumPy.

`python tests/fuzz/graphs.py --minutes 15 --seed 0` runs every graph op by op and some of them through XLA, and writes what it
finds, as small as possible, to tests/fuzz/found/.
"""

import argparse
import hashlib
import sys
import time
import warnings
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trial import Found

    from dslc.graph import Graph


def main() -> None:
    """Try graphs for as long as the command line says; leave with status 1 when something was found."""
    import jax

    sys.path.append(str(Path(__file__).parents[1]))  # the modules of the tests, behind those beside this file
    from eager import eager

    eager()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0, help="of the first graph; each one after it has the next")
    parser.add_argument("--compiled", type=float, default=0.1, help="share of the graphs that XLA compiles as well")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")  # of infinities, which say themselves that a graph is none to compare
    for name, value in (("enable_x64", True), ("numpy_dtype_promotion", "strict"), ("numpy_rank_promotion", "raise")):
        jax.config.update(f"jax_{name}", value)
    counts, found = Counter[str](), set[str]()
    try:
        _campaign(asked, counts, found)
    except KeyboardInterrupt:
        print("stopped")
    print(f"{counts['drawn']:,} graphs from seed {asked.seed}:")
    print("\n".join(f"  {number:>7,} {what}" for what, number in sorted(counts.items())))
    sys.exit(bool(found))


def _campaign(asked: argparse.Namespace, counts: Counter[str], kinds: set[str]) -> None:
    """Count what comes of each graph until the time is over; each kind of finding is kept once."""
    from trial import Found

    end, seed = time.monotonic() + 60 * asked.minutes, asked.seed
    while time.monotonic() < end:
        compiled = int(seed * asked.compiled) != int((seed + 1) * asked.compiled)
        counts["drawn"] += 1
        try:
            counts.update(one(seed, compiled))
        except Found as found:
            counts["found"] += 1
            counts[f"found: {found.kind}"] += 1
            if found.kind not in kinds:
                kinds.add(found.kind)
                print(f"  {_kept(seed, compiled, found)}", flush=True)
        seed += 1


def one(seed: int, compiled: bool) -> list[str]:
    """Draw a graph and compare; gives what there is to count.

    Raises:
        Found: when something is wrong.
    """
    from comparing import Undefined, examine
    from programs import random_graph

    try:
        took = examine(random_graph(seed), compiled)
    except Undefined as why:
        return [f"left out: {why.args[0]}"]
    return ["compared op by op", *["compared compiled"] * compiled, *(f"rewritten by {name}" for name in took)]


def _kept(seed: int, compiled: bool, found: "Found") -> Path:
    """The smallest graph with this finding, as a test from now on."""
    from lessen import smallest
    from programs import random_graph
    from trial import HERE

    from dslc.text import to_text

    print(f"seed {seed}: {found}", flush=True)
    small = smallest(random_graph(seed), lambda graph: _kind(graph, compiled and "XLA" in found.kind) == found.kind)
    text = to_text(small)
    path = HERE / "found" / f"{hashlib.sha256(text.encode()).hexdigest()[:8]}.graph"
    path.write_text(text)
    return path


def _kind(graph: "Graph", compiled: bool) -> str | None:
    from comparing import Undefined, examine
    from trial import Found

    try:
        examine(graph, compiled)
    except Undefined:
        return None
    except Found as found:
        return found.kind
    return None


if __name__ == "__main__":
    main()
