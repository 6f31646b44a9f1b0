"""E02: names."""

from dslc.errors.base import Fix, Note, Problem, problem
from dslc.source import Span

_HEAD = "net 1\nmodel m { input x: [batch, 4]  output y = x -> "


@problem
class UnknownLayer(Problem):
    """Where a stage stands, only layers, blocks, models and settings that hold a layer are looked up."""

    code = "E0201"
    of_a_name = True
    example = _HEAD + "dens(3) }\n"
    mended = _HEAD + "dense(3) }\n"

    name: str
    nearest: str | None
    is_tensor: bool = False
    sure: bool = False
    """`nearest` is what was meant, settings included."""

    def headline(self) -> str:
        if self.is_tensor:
            return f"`{self.name}` is a tensor, and a layer must stand here"
        return f"there is no layer or block called `{self.name}`"

    def help(self) -> str | None:
        if self.is_tensor:
            return (
                f"to combine it with the value in the pipe, write `(it, {self.name}) -> concat` or `(it + {self.name})`"
            )
        if self.nearest:
            return f"did you mean `{self.nearest}`?"
        return "`dslc layers` lists what the language knows"

    def fix(self) -> Fix | None:
        return self.rewritten(self.nearest, self.sure)


@problem
class UnknownName(Problem):
    """A value is read that no statement, input, dimension or setting has named."""

    code = "E0202"
    of_a_name = True
    example = "net 1\nmodel m { input x: [batch, 4]  output y = z -> dense(3) }\n"
    mended = _HEAD + "dense(3) }\n"

    name: str
    nearest: str | None
    is_layer: bool = False
    sure: bool = False

    def headline(self) -> str:
        if self.is_layer:
            return f"`{self.name}` is a layer, and a value must stand here"
        return f"nothing here is called `{self.name}`"

    def help(self) -> str | None:
        if self.is_layer:
            return f"pipe a tensor into it: `x -> {self.name}`"
        return (
            f"did you mean `{self.nearest}`?"
            if self.nearest
            else "name it before it is read, or make it a setting of the block"
        )

    def fix(self) -> Fix | None:
        return self.rewritten(self.nearest, self.sure)


@problem
class GivenTwice(Problem):
    """A name is given once in a block, and inner bodies see the outer names: a second meaning would hide the first."""

    code = "E0207"
    example = _HEAD + "dense(3)  y = x }\n"
    mended = _HEAD + "dense(3)  z = x }\n"

    name: str
    what: str
    first: Span | None = None

    def headline(self) -> str:
        return f"`{self.name}` already has a meaning here"

    def label(self) -> str:
        return "given again"

    def notes(self) -> tuple[Note, ...]:
        return (Note(self.first, f"first given here, a {self.what}"),) if self.first else ()

    def help(self) -> str | None:
        return "choose another name"


@problem
class Recursive(Problem):
    """A block or layer that applies itself, directly or through others, never ends."""

    code = "E0209"
    example = "net 1\nblock b() = dense(2) -> b\nmodel m { input x: [batch, 4]  output y = x -> b }\n"
    mended = "net 1\nblock b() = dense(2)\nmodel m { input x: [batch, 4]  output y = x -> repeat 3 { b } }\n"

    chain: tuple[str, ...]

    def headline(self) -> str:
        return f"`{self.chain[-1]}` applies itself: {' -> '.join(self.chain)}"

    def help(self) -> str | None:
        return "to apply it several times, use `repeat n { ... }`"


@problem
class NothingChosen(Problem):
    """The command line names a model or variant that the file does not have, or the file has none."""

    code = "E0216"
    of_a_name = True
    example = "net 1\nblock b() = dense(2)\n"
    mended = "net 1\nmodel m { input x: [batch, 4]  output y = x -> dense(2) }\n"

    kind: str
    name: str | None
    known: tuple[str, ...]

    def headline(self) -> str:
        if self.name is None:
            return f"the file has no {self.kind}"
        return f"there is no {self.kind} called `{self.name}`"

    def help(self) -> str | None:
        if self.known:
            return f"the file has {', '.join(f'`{name}`' for name in self.known)}"
        return f"add one: `{self.kind.removesuffix(' block')} name {{ ... }}`"
