"""Amounts with a unit, as text: `8GB`, `512 MiB`, `3 GFLOPs`, `50M`."""

import re

TENS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12, "p": 10**15}
TWOS = {"ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}
PATTERN = re.compile(r"\s*(\d[\d_]*(?:\.\d+)?(?:e\d+)?)\s*([kmgtp]i?)?(b|flops?)?\s*", re.IGNORECASE)


def amount(text: str, unit: str = "b") -> int:
    """The number that a text means: `GB` counts by 1,000, `GiB` by 1,024.

    Args:
        unit: what may stand behind the size: `b` for bytes, `flop`, or nothing.

    Raises:
        ValueError: when it is none, or of another unit.
    """
    match = PATTERN.fullmatch(text)
    if match is None:
        raise ValueError(text)
    digits, size, given = match[1], (match[2] or "").lower(), (match[3] or "").lower().rstrip("s")
    factor = {**TENS, **TWOS}.get(size)
    if factor is None or given not in ("", unit):
        raise ValueError(text)
    return round(float(digits.replace("_", "")) * factor)


def in_bytes(number: float) -> str:
    """Bytes for people: `8.00 GB`, by thousands as they are written."""
    size, unit = float(number), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if size < 999.5 or unit == "TB":
            break
        size /= 1000
    return f"{size:.0f} {unit}" if unit == "B" else f"{size:.3g} {unit}"
