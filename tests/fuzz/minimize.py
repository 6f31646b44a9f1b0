"""Delta debugging: the smallest text that still has what was found (Zeller and Hildebrandt, 2002)."""

import re
import time
from collections.abc import Callable, Sequence

WORD = re.compile(r'\s+|[A-Za-z_]\w*|\d[\w.]*|"[^"\n]*"|->|.', re.DOTALL)


def smallest(text: str, bad: Callable[[str], bool], seconds: float = 60) -> str:
    """Leave out lines, then words, then characters, as long as the text stays bad."""
    end = time.monotonic() + seconds
    before = None
    while before != text and time.monotonic() < end:
        before = text
        for split in (lambda text: text.splitlines(keepends=True), WORD.findall, list):
            text = "".join(_fewer(split(text), lambda parts: bad("".join(parts)), end))
    return text


def _fewer(parts: Sequence[str], bad: Callable[[Sequence[str]], bool], end: float) -> Sequence[str]:
    size = len(parts)
    while size:
        at = 0
        while at < len(parts) and time.monotonic() < end:
            rest = [*parts[:at], *parts[at + size :]]
            if bad(rest):
                parts = rest
            else:
                at += size
        size //= 2
    return parts
