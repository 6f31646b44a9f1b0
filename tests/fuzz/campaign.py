"""A fuzzer's time from the command line: many texts, and of each finding the smallest one that has it."""

import argparse
import hashlib
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from minimize import smallest
from trial import HERE, Found, aside, finding

FOUND = HERE / "found"


def run(make: Callable[[random.Random], str], trial: Callable[[str], object], classify: Callable[[str], str]) -> None:
    """Try texts for as long as the command line says; leave with status 1 when something was found."""
    parser = argparse.ArgumentParser(description=sys.modules["__main__"].__doc__)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0, help="of the first text; each one after it has the next")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        aside(Path(folder))
        last = Path(folder) / "last.net"
        end = time.monotonic() + 60 * asked.minutes
        counts: Counter[str] = Counter()
        kinds: set[str] = set()
        seed = asked.seed
        while time.monotonic() < end:
            text = make(random.Random(seed))
            last.write_text(text, "utf-8", errors="surrogatepass")  # what there is to look at after a crash
            found = finding(text, trial)
            if found and found.kind not in kinds:
                kinds.add(found.kind)
                print(f"  {_kept(seed, text, found, trial)}", flush=True)
            counts[found.kind if found else classify(text)] += 1
            seed += 1
    print(f"{seed - asked.seed:,} texts: " + ", ".join(f"{number:,} {kind}" for kind, number in counts.most_common()))
    sys.exit(bool(kinds))


def _kept(seed: int, text: str, found: Found, trial: Callable[[str], object]) -> Path:
    """The smallest text with this finding, as a test from now on."""
    print(f"seed {seed}: {found}", flush=True)

    def bad(smaller: str) -> bool:
        other = finding(smaller, trial)
        return other is not None and other.kind == found.kind

    small = smallest(text, bad)
    path = FOUND / f"{hashlib.sha256(small.encode('utf-8', 'surrogatepass')).hexdigest()[:8]}.net"
    path.write_text(small, "utf-8", errors="surrogatepass")
    return path
