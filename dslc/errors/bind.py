"""E03: sizes that are put in for the dimension names of a graph."""

from dslc.errors.base import Problem, problem


@problem
class SizesDoNotFit(Problem):
    """A model works for some sizes of its free dimensions only: one must divide, or leave room for a window. A free dimension
    for which no size is given counts as 1."""

    code = "E0321"

    reason: str
    sizes: tuple[tuple[str, int], ...]

    def headline(self) -> str:
        named = [f"`{name} = {size}`" for name, size in self.sizes if name[0] != "_"]
        return f"the model cannot work with {', '.join(named) or 'sizes of 1'}"

    def label(self) -> str:
        return self.reason

    def help(self) -> str | None:
        names = [name for name, _ in self.sizes if name[0] != "_" and name != "batch"]
        way = [f"give larger sizes: {' '.join(f'`--dim {name}=64`' for name in names)}"] if names else []
        if any(name[0] == "_" for name, _ in self.sizes):
            way.append("a `_` counts as 1: write a name in its place to give it a size")
        return "; ".join(way) or "give a larger batch: `--dim batch=64`"


@problem
class UnknownDimension(Problem):
    """The command line gives a size for a dimension that no type of the file names."""

    code = "E0322"

    name: str
    nearest: str | None
    known: tuple[str, ...]

    def headline(self) -> str:
        return f"no dimension is called `{self.name}`"

    def help(self) -> str | None:
        if self.nearest:
            return f"did you mean `--dim {self.nearest}=...`?"
        return f"the dimensions are {', '.join(f'`{name}`' for name in self.known)}"
