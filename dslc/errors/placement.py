"""E02: what stands where it has no meaning."""

from dslc.errors.base import Edit, Fix, Note, Problem, problem
from dslc.source import Span

_HEAD = "net 1\nmodel m { input x: [batch, 4]  "


@problem
class NothingPiped(Problem):
    """`it`, a combinator and a `repeat` work on the value in the pipe, and there is no pipe here."""

    code = "E0251"
    example = _HEAD + "output y = it -> relu }\n"
    mended = _HEAD + "output y = x -> relu }\n"

    what: str

    def headline(self) -> str:
        if self.what == "`it`":
            return "`it` is the value in a pipe, and there is no pipe here"
        return f"{self.what} needs a value piped into it"

    def help(self) -> str | None:
        return "name a tensor" if self.what == "`it`" else "write `x -> ... { }`"


@problem
class NoElse(Problem):
    """As a stage an `if` without `else` is the identity. As a value it has nothing to be when the condition is false."""

    code = "E0252"
    example = "net 1\nmodel m(a = if 1 > 2 { 3 }) { input x: [batch, 4]  output y = x -> dense(3) }\n"
    mended = "net 1\nmodel m(a = if 1 > 2 { 3 } else { 4 }) { input x: [batch, 4]  output y = x -> dense(3) }\n"

    def headline(self) -> str:
        return "an `if` that is a value needs an `else`"

    def label(self) -> str:
        return "the condition is false"

    def help(self) -> str | None:
        return "add `else { ... }`"

    def fix(self) -> Fix | None:
        end = Span(self.span.file, self.span.end, self.span.end)
        return Fix((Edit(end, " else { none }"),), safe=False)


@problem
class SettingsAlready(Problem):
    """A layer that has a name or is held by a setting got its settings where it was written."""

    code = "E0253"
    example = _HEAD + "layer f = dense(2)  output y = x -> f(3) }\n"
    mended = _HEAD + "layer f = dense(2)  output y = x -> f }\n"

    name: str

    def headline(self) -> str:
        return f"`{self.name}` has its settings already"

    def help(self) -> str | None:
        return f"write `-> {self.name}`"

    def fix(self) -> Fix | None:
        return self.rewritten(self.name, safe=False)


@problem
class NeedsBody(Problem):
    """A combinator says what becomes of its body, so it needs one in braces; most take a single one."""

    code = "E0254"
    example = _HEAD + "output y = x -> residual }\n"
    mended = _HEAD + "output y = x -> residual { dense(4) } }\n"

    name: str
    branches: int

    def headline(self) -> str:
        return (
            f"`{self.name}` has one body, and {self.branches} are given"
            if self.branches
            else f"`{self.name}` needs a body in braces"
        )

    def help(self) -> str | None:
        return "join the stages with `->`" if self.branches else f"write `{self.name} {{ ... }}`"


@problem
class NothingRemade(Problem):
    """`weight_norm` and `spectral_norm` work on kernels. Activations, norms and embeddings have none, and the kernels in a
    combinator of this kind inside belong to that one."""

    code = "E0273"
    example = _HEAD + "output y = x -> dense(3) -> weight_norm { relu } }\n"
    mended = _HEAD + "output y = x -> weight_norm { dense(3) -> relu } }\n"

    name: str

    def headline(self) -> str:
        return f"nothing in the braces of `{self.name}` has a kernel for it"

    def help(self) -> str | None:
        return f"put the layer inside, `{self.name} {{ dense(64) }}`, or leave `{self.name}` out"


@problem
class PartlyRemade(Problem):
    """`weight_norm` keeps a kernel as a direction and a length, `spectral_norm` divides it by its gain. A use of a named
    layer in such braces and another one outside of them say two things about the same kernel: the one outside would have
    the direction alone."""

    code = "E0274"
    example = _HEAD + "layer f = dense(4)  output y = x -> weight_norm { f } -> f }\n"
    mended = _HEAD + "layer f = weight_norm { dense(4) }  output y = x -> f -> f }\n"

    name: str
    here: str
    """The op that this use has it go through; none: `""`."""
    before: str
    first: Span

    def headline(self) -> str:
        return f"the kernel `{self.name}` {_made(self.here)} here and {_made(self.before)} in another use"

    def notes(self) -> tuple[Note, ...]:
        return (Note(self.first, f"it {_made(self.before)} here"),)

    def help(self) -> str | None:
        one = _combinator(self.here or self.before)
        return f"put the braces where the layer is named, `layer f = {one} {{ ... }}`, and every use has them"


def _made(by: str) -> str:
    return f"goes through `{_combinator(by)}`" if by else "is used as it is"


def _combinator(by: str) -> str:
    """The name in the language of what leaves such ops in the graph."""
    return by.removesuffix("ed")


@problem
class TakesNoBody(Problem):
    """Braces follow a combinator such as `residual`; a layer takes its settings in parentheses."""

    code = "E0255"
    example = _HEAD + "output y = x -> dense(3) { relu } }\n"
    mended = _HEAD + "output y = x -> dense(3) -> relu }\n"

    name: str

    def headline(self) -> str:
        return f"`{self.name}` takes no body in braces"

    def help(self) -> str | None:
        return f"write `{self.name}(...)` without braces, and join stages with `->`"


@problem
class SourceInPipe(Problem):
    """A source such as `normal([batch, 20])` makes a tensor out of nothing, so it begins a pipe."""

    code = "E0256"
    example = _HEAD + "output y = x -> normal([batch, 4]) }\n"
    mended = _HEAD + "output y = x + normal([batch, 4]) }\n"

    name: str

    def headline(self) -> str:
        return f"`{self.name}` makes a tensor and takes none"

    def help(self) -> str | None:
        return f"begin a pipe with it: `{self.name}(...) -> ...`"


@problem
class WeightsNotYet(Problem):
    """The weights of a layer have their shapes from what is piped in first, so they cannot be read before that."""

    code = "E0257"
    example = _HEAD + "layer f = dense(2)  w = f.kernel  output y = x -> f }\n"
    mended = _HEAD + "layer f = dense(2)  output y = x -> f  w = f.kernel }\n"

    layer: str

    def headline(self) -> str:
        return f"layer `{self.layer}` is not used before this point, so its weights have no shape yet"

    def help(self) -> str | None:
        return f"pipe a tensor into `{self.layer}` first"


@problem
class NoOutput(Problem):
    """A block or model says which tensors it gives; one without an output has nothing to compute."""

    code = "E0258"
    example = _HEAD + "y = x -> dense(2) }\n"
    mended = _HEAD + "output y = x -> dense(2) }\n"

    name: str
    last: Span | None = None
    """Where the last statement that names a tensor begins."""

    def headline(self) -> str:
        return f"`{self.name}` has no output"

    def help(self) -> str | None:
        return "say what it gives: `output y = ...`"

    def fix(self) -> Fix | None:
        if self.last is None:
            return None
        return Fix((Edit(Span(self.last.file, self.last.start, self.last.start), "output "),), safe=False)


@problem
class WrongStatement(Problem):
    """A statement of a `train` block, a section or a cell stands in a block of another kind."""

    code = "E0259"
    example = _HEAD + "step s { loss = x }  output y = x -> dense(2) }\n"
    mended = _HEAD + "output y = x -> dense(2) }\n"

    what: str
    into: str = "a block"
    belongs: str = "a `train` block"
    known: tuple[str, ...] = ()
    """What stands there instead, where that is a short list."""

    def headline(self) -> str:
        return f"{self.what} does not belong into {self.into}"

    def help(self) -> str | None:
        if self.known:
            return f"write {', '.join(f'`{name} = ...`' for name in self.known)}"
        return f"it stands in {self.belongs}"


@problem
class UnnamedOutput(Problem):
    """`_` stands for a value that is not needed. An output is what others read, so it has a name; of several values in one
    `output` those called `_` are no outputs."""

    code = "E0275"
    example = _HEAD + "output _ = x -> relu }\n"
    mended = _HEAD + "output y = x -> relu }\n"

    def headline(self) -> str:
        return "an output needs a name, and `_` is none"

    def help(self) -> str | None:
        return "name it, `output y = ...`, or take the statement out"


@problem
class SignatureTwice(Problem):
    """A block with a body states its types at its inputs and outputs; a signature beside that says them a second time."""

    code = "E0215"
    example = (
        "net 1\nblock b(): [batch, 4] -> [batch, 2] { input x: [batch, 4]  output y = x -> dense(2) }\n"
        "model m { input x: [batch, 4]  output y = x -> b }\n"
    )
    mended = example.replace(": [batch, 4] -> [batch, 2]", "")

    name: str

    def headline(self) -> str:
        return f"`{self.name}` has a signature, and a body whose inputs and outputs state types as well"

    def help(self) -> str | None:
        return "write the types in the body: `input x: [batch, d]`, `output y: [batch, d] = ...`"
