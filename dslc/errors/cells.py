"""E02 and E03: what a body declares with a type, and what is carried from step to step."""

from dslc.errors.base import Note, Problem, problem

_CELL = """net 1
block elman(units) {
  input  x: [batch, c]
  carry  h: [batch, units] = zeros
  output new = (x -> dense(units)) + (h -> dense(units, bias = false)) -> tanh
  next   h = new
}
"""
_USED = "model m { input x: [batch, time, 3]  output y = x -> scan { elman(4) } }\n"


@problem
class CellOutsideScan(Problem):
    """A block with a `carry` is a cell: it says what happens in one step of a sequence. Only a `scan` gives it steps."""

    code = "E0260"
    example = _CELL + "model m { input x: [batch, 3]  output y = x -> elman(4) }\n"
    mended = _CELL + _USED

    name: str

    def headline(self) -> str:
        return f"`carry {self.name}` makes this block a cell, and it is used outside of a `scan`"

    def help(self) -> str | None:
        return "write `-> scan { ... }` round its use: it runs the cell over axis 1 of what is piped in"


@problem
class NeverNext(Problem):
    """What is carried or kept changes from step to step; without a `next` it would stay as it starts."""

    code = "E0261"
    example = _CELL.replace("  next   h = new\n", "") + _USED
    mended = _CELL + _USED

    kind: str
    name: str

    def headline(self) -> str:
        return f"`{self.kind} {self.name}` gets no next value"

    def help(self) -> str | None:
        return f"say what it is in the step after this one: `next {self.name} = ...`"


@problem
class NextOfNothing(Problem):
    """`next` gives the value in the following step to a `carry` or a `state` of the same block."""

    code = "E0262"
    example = _CELL.replace("next   h", "next   new") + _USED
    mended = _CELL + _USED

    name: str

    def headline(self) -> str:
        return f"`{self.name}` is neither a `carry` nor a `state`, so it has no next value"

    def help(self) -> str | None:
        return f"declare it: `carry {self.name}: [batch, units] = zeros` within a `scan`, `state` from one training step to the next"


@problem
class NextDiffers(Problem):
    """What is carried keeps its type, because every step is the same program."""

    code = "E0263"
    example = _CELL.replace("next   h = new", "next   h = new[:, 1:]") + _USED
    mended = _CELL + _USED

    name: str
    declared: str
    found: str
    origins: tuple[Note, ...]

    def headline(self) -> str:
        return f"`{self.name}` is {self.declared}, and its next value is {self.found}"

    def notes(self) -> tuple[Note, ...]:
        return self.origins

    def help(self) -> str | None:
        return "give both one type: change the declaration, or the layer that makes the next value"


@problem
class StartVaries(Problem):
    """A carry starts before the first step: with a number, or a tensor from outside of the scan."""

    code = "E0264"
    example = _CELL.replace("[batch, units] = zeros", "[batch, units] = x -> dense(units)") + _USED
    mended = _CELL + _USED

    name: str

    def headline(self) -> str:
        return f"`carry {self.name}` starts before the first step, and this belongs to one step"

    def help(self) -> str | None:
        return "start it with `zeros`, a number, or a tensor that the cell takes as an input: `input start: [batch, units]`"


@problem
class NoFirstValue(Problem):
    """Vectors and scalars of weights, and everything that is kept, need a first value: nothing in the model says which."""

    code = "E0265"
    example = "net 1\nmodel m { input x: [batch, 3]  param scale: [3]  output y = x * scale }\n"
    mended = "net 1\nmodel m { input x: [batch, 3]  param scale: [3] = ones  output y = x * scale }\n"

    kind: str
    name: str
    type: str

    def headline(self) -> str:
        return f"`{self.kind} {self.name}` has no first value"

    def help(self) -> str | None:
        return f"write one behind its type: `{self.kind} {self.name}: {self.type} = zeros`, `= ones`, `= normal(std = 0.02)`, `= 0.5`"


@problem
class ParamNotFloat(Problem):
    """Weights are trained by their gradient, and integers have none."""

    code = "E0266"
    example = "net 1\nmodel m { input x: [batch, 3]  param scale: i32[3] = ones  output y = x * scale }\n"
    mended = "net 1\nmodel m { input x: [batch, 3]  param scale: [3] = ones  output y = x * scale }\n"

    name: str
    type: str

    def headline(self) -> str:
        return f"`param {self.name}` is {self.type}, and weights are floats"

    def help(self) -> str | None:
        return f"make it a float; what is kept and not trained is a `state {self.name}: ...` with a `next`"


@problem
class KeptInLoop(Problem):
    """Statistics and `state` change once in a training step. A layer that is used in every iteration of a loop would change
    them several times, and which of the values to keep is not defined."""

    code = "E0267"
    example = _CELL.replace("-> tanh", "-> batch_norm -> tanh") + _USED
    mended = _CELL.replace("-> tanh", "-> layer_norm -> tanh") + _USED

    what: str

    def headline(self) -> str:
        return f"`{self.what}` is kept from one training step to the next, and here each iteration would change it"

    def help(self) -> str | None:
        return "use a layer without statistics, such as `layer_norm`, or give each iteration its own by `repeat`"


@problem
class ScanNeedsTime(Problem):
    """A scan goes along axis 1 of what is piped in, `[batch, time, ...]`; several tensors go in step with each other."""

    code = "E0268"
    example = "net 1\nmodel m { input x: [batch]  output y = x -> scan { relu } }\n"
    mended = "net 1\nmodel m { input x: [batch, time]  output y = x -> scan { relu } }\n"

    reason: str
    origins: tuple[Note, ...]

    def headline(self) -> str:
        return f"`scan` runs over axis 1, the time, and {self.reason}"

    def notes(self) -> tuple[Note, ...]:
        return self.origins

    def help(self) -> str | None:
        return (
            "pipe in `[batch, time, features]`; what is the same in every step is read by its name inside of the braces"
        )


@problem
class PartlyFrozen(Problem):
    """Weights are either trained or frozen: one use of a named layer in `frozen { ... }` and another one outside of it
    say two things about the same weights."""

    code = "E0269"
    example = "net 1\nmodel m { input x: [batch, 3]  layer f = dense(3)  output y = x -> f -> frozen { f } }\n"
    mended = "net 1\nmodel m { input x: [batch, 3]  layer f = dense(3)  output y = x -> f -> f }\n"

    name: str
    origins: tuple[Note, ...]

    def headline(self) -> str:
        return f"`{self.name}` is frozen in one use and trained in another"

    def notes(self) -> tuple[Note, ...]:
        return self.origins

    def help(self) -> str | None:
        return "put all uses into `frozen { ... }` or none; `stop_gradient` keeps a gradient from going back"


@problem
class GradientNeedsWay(Problem):
    """A derivative follows the way from a tensor to a scalar that was computed from it, in one and the same body."""

    code = "E0270"
    example = "net 1\nmodel m { input x: [batch, 3]  input z: [batch, 3]  output y = (x -> sum, z) -> gradient }\n"
    mended = "net 1\nmodel m { input x: [batch, 3]  input z: [batch, 3]  output y = (x * z -> sum, z) -> gradient }\n"

    y: str
    x: str

    def headline(self) -> str:
        return f"the scalar does not depend on the {self.x} that it is to be derived by"

    def help(self) -> str | None:
        return "derive by a tensor that the scalar is computed from, in the same body; `stop_gradient` cuts the way"


@problem
class MixedIndex(Problem):
    """An index takes entries along one axis by one tensor of ints, beside slices. In NumPy several of them, or ints between
    them, move axes about in ways that few remember; here each says its axis."""

    code = "E0271"
    example = "net 1\nmodel m { input x: [batch, 8, 3]  input t: i32[batch]  output y = x[0, :, t] }\n"
    mended = "net 1\nmodel m { input x: [batch, 8, 3]  input t: i32[batch]  output y = x[0][:, t] }\n"

    tensors: int

    def headline(self) -> str:
        return f"an index has {self.tensors} tensors in it" if self.tensors > 1 else "an index mixes a tensor with ints"

    def help(self) -> str | None:
        return "index in steps, one axis at a time: `x[0][:, t]`; one entry for each example is `(x, t) -> gather(axis = 1)`"


@problem
class NextTwice(Problem):
    """What is carried or kept has one value in the step after this one."""

    code = "E0272"
    example = _CELL.replace("  next   h = new\n", "  next   h = new\n  next   h = 0.5 * new\n") + _USED
    mended = _CELL + _USED

    name: str
    origins: tuple[Note, ...]

    def headline(self) -> str:
        return f"`{self.name}` gets two next values"

    def notes(self) -> tuple[Note, ...]:
        return self.origins

    def help(self) -> str | None:
        return "leave one of them; an `if` chooses while compiling: `next h = if keep { h } else { new }`"
