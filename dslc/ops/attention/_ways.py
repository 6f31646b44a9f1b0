"""Whether attention keeps its shares for the backward pass, or goes in blocks of queries and works them out again.

What is kept is decided once for all platforms that a program is for: the backward pass has to find it. Measured on two cores,
causal, gradients and all (docs/measured.md): 256 queries take 0.85 of the time of the whole in 4 blocks and 1.0 in 8, 512 take
0.76 and 0.91, 1,024 take 0.36 and 0.38. Where every key is seen nothing is gained but memory.
"""

from collections.abc import Collection
from math import prod

from dslc.dims import Size
from dslc.ops._choice import choose
from dslc.ops._platform import known_platforms
from dslc.ops.attention._core import LONG
from dslc.ops.base import Lowering, Op
from dslc.types import Type

WHOLE, FEW, MANY = "whole", "in 4 blocks of queries", "in 8 blocks of queries or more"
SHARES = "shares"
"""The name of what only the whole keeps."""
BLOCKS = {WHOLE: 0, FEW: 4, MANY: 8}
PRODUCTS, SCORE = 1.5e11, 1e-9
"""Operations a second on two cores of a CPU, and seconds for a score besides them, gradients and all."""
ROWS = 35
"""Queries of a block so small that it takes twice its time."""
MEMORY = 2.0
"""What the time of the whole counts for from `LONG` queries on: where all keys are seen it is the same up to 512 queries and less
beyond, 0.72 at 1,024, but what it keeps grows with their square."""
ELSEWHERE = 2.0
"""On other devices it is not known how much longer the other way takes; kernels that do the same as blocks take their place."""


def lowerings(
    platform: str, leading: tuple[Size, ...], queries: Size, keys: Size, width: Size, causal: bool, window: int | None
) -> tuple[Lowering, ...]:
    """The ways for scores `[leading..., queries, keys]`, with what they take; none where a size is open."""
    sizes = (*leading, queries, keys, width)
    if not all(isinstance(size, int) for size in sizes):
        return ()
    *many, rows, columns, wide = (int(size) for size in sizes)  # pyright: ignore[reportArgumentType]
    once, is_long = prod(many) * rows * columns * (12.0 * wide / PRODUCTS + SCORE), rows >= LONG
    if platform != "cpu":
        return Lowering(WHOLE, once), Lowering(MANY, once / ELSEWHERE if is_long else once * ELSEWHERE)

    def blocks(most: int) -> float:
        count = max(1, min(most, rows // (LONG // 4)))
        seen = (count + 1) / (2 * count) if causal and is_long else 1.0
        if window is not None and is_long:
            seen = min(seen, (window * (1 if causal else 2) + rows / count) / columns)
        return seen * once * (1 + ROWS * count / rows if is_long else 2.0)

    # As many as a window asks for skip the most.
    few = () if window is not None else (Lowering(FEW, blocks(BLOCKS[FEW])),)
    return Lowering(WHOLE, once * (MEMORY if is_long else 1.0)), *few, Lowering(MANY, blocks(BLOCKS[MANY]))


def blocks_of(op: Op, queries: Size, kept: Collection[str] | None, *types: Type | None) -> int:
    """In how many blocks of queries a call goes, at most; 0: it is computed whole, on all platforms that the program is for.

    Args:
        kept: names of what the backward pass was made to find, whatever would be chosen now; None: that is open.
    """
    if kept is not None and SHARES in kept:
        return BLOCKS[WHOLE]
    # A graph of 32-bit floats may run on wider ones: that is the same choice.
    alike = [type.with_dtype("f32") if type is not None and type.dtype == "f64" else type for type in types]
    found = [choose(op, platform, *alike) for platform in known_platforms()]
    choices = [choice for choice in found if choice is not None]
    taken = [BLOCKS[choice.taken.name] for choice in choices]
    if kept is not None:
        others = [[way for way in choice.ways if way.name != WHOLE] for choice in choices]
        taken = [BLOCKS[min(ways, key=lambda way: way.seconds).name] for ways in others if ways]
    if not taken:
        is_short = kept is None and (not isinstance(queries, int) or queries < LONG)
        return BLOCKS[WHOLE if is_short else MANY]
    return max(taken)
