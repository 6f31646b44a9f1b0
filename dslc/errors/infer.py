"""E03: shapes and types."""

from dataclasses import dataclass

from dslc.errors.base import Edit, Fix, Note, Problem, problem
from dslc.source import Span

_HEAD = "net 1\nmodel m { input x: [batch, 8, 8, 3]  "


@problem
class Refusal(Problem):
    """A layer or operator cannot work on what is piped into it."""

    code = "E0301"
    example = _HEAD + "y = x -> conv(4, 3, stride = 2)  output z = x + y }\n"
    mended = _HEAD + "y = x -> conv(3, 3)  output z = x + y }\n"

    op: str
    given: tuple[str, ...]
    reason: str
    origins: tuple[Note, ...]
    hint: str | None = None
    mixed: bool = False
    """It is about dtypes."""

    def headline(self) -> str:
        if not self.op.isidentifier() and self.mixed:
            return f"`{self.op}` needs two tensors of one dtype"
        if not self.op.isidentifier():
            return f"`{self.op}` needs equal shapes, or shapes that broadcast"
        return f"`{self.op}` cannot take {' and '.join(self.given) or 'this'}"

    def label(self) -> str:
        return self.reason

    def notes(self) -> tuple[Note, ...]:
        return self.origins

    def help(self) -> str | None:
        if self.hint:
            return self.hint
        if not self.op.isidentifier():
            return "give both sides one shape: change a layer before, or project one side, as `residual(project = true)` does"
        return f"`dslc explain {self.op}` shows what it takes"


@dataclass(frozen=True)
class Known:
    """A size that its name got earlier."""

    name: str
    size: str
    span: Span
    """Where the name stands that was bound."""
    made: Span | None
    """Where the tensor was made whose size it is."""

    def notes(self, shown: tuple[Note, ...], place: Span) -> tuple[Note, ...]:
        """The places that explain the size, besides those that are shown already."""
        if self.made is not None and self.made not in (place, *(note.span for note in shown)):
            return (Note(self.made, f"`{self.name}` is {self.size} from here"),)
        if self.span.start < place.start or self.span.start >= place.end or self.span.file != place.file:
            return (Note(self.span, f"`{self.name}` is {self.size} here"),)
        return ()


@problem
class AssertionFailed(Problem):
    """A stage carries a type (`: [batch, 3136]`), or a block a signature, and the tensor has another one."""

    code = "E0302"
    example = _HEAD + "output y = x -> flatten : [batch, 100] -> dense(2) }\n"
    mended = _HEAD + "output y = x -> flatten : [batch, 192] -> dense(2) }\n"

    said: str
    found: str
    reason: str
    origins: tuple[Note, ...] = ()
    bound: Known | None = None

    def headline(self) -> str:
        return f"the type here is {self.found}, and {self.said} is written"

    def label(self) -> str:
        return self.reason

    def notes(self) -> tuple[Note, ...]:
        return (*(self.bound.notes(self.origins, self.span) if self.bound else ()), *self.origins)

    def help(self) -> str | None:
        return f"write `{self.found}`, or change the layer before"

    def fix(self) -> Fix | None:
        return self.rewritten(self.found, safe=False)


@problem
class InputMismatch(Problem):
    """A tensor that is piped into a block does not have the type that the block's input states."""

    code = "E0303"
    example = (
        "net 1\nblock b() { input x: [batch, 5]  output y = x -> dense(2) }\n"
        "model m { input x: [batch, 4]  output y = x -> b }\n"
    )
    mended = example.replace("[batch, 5]", "[batch, 4]")

    block: str
    input: str
    wanted: str
    found: str
    reason: str
    origins: tuple[Note, ...] = ()
    bound: Known | None = None

    def headline(self) -> str:
        name = self.input if self.input.isdigit() else f"`{self.input}`"
        return f"input {name} of `{self.block}` is {self.wanted}, and gets {self.found}"

    def label(self) -> str:
        return self.reason

    def notes(self) -> tuple[Note, ...]:
        return (*(self.bound.notes(self.origins, self.span) if self.bound else ()), *self.origins)

    def help(self) -> str | None:
        return f"pipe in a tensor of type {self.wanted}, or change the input's type"


@problem
class WrongInputs(Problem):
    """A layer or block gets too few, too many or unknown inputs."""

    code = "E0304"
    example = _HEAD + "output y = (x, x) -> relu }\n"
    mended = _HEAD + "output y = x -> relu }\n"

    owner: str
    inputs: tuple[str, ...]
    reason: str

    def headline(self) -> str:
        return f"`{self.owner}` {self.reason}"

    def help(self) -> str | None:
        if not self.inputs:
            return "it takes no input"
        if len(self.inputs) == 1:
            return f"pipe one tensor in: `x -> {self.owner}`"
        return f"its inputs are, in order: {', '.join(self.inputs)}; several go in as a tuple: `(a, b) -> {self.owner}`"


@problem
class SkipDiffers(Problem):
    """`residual` adds its input to what its body gives, so both need one shape."""

    code = "E0305"
    example = _HEAD + "output y = x -> residual { conv(8, 3, stride = 2) } }\n"
    mended = _HEAD + "output y = x -> residual(project = true) { conv(8, 3, stride = 2) } }\n"

    before: str
    after: str
    can_project: bool
    bare: bool = False
    """It is written without settings."""

    def headline(self) -> str:
        return f"the body of `residual` turns {self.before} into {self.after}, and the two are added"

    def help(self) -> str | None:
        if self.can_project:
            return "write `residual(project = true)` to put a projection on the skip, or keep the shape in the body"
        return "keep the shape in the body"

    def fix(self) -> Fix | None:
        if not (self.can_project and self.bare):
            return None
        end = self.span.start + len("residual")
        return Fix((Edit(Span(self.span.file, end, end), "(project = true)"),), safe=False)


@problem
class WrongCount(Problem):
    """A statement names more or fewer tensors than its right side gives."""

    code = "E0306"
    example = _HEAD + "a, b = x -> relu  output y = a }\n"
    mended = _HEAD + "a, b = (x, x)  output y = a + b }\n"

    names: int
    values: int

    def headline(self) -> str:
        return f"{self.names} name{'s' * (self.names != 1)} on the left, and {self.values} value{'s' * (self.values != 1)} on the right"

    def help(self) -> str | None:
        return "name each value once; a value that is not needed is called `_`"


@problem
class SharedDiffers(Problem):
    """A shared layer has one set of weights, and two uses ask for different shapes of them."""

    code = "E0307"
    example = "net 1\nmodel m { input a: [batch, 4]  input b: [batch, 5]  layer f = dense(2)  output y = (a -> f) + (b -> f) }\n"
    mended = example.replace("[batch, 5]", "[batch, 4]")

    weight: str
    first: str
    second: str
    origins: tuple[Note, ...] = ()

    def headline(self) -> str:
        return f"weight `{self.weight}` is shared, and would need shape {self.first} and shape {self.second}"

    def notes(self) -> tuple[Note, ...]:
        return self.origins

    def help(self) -> str | None:
        return "pipe tensors with the same last axis into a shared layer, or use two layers"


@problem
class UnknownDtype(Problem):
    """A type begins with a dtype of the language."""

    code = "E0308"
    example = "net 1\nmodel m { input x: float32[batch, 4]  output y = x -> dense(2) }\n"
    mended = "net 1\nmodel m { input x: f32[batch, 4]  output y = x -> dense(2) }\n"

    name: str
    nearest: str | None
    known: tuple[str, ...]
    sure: bool = False

    def headline(self) -> str:
        return f"there is no dtype `{self.name}`"

    def help(self) -> str | None:
        return f"did you mean `{self.nearest}`?" if self.nearest else f"the dtypes are {', '.join(self.known)}"

    def fix(self) -> Fix | None:
        return self.renamed(self.name, self.nearest, self.sure)
