"""E0532 to E0534: models that are to write on with a text."""

from typing import ClassVar, Literal

from dslc.errors.base import Problem, problem


@problem
class NotCausal(Problem):
    """A model that continues a text is asked for the next character before the text behind it is there. One in which a position
    reads what stands behind it (attention without `causal`, a recurrence from the end, a mean over all positions) has learnt to
    look the answer up, and what it would write is nonsense."""

    code = "E0532"

    model: str
    layer: str
    op: str
    reason: str

    def headline(self) -> str:
        return f"`{self.model}` cannot continue a text: at each position it reads what stands behind it"

    def label(self) -> str:
        return f"`{self.layer}` ({self.op}) {self.reason}" if self.layer else self.reason

    def help(self) -> str | None:
        return (
            "make the model causal, as with `attention(8, causal = true)`, and train it anew; or ask it about whole texts "
            "with the Python API"
        )


@problem
class WholeEachTime(Problem):
    """Most models of text are computed one position at a time: what attention or a recurrence needs of the text so far is kept.
    Where a layer has no such way the whole context is computed again for each character: right, and slower."""

    code = "E0533"
    severity: ClassVar[Literal["error", "warning", "note"]] = "note"

    layer: str
    op: str
    reason: str

    def headline(self) -> str:
        return "the whole context is computed again for each character"

    def label(self) -> str:
        return f"`{self.layer}` ({self.op}) {self.reason}"


@problem
class TwoTexts(Problem):
    """A model that reads one text and writes another is sampled with the text to read as the prompt. For that its data names the words
    of both texts, as `text_pairs` does, and the train block says what the decoder reads: what it has to write, one word late."""

    code = "E0534"

    model: str
    inputs: tuple[str, ...]

    def headline(self) -> str:
        names = ", ".join(f"`{name}`" for name in self.inputs)
        return f"`{self.model}` reads {names}, and which words these are is not known"

    def label(self) -> str:
        return "trained here"

    def help(self) -> str | None:
        return (
            'train it on `text_pairs("pairs.tsv", names = ["source", "wanted"])`, with `source` among its inputs and '
            "`target = wanted -> shift(1, axis = 1)`"
        )
