"""E02: names and settings."""

from dataclasses import dataclass

from dslc.errors.base import Note, Problem

_HEAD = "net 1\nmodel m { input x: [batch, 4]  output y = x -> "


@dataclass(frozen=True)
class UnknownLayer(Problem):
    """Where a stage stands, only layers, blocks, models and settings that hold a layer are looked up."""

    code = "E0201"
    example = _HEAD + "dens(3) }\n"
    mended = _HEAD + "dense(3) }\n"

    name: str
    nearest: str | None
    is_tensor: bool = False

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


@dataclass(frozen=True)
class UnknownName(Problem):
    """A value is read that no statement, input, dimension or setting has named."""

    code = "E0202"
    example = "net 1\nmodel m { input x: [batch, 4]  output y = z -> dense(3) }\n"
    mended = _HEAD + "dense(3) }\n"

    name: str
    nearest: str | None
    is_layer: bool = False

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


@dataclass(frozen=True)
class UnknownSetting(Problem):
    """A call names a setting that the layer, block or section does not have."""

    code = "E0203"
    example = _HEAD + "dense(3, biass = false) }\n"
    mended = _HEAD + "dense(3, bias = false) }\n"

    owner: str
    name: str
    nearest: str | None
    known: tuple[str, ...]

    def headline(self) -> str:
        return f"`{self.owner}` has no setting `{self.name}`"

    def help(self) -> str | None:
        if self.nearest:
            return f"did you mean `{self.nearest}`?"
        return (
            f"its settings are {', '.join(f'`{name}`' for name in self.known)}"
            if self.known
            else "it takes no settings"
        )


@dataclass(frozen=True)
class WrongSetting(Problem):
    """A setting gets a value of a kind, or out of a range, that it does not take. Nothing is rounded or converted silently."""

    code = "E0204"
    example = _HEAD + "dense(4.0) }\n"
    mended = _HEAD + "dense(4) }\n"

    owner: str
    name: str
    wanted: str
    got: str
    hint: str | None = None

    def headline(self) -> str:
        return f"`{self.name}` of `{self.owner}` takes {self.wanted}, and this is {self.got}"

    def help(self) -> str | None:
        return self.hint or f"give `{self.name}` {self.wanted}"


@dataclass(frozen=True)
class MissingSetting(Problem):
    """A setting without a default is not given."""

    code = "E0205"
    example = _HEAD + "dense }\n"
    mended = _HEAD + "dense(3) }\n"

    owner: str
    name: str
    call: str

    def headline(self) -> str:
        return f"`{self.owner}` needs a value for `{self.name}`"

    def help(self) -> str | None:
        return f"write `{self.call}`"


@dataclass(frozen=True)
class TooManySettings(Problem):
    """A call gives more values by position than there are settings."""

    code = "E0206"
    example = _HEAD + "relu(3) }\n"
    mended = _HEAD + "relu }\n"

    owner: str
    known: tuple[str, ...]
    given: int

    def headline(self) -> str:
        takes = f"{len(self.known)} setting{'s' * (len(self.known) != 1)}" if self.known else "no settings"
        return f"`{self.owner}` takes {takes}, and {self.given} are given"

    def help(self) -> str | None:
        if self.known:
            return f"they are, in order: {', '.join(self.known)}"
        return f"write `{self.owner}` alone; tensors flow along arrows: `x -> {self.owner}`"


@dataclass(frozen=True)
class GivenTwice(Problem):
    """A name is given once in a block, and inner bodies see the outer names: a second meaning would hide the first."""

    code = "E0207"
    example = _HEAD + "dense(3)  y = x }\n"
    mended = _HEAD + "dense(3)  z = x }\n"

    name: str
    what: str
    first: object = None

    def headline(self) -> str:
        return f"`{self.name}` already has a meaning here"

    def label(self) -> str:
        return "given again"

    def notes(self) -> tuple[Note, ...]:
        from dslc.source import Span  # noqa: PLC0415

        return (Note(self.first, f"first given here, a {self.what}"),) if isinstance(self.first, Span) else ()

    def help(self) -> str | None:
        return "choose another name"


@dataclass(frozen=True)
class WrongKind(Problem):
    """An operator, function or index gets a value of a kind that it cannot work on."""

    code = "E0208"
    example = 'net 1\nmodel m(a = "x" * 2) { input x: [batch, 4]  output y = x -> dense(3) }\n'
    mended = "net 1\nmodel m(a = 2 * 2) { input x: [batch, 4]  output y = x -> dense(3) }\n"

    what: str
    hint: str

    def headline(self) -> str:
        return self.what

    def help(self) -> str | None:
        return self.hint


@dataclass(frozen=True)
class Recursive(Problem):
    """A block that applies itself, directly or through others, would never end."""

    code = "E0209"
    example = "net 1\nblock b() = dense(2) -> b\nmodel m { input x: [batch, 4]  output y = x -> b }\n"
    mended = "net 1\nblock b() = dense(2)\nmodel m { input x: [batch, 4]  output y = x -> repeat 3 { b } }\n"

    chain: tuple[str, ...]

    def headline(self) -> str:
        return f"`{self.chain[-1]}` applies itself: {' -> '.join(self.chain)}"

    def help(self) -> str | None:
        return "to apply a block several times, use `repeat n { ... }`"


@dataclass(frozen=True)
class RequireFailed(Problem):
    """A `require` of the author does not hold."""

    code = "E0210"
    example = 'net 1\nmodel m(d = 5) { require d % 2 == 0, "d must be even"  input x: [batch, 4]  output y = x -> dense(d) }\n'
    mended = example.replace("d = 5", "d = 6")

    message: str | None
    values: tuple[tuple[str, str], ...]

    def headline(self) -> str:
        return self.message or "a requirement does not hold"

    def label(self) -> str:
        return ", ".join(f"{name} is {value}" for name, value in self.values)

    def help(self) -> str | None:
        return "change one of these settings" if self.values else "change the settings, or the requirement"


@dataclass(frozen=True)
class NotKnown(Problem):
    """A decision or a weight's size depends on a dimension that only the data will tell."""

    code = "E0211"
    example = "net 1\nmodel m { input x: [batch, n, 4]  output y = x -> dense(n) }\n"
    mended = "net 1\nmodel m { input x: [batch, 7, 4]  output y = x -> dense(7) }\n"

    size: str
    names: tuple[str, ...]
    use: str

    def headline(self) -> str:
        return f"{self.use} must be known before anything runs, and is `{self.size}`"

    def help(self) -> str | None:
        if not self.names:
            return None
        return f"write a number in place of `{self.names[0]}` in the input's type, or give `--dim {self.names[0]}=64`"


@dataclass(frozen=True)
class NotWorkingYet(Problem):
    """The language has this construct, and this version of dslc does not carry it out; it is never ignored."""

    code = "E0212"
    mended = "net 1\nmodel m { input x: [batch, 4]  output y = x -> dense(2) }\n"
    example = mended + "sample m(n = 4) { output y = normal([n, 4]) -> m }\n"

    what: str

    def headline(self) -> str:
        return f"{self.what} is part of the language and does not work yet in this version"

    def help(self) -> str | None:
        return "take it out of the file for now; nothing is ever skipped silently"


@dataclass(frozen=True)
class UnknownVersion(Problem):
    """A file says with `net 1` which version of the language it is written in; this dslc knows version 1."""

    code = "E0213"
    example = "net 7\nmodel m { input x: [batch, 4]  output y = x -> dense(2) }\n"
    mended = "net 1\nmodel m { input x: [batch, 4]  output y = x -> dense(2) }\n"

    version: int

    def headline(self) -> str:
        return f"version {self.version} of the language is not known"

    def help(self) -> str | None:
        return "this dslc reads `net 1`; a later one may read this file"


@dataclass(frozen=True)
class NoVersion(Problem):
    """Without the version a later dslc cannot know how this file was meant."""

    code = "W0214"
    severity = "warning"
    example = "model m { input x: [batch, 4]  output y = x -> dense(2) }\n"
    mended = "net 1\nmodel m { input x: [batch, 4]  output y = x -> dense(2) }\n"

    def headline(self) -> str:
        return "the file does not say its version of the language"

    def help(self) -> str | None:
        return "begin it with `net 1`"


@dataclass(frozen=True)
class Misplaced(Problem):
    """A statement or construct stands where it has no meaning."""

    code = "E0215"
    example = "net 1\nmodel m { input x: [batch, 4]  step s { loss = x }  output y = x -> dense(2) }\n"
    mended = "net 1\nmodel m { input x: [batch, 4]  output y = x -> dense(2) }\n"

    what: str
    hint: str

    def headline(self) -> str:
        return self.what

    def help(self) -> str | None:
        return self.hint


@dataclass(frozen=True)
class NothingChosen(Problem):
    """The command line names a model or variant that the file does not have, or the file has none."""

    code = "E0216"
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
