"""Large numbers for people."""


def rounded(number: int, step: int) -> str:
    """Three digits and a unit: `7.09 M`, and of bytes `12.3 Ki`."""
    size = float(number)
    for unit in ("", "k", "M", "G", "T", "P"):
        if size < step or unit == "P":
            break
        size /= step
    suffix = "Ki" if unit == "k" and step == 1024 else f"{unit}i" if unit and step == 1024 else unit
    return f"{number} {suffix}" if not unit else f"{size:.3g} {suffix}" if size < 1000 else f"{size:.0f} {suffix}"
