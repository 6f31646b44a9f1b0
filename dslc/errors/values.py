"""E02: values of a kind that cannot stand where they stand."""

from dslc.errors.base import Edit, Fix, Problem, problem
from dslc.source import Span

_HEAD = "net 1\nmodel m { input x: [batch, 4]  "


@problem
class TupleForTensor(Problem):
    """Several tensors stand where one is wanted."""

    code = "E0242"
    example = _HEAD + "output y = x -> split(2) -> (it + 1) }\n"
    mended = _HEAD + "output y = x -> split(2) -> concat -> (it + 1) }\n"

    what: str
    """What wants one tensor: an operator in backticks, or `a type`."""
    count: int

    def headline(self) -> str:
        return f"{self.what} goes with one tensor, and this is a tuple of {self.count}"

    def help(self) -> str | None:
        return "take one of them, `it[0]`, or name the parts: `a, b = ...`"


@problem
class NoAttribute(Problem):
    """Behind a dot stand the weights and layers of what has a name, and of a tensor only `.T` and `.shape`."""

    code = "E0243"
    example = _HEAD + "output y = x.relu }\n"
    mended = _HEAD + "output y = x -> relu }\n"

    kind: str
    name: str
    is_layer: bool
    """A layer has this name."""
    dot: Span | None = None
    """Where the dot and the name stand, when nothing else has to change to make an arrow of it."""

    def headline(self) -> str:
        return f"{self.kind} has no `.{self.name}`"

    def help(self) -> str | None:
        if self.is_layer:
            return f"layers stand behind an arrow: `x -> {self.name}`"
        return "a tensor has `.T` and `.shape`; a named layer has its weights, such as `.kernel`"

    def fix(self) -> Fix | None:
        return Fix((Edit(self.dot, f" -> {self.name}"),), safe=True) if self.is_layer and self.dot else None


@problem
class CannotIndex(Problem):
    """Brackets behind a value take a part of it: of a tensor, a list, a tuple, a range or a string."""

    code = "E0244"
    example = "net 1\nmodel m(a = 3[0]) { input x: [batch, 4]  output y = x -> dense(3) }\n"
    mended = "net 1\nmodel m(a = [3][0]) { input x: [batch, 4]  output y = x -> dense(3) }\n"

    kind: str
    parts: int

    def headline(self) -> str:
        return f"{self.kind} has {'one axis' if self.parts > 1 else 'no parts'} to index"

    def help(self) -> str | None:
        return "give one index: `[0]`" if self.parts > 1 else "index a tensor, a list or a tuple"


@problem
class OutOfList(Problem):
    """A list has no element of this number; the first is 0, and -1 is the last."""

    code = "E0245"
    example = "net 1\nmodel m(a = [1, 2][5]) { input x: [batch, 4]  output y = x -> dense(3) }\n"
    mended = "net 1\nmodel m(a = [1, 2][1]) { input x: [batch, 4]  output y = x -> dense(3) }\n"

    length: int
    index: str

    def headline(self) -> str:
        return f"the index must be an int below {self.length}, and is {self.index}"

    def help(self) -> str | None:
        if not self.length:
            return "the list is empty: give it elements"
        return f"it has {self.length} element{'s' * (self.length != 1)}: 0 is the first and {self.length - 1} the last"


@problem
class WrongIndex(Problem):
    """An index of a tensor is an int, a slice of ints, `none`, `...` or a tensor of ints."""

    code = "E0246"
    example = _HEAD + "output y = x[:, 1.5] }\n"
    mended = _HEAD + "output y = x[:, 1] }\n"

    kind: str
    in_slice: bool

    def headline(self) -> str:
        if self.in_slice:
            return f"the bounds of a slice are ints, and one is {self.kind}"
        return f"an index is an int, a slice, `none`, `...` or a tensor of ints, and this is {self.kind}"

    def help(self) -> str | None:
        return "write `x[:, 1:3]`" if self.in_slice else "write `x[:, 0]`"


@problem
class WrongSize(Problem):
    """A size in a shape is an int of at least 1, a name, or an expression of these."""

    code = "E0247"
    example = "net 1\nmodel m { input x: [batch, 0]  output y = x }\n"
    mended = "net 1\nmodel m { input x: [batch, 4]  output y = x }\n"

    shown: str
    unknown: bool
    """What other frameworks write for a size that is not known."""

    def headline(self) -> str:
        return f"a size in a shape is an int of at least 1, and this is {self.shown}"

    def help(self) -> str | None:
        return "write `_` for any size, or a name" if self.unknown else "give a positive int"

    def fix(self) -> Fix | None:
        return self.rewritten("_", safe=False) if self.unknown else None


@problem
class RankNotFixed(Problem):
    """A model runs by itself, so its inputs say how many axes they have; a block takes any with `...`."""

    code = "E0248"
    example = "net 1\nmodel m { input x: [..., 4]  output y = x }\n"
    mended = "net 1\nmodel m { input x: [batch, 4]  output y = x }\n"

    what: str = "the input of a model"

    def headline(self) -> str:
        return f"{self.what} needs a fixed rank" if self.what[:9] == "the input" else f"{self.what} has known sizes"

    def help(self) -> str | None:
        return "write out its sizes: `[batch, t, d]` instead of `[batch, ...]`"


@problem
class TensorWanted(Problem):
    """A tensor or a number must stand here, and a setting of another kind does."""

    code = "E0249"
    example = _HEAD + 'output y = (x, "y") -> concat }\n'
    mended = _HEAD + "output y = (x, x) -> concat }\n"

    kind: str
    place: str = ""
    """`loss`, `type` or the operator that it stands at; empty elsewhere."""

    def headline(self) -> str:
        if self.place == "loss":
            return f"the loss is a tensor, and this is {self.kind}"
        if self.place == "type":
            return f"a type stands behind a tensor, and this is {self.kind}"
        return f"a tensor must stand here, and this is {self.kind}"

    def help(self) -> str | None:
        if self.place == "loss":
            return "write `loss = (prediction, target) -> cross_entropy`"
        return "take the type away" if self.place == "type" else "name a tensor or a number"


@problem
class TensorAsSetting(Problem):
    """Settings are known while compiling, and a tensor is not: tensors flow along arrows."""

    code = "E0250"
    example = "net 1\nblock b(scale) = (it * scale)\nmodel m { input x: [batch, 4]  output y = x -> b(x) }\n"
    mended = "net 1\nblock b(scale) = (it * scale)\nmodel m { input x: [batch, 4]  output y = x -> b(2) }\n"

    name: str

    def headline(self) -> str:
        return f"setting `{self.name}` gets a tensor"

    def help(self) -> str | None:
        return f"tensors flow along arrows: make it an `input {self.name}` of the block"


@problem
class SettingsRefused(Problem):
    """Each setting is of the right kind, and together they cannot work."""

    code = "E0208"
    example = (
        "net 1\nmodel m { input features: [batch, 4]  output logits = features -> dense(3) }\ntrain m { data = iris()  "
        "loss = (logits, label) -> cross_entropy  optimizer = sgd(lr = 0.1, nesterov = true) }\n"
    )
    mended = example.replace("nesterov = true", "momentum = 0.9, nesterov = true")

    owner: str
    reason: str
    hint: str | None

    def headline(self) -> str:
        return f"`{self.owner}`: {self.reason}"

    def help(self) -> str | None:
        return self.hint or f"`dslc explain {self.owner}` shows its settings"
