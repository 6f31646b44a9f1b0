"""The notation of einops: names of axes, parentheses around those that are one axis, `1` and `...`."""

import re
from dataclasses import dataclass

from dslc.ops.base import Mismatch

DOTS = "..."
WORD = re.compile(r"[^\W\d]\w*|1|\.\.\.|[()]")

Axis = tuple[str, ...]
"""The names that make up one axis: several in parentheses, none for an axis of size 1; `...` for any axes."""


@dataclass(frozen=True)
class Rearrangement:
    """Both sides of `b (h w) c -> b h w c`."""

    left: tuple[Axis, ...]
    right: tuple[Axis, ...]

    @classmethod
    def parse(cls, pattern: str) -> "Rearrangement":
        """Read a pattern.

        Raises:
            Mismatch: when it is not one, or its sides do not have the same names.
        """
        left, right = sides(pattern)
        made = cls(_axes(left, pattern), _axes(right, pattern))
        names = [[name for axis in side for name in axis] for side in (made.left, made.right)]
        for side in names:
            if twice := next((name for name in side if side.count(name) > 1), None):
                raise Mismatch(f"`{twice}` stands twice on one side of `{pattern}`", "give each axis its own name")
        if lost := sorted({*names[0]} ^ {*names[1]}):
            which = "left" if lost[0] in names[0] else "right"
            raise Mismatch(
                f"`{lost[0]}` stands on the {which} side of `{pattern}` alone",
                "to add up axes use `einsum` or `sum`, to repeat them `broadcast`",
            )
        return made

    def names(self) -> tuple[str, ...]:
        """The names of all axes, in the order of the left side."""
        return tuple(name for axis in self.left for name in axis)


def sides(pattern: str) -> tuple[str, str]:
    """What stands left and right of the arrow of a pattern.

    Raises:
        Mismatch: when there is not one arrow.
    """
    parts = pattern.split("->")
    if len(parts) != 2:
        raise Mismatch(f"`{pattern}` is no pattern with one arrow", '"b h w c -> b (h w) c"')
    return parts[0], parts[1]


def _axes(side: str, pattern: str) -> tuple[Axis, ...]:
    if left_over := WORD.sub("", side).strip():
        raise Mismatch(f"`{left_over[0]}` means nothing in `{pattern}`", "axes are names, `1`, `...` and (groups)")
    axes: list[Axis] = []
    group: list[str] | None = None
    for word in WORD.findall(side):
        if word == "(" and group is None:
            group = []
        elif word == ")" and group is not None:
            axes.append(tuple(group))
            group = None
        elif word in "()" or (word == DOTS and group is not None):
            raise Mismatch(f"the parentheses of `{pattern}` do not fit", '"b (h w) c -> b h w c"')
        elif group is not None:
            group += [] if word == "1" else [word]
        else:
            axes.append(() if word == "1" else (word,))
    if group is not None:
        raise Mismatch(f"a parenthesis of `{pattern}` is not closed", '"b (h w) c -> b h w c"')
    return tuple(axes)
