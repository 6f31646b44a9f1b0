"""E03: what is larger than any machine could hold or compute."""

from dslc.errors.base import Problem, problem

_UNITS = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB")


def memory(count: int) -> str:
    """A number of bytes in the unit that fits: `14.6 TiB`."""
    unit = min(max(count.bit_length() - 1, 0) // 10, len(_UNITS) - 1)
    tenths = 10 * count >> 10 * unit
    return f"{tenths // 10:,}.{tenths % 10} {_UNITS[unit]}" if unit else f"{count} bytes"


@problem
class TooManyStages(Problem):
    """Blocks that use blocks, and repeats inside of repeats, grow fast: what a file becomes when it is written out has a
    limit, so that a check always ends soon. A `repeat` whose turns are alike counts its body once."""

    code = "E0320"
    example = "net 1\nmodel m { input x: [batch, 4]  output y = x -> repeat i in 0..1000 { repeat j in 0..1000 { dense(i + j + 1) -> relu } } }\n"
    mended = (
        "net 1\nmodel m { input x: [batch, 4]  output y = x -> repeat 1000 { repeat 1000 { dense(4) -> relu } } }\n"
    )

    limit: int

    def headline(self) -> str:
        return f"written out, the file has more than {self.limit:,} stages"

    def label(self) -> str:
        return "here the limit is reached"

    def help(self) -> str | None:
        return "let the turns of a `repeat` be alike, so that it stays one node, or take fewer"


@problem
class TooMuchMemory(Problem):
    """A single tensor or weight would need more memory than a machine has: most often a size has too many digits, or two
    axes are multiplied that were meant to be separate."""

    code = "E0324"
    example = "net 1\nmodel m { input x: [batch, 4]  output y = x -> dense(10 ** 12) }\n"
    mended = "net 1\nmodel m { input x: [batch, 4]  output y = x -> dense(10 ** 3) }\n"

    what: str
    type: str
    bytes: int

    def headline(self) -> str:
        return f"{self.what} of {self.type} would need {memory(self.bytes)} of memory"

    def help(self) -> str | None:
        return "make one of these sizes smaller; the limit for one tensor is 1 TiB"


@problem
class DoesNotFit(Problem):
    """A number in the arithmetic of tensors becomes one element of a dtype, and every dtype has a largest number."""

    code = "E0325"
    example = "net 1\nmodel m { input x: i32[batch, 4]  output y = x + 10 ** 12 }\n"
    mended = "net 1\nmodel m { input x: i32[batch, 4]  output y = x + 10 ** 6 }\n"

    value: str
    dtype: str

    def headline(self) -> str:
        return f"`{self.value}` does not fit into {self.dtype}"

    def help(self) -> str | None:
        return (
            "write a smaller number" if self.dtype[0] in "fb" else "write a smaller number, or a float such as `1e12`"
        )
