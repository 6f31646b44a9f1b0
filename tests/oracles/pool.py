"""Windows, and images made larger or smaller."""

from typing import Any

from oracles.base import F, Oracle, channels_first, channels_last, oracle

IMAGES = ("[2, 9, 4]", "[2, 9, 8, 1]", "[1, 6, 5, 7, 3]")
WINDOWS = [(2, 2, 0), (3, 2, 1), (2, 1, 1), (2, 3, 0), (3, 3, 0)]
LINES = {3: "linear", 4: "bilinear", 5: "trilinear"}
RIMS = [("zeros", "constant"), ("reflect", "reflect"), ("edge", "replicate"), ("wrap", "circular")]


def pooled(name: str, *arguments: Any, **more: Any) -> Any:
    """A pool of PyTorch over as many axes as the image has."""
    return lambda x: channels_last(getattr(F, f"{name}{x.ndim - 2}d")(channels_first(x), *arguments, **more))


def _max(size: int, stride: int, padding: int) -> Oracle:
    text = f"max_pool({size}, {stride}, {padding})"
    return oracle(text, "PyTorch `max_pool1d` to `max_pool3d`", pooled("max_pool", size, stride, padding), *IMAGES)


def _avg(size: int, stride: int, padding: int) -> Oracle:
    peer = pooled("avg_pool", size, stride, padding, count_include_pad=False)
    return oracle(f"avg_pool({size}, {stride}, {padding})", "PyTorch `avg_pool1d` to `avg_pool3d`", peer, *IMAGES)


def _larger(factor: int, method: str) -> Oracle:
    def peer(x: Any) -> Any:
        mode = method if method == "nearest" else LINES[x.ndim]
        return channels_last(F.interpolate(channels_first(x), scale_factor=factor, mode=mode))

    return oracle(f'upsample({factor}, "{method}")', "PyTorch `interpolate`", peer, *IMAGES)


def _rim(mode: str, theirs: str) -> Oracle:
    # PyTorch begins with the last axis.
    def peer(x: Any) -> Any:
        return channels_last(F.pad(channels_first(x), (3, 3, 1, 2), theirs))

    return oracle(f'pad(((1, 2), 3), "{mode}")', "PyTorch `pad`", peer, "[2, 4, 5, 3]", "[1, 3, 7, 1]")


def _adaptive(size: int) -> Oracle:
    peer = pooled("adaptive_avg_pool", size)
    return oracle(f"adaptive_avg_pool({size})", "PyTorch `adaptive_avg_pool1d` to 3d", peer, *IMAGES)


def _resized(size: int, method: str) -> Oracle:
    def peer(x: Any) -> Any:
        mode = method if method == "nearest" else LINES[x.ndim]
        return channels_last(F.interpolate(channels_first(x), size=[size] * (x.ndim - 2), mode=mode))

    return oracle(f'resize({size}, "{method}")', "PyTorch `interpolate`", peer, *IMAGES)


def _unpool(x: Any, like: Any) -> Any:
    rank = like.ndim - 2
    _, places = getattr(F, f"max_pool{rank}d")(channels_first(like), 2, return_indices=True)
    unpool = getattr(F, f"max_unpool{rank}d")
    return channels_last(unpool(channels_first(x), places, 2, output_size=like.shape[1:-1]))


def _lp(p: float, size: int, stride: int) -> Oracle:
    # Of numbers above zero where the power is odd: PyTorch takes no absolute values.
    def peer(x: Any) -> Any:
        return channels_last(getattr(F, f"lp_pool{x.ndim - 2}d")(channels_first(x), p, size, stride))

    images = IMAGES if p == 2 else tuple(f"+{image}" for image in IMAGES)
    return oracle(f"lp_pool({size}, {p}, {stride})", "PyTorch `lp_pool1d` to `lp_pool3d`", peer, *images)


ORACLES = [
    *(_adaptive(size) for size in (1, 3, 7)),
    *(
        oracle(
            f"adaptive_max_pool({size})",
            "PyTorch `adaptive_max_pool1d` to 3d",
            pooled("adaptive_max_pool", size),
            *IMAGES,
        )
        for size in (1, 3, 7)
    ),
    *(_resized(size, method) for size in (1, 3, 8) for method in ("nearest", "bilinear")),
    oracle(
        "unpool(2)",
        "PyTorch `max_unpool1d` to `max_unpool3d`",
        _unpool,
        ("[2, 4, 3]", "[2, 9, 3]"),
        ("[1, 4, 2, 1]", "[1, 8, 5, 1]"),
        ("[1, 1, 2, 3, 2]", "[1, 3, 4, 7, 2]"),
    ),
    _lp(2.0, 2, 2),
    _lp(3.0, 3, 1),
    oracle(
        "crop(((1, 0), 2))",
        "PyTorch `pad`",
        lambda x: channels_last(F.pad(channels_first(x), (-2, -2, -1, 0))),
        "[2, 4, 5, 3]",
        "[1, 3, 7, 1]",
    ),
    *(_max(*window) for window in WINDOWS),
    *(_avg(*window) for window in WINDOWS),
    *(_larger(factor, method) for factor in (2, 3) for method in ("nearest", "bilinear")),
    *(_rim(*mode) for mode in RIMS),
    oracle("max_pool(10, 5, 2)", "PyTorch `max_pool2d`", pooled("max_pool", 10, 5, 2), "[1, 24, 20, 2]"),
    oracle("avg_pool(70, 3)", "PyTorch `avg_pool1d`", pooled("avg_pool", 70, 3), "[1, 150, 2]"),
    oracle(
        "global_avg_pool(keep = true)", "PyTorch `adaptive_avg_pool1d` to 3d", pooled("adaptive_avg_pool", 1), *IMAGES
    ),
    oracle(
        "global_max_pool(keep = true)", "PyTorch `adaptive_max_pool1d` to 3d", pooled("adaptive_max_pool", 1), *IMAGES
    ),
]
