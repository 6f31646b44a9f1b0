"""E02: settings."""

from dslc.errors.base import Fix, Problem, problem

_HEAD = "net 1\nmodel m { input x: [batch, 4]  output y = x -> "


@problem
class UnknownSetting(Problem):
    """A call names a setting that the layer, block or section does not have."""

    code = "E0203"
    example = _HEAD + "dense(3, biass = false) }\n"
    mended = _HEAD + "dense(3, bias = false) }\n"

    owner: str
    name: str
    nearest: str | None
    known: tuple[str, ...]
    sure: bool = False

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

    def fix(self) -> Fix | None:
        return self.renamed(self.name, self.nearest, self.sure)


@problem
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
    instead: str | None = None
    """What to write, where that is plain."""
    sure: bool = False

    def headline(self) -> str:
        return f"`{self.name}` of `{self.owner}` takes {self.wanted}, and this is {self.got}"

    def help(self) -> str | None:
        if self.instead:
            return f"write `{self.instead}`"
        return self.hint or f"give `{self.name}` {self.wanted}"

    def fix(self) -> Fix | None:
        return self.rewritten(self.instead, self.sure)


@problem
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


@problem
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
        return f"`{self.owner}` takes {takes}, and {self.given} {'is' if self.given == 1 else 'are'} given"

    def help(self) -> str | None:
        if self.known:
            return f"they are, in order: {', '.join(self.known)}"
        return f"write `{self.owner}` alone; tensors flow along arrows: `x -> {self.owner}`"


@problem
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


@problem
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
