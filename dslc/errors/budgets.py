"""E046: what a model or its training costs at most, as the author wants it."""

from dslc.amounts import in_bytes
from dslc.errors.base import Problem, problem

_HEAD = "net 1\nmodel m { "
_BODY = "input features: [batch, 4]  output logits = features -> dense(3) }\n"
SHOWN = 3
"""Layers that a message names."""


def quantity(number: float, name: str) -> str:
    """A number with its unit, as a message says it."""
    if name == "peak_memory":
        return in_bytes(number)
    return f"{number:,.0f}"


@problem
class BudgetInBlock(Problem):
    """A budget is about the whole of what is trained or run; a block is only a part of that, and may be used many times."""

    code = "E0460"
    example = (
        "net 1\nblock b { require parameters < 100  input x: [batch, 4]  output y = x -> dense(3) }\n"
        "model m { input features: [batch, 4]  output logits = features -> b }\n"
    )
    mended = (
        "net 1\nblock b { input x: [batch, 4]  output y = x -> dense(3) }\n"
        "model m { require parameters < 100  input features: [batch, 4]  output logits = features -> b }\n"
    )

    name: str

    def headline(self) -> str:
        return f"`{self.name}` is known of a whole model, and this stands in a block"

    def help(self) -> str | None:
        return "put the requirement into the model, or into its `train` block"


@problem
class BadAmount(Problem):
    """An amount is a number above 0, or a text with a unit: `"8GB"` counts by 1,000, `"8GiB"` by 1,024."""

    code = "E0461"
    example = _HEAD + 'require peak_memory < "8 bananas"  ' + _BODY
    mended = _HEAD + 'require peak_memory < "8MB"  ' + _BODY

    name: str
    given: str

    def headline(self) -> str:
        return f"`{self.name}` is an amount, and `{self.given}` is none"

    def help(self) -> str | None:
        examples = {"parameters": '`50_000_000` or `"50M"`', "flops": '`3e9` or `"3 GFLOPs"`'}
        of_bytes = '`"8GB"`, `"512MiB"` or a number of bytes'
        return f"write {examples.get(self.name, of_bytes)}"


@problem
class BudgetExceeded(Problem):
    """A `require` says what a model or its training may cost at most, and it costs more.

    In a model `parameters` counts every weight once, `flops` is one forward pass for a batch of 1 and `peak_memory` what that
    pass needs. In a `train` block they are about a training step: its weights, the forward pass of a batch, and weights,
    optimizer, gradients and what is kept for the backward pass together, as estimated before anything is compiled.
    """

    code = "E0462"
    example = _HEAD + "require parameters < 10  " + _BODY
    mended = _HEAD + "require parameters < 20  " + _BODY

    name: str
    limit: float
    below: bool
    actual: float
    largest: tuple[tuple[str, float], ...]
    """Where most of it comes from: paths or parts, and how much."""
    message: str | None = None
    may_recompute: bool = False

    def headline(self) -> str:
        actual = quantity(self.actual, self.name)
        if self.message:
            return f"{self.message} (`{self.name}` is {actual})"
        word = "has to be below" if self.below else "has to be at most"
        return f"`{self.name}` is {actual}, and {word} {quantity(self.limit, self.name)}"

    def label(self) -> str:
        share = f"{self.actual / self.limit:.3g} times the budget"
        return share if self.actual > self.limit * 1.005 else "just above the budget"

    def help(self) -> str | None:
        parts = [f"{path or 'the model'} {quantity(number, self.name)}" for path, number in self.largest[:SHOWN]]
        found = f"most of it: {', '.join(parts)}; " if parts else ""
        ways = {
            "parameters": "make these layers smaller, share their weights, or raise the budget",
            "flops": "make these layers smaller, or raise the budget",
            "peak_memory": "take a smaller `batch` or smaller layers, or raise the budget",
        }
        memory = (
            "; `memory` in the `train` block lets the compiler compute again what does not fit"
            if self.may_recompute
            else ""
        )
        return f"{found}{ways[self.name]}{memory}"


@problem
class MemoryTooSmall(Problem):
    """`memory` says what a training step may take.

    The compiler keeps for the backward pass what fits, and computes the rest again. Weights, the state of the optimizer and
    gradients are there in any case, and so is what one layer works with.
    """

    code = "E0463"
    example = (
        _HEAD
        + _BODY
        + 'train m { data = iris()  loss = (logits, label) -> cross_entropy  memory = "400B"  batch = 64 }\n'
    )
    mended = example.replace("400B", "1MB")

    given: int
    least: int
    parts: tuple[tuple[str, int], ...]
    batch: int

    def headline(self) -> str:
        return f"a training step takes at least {in_bytes(self.least)}, and `memory` gives it {in_bytes(self.given)}"

    def label(self) -> str:
        return ", ".join(f"{name} {in_bytes(size)}" for name, size in self.parts)

    def help(self) -> str | None:
        smaller = "take a smaller `batch`" if self.batch > 1 else "make the model smaller"
        return f"{smaller}, split it with `accumulate`, or give it {in_bytes(self.least * 1.01)}"
