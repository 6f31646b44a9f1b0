"""E05: files and data."""

from typing import ClassVar, Literal

from dslc.data.failures import DataBroken as BrokenFailure
from dslc.data.failures import DataFailure
from dslc.data.failures import DataMissing as MissingFailure
from dslc.data.failures import PathRefused as RefusedPath
from dslc.errors.base import Note, Problem, problem
from dslc.source import Span

_MODEL = "net 1\nmodel m { input features: [batch, 4]  output logits = features -> dense(3) }\n"
_IMAGES = "net 1\nmodel m { input image: [batch, 28, 28, 1]  output logits = image -> flatten -> dense(10) }\n"
_LOSS = "loss = (logits, label) -> cross_entropy"


@problem
class FileProblem(Problem):
    """A file that the command line names cannot be read or written: it is missing, a folder, no text, or protected."""

    code = "E0501"

    path: str
    what: str
    hint: str

    def headline(self) -> str:
        return f"`{self.path}` {self.what}"

    def help(self) -> str | None:
        return self.hint


@problem
class DataMissing(Problem):
    """The files of a data set are not where they are looked for. To check a file this is a note: shapes are known all the same."""

    code = "E0502"
    example = _IMAGES + f'train m {{ data = mnist("nowhere/")  {_LOSS} }}\n'
    mended = _MODEL + f"train m {{ data = iris()  {_LOSS} }}\n"

    reason: str
    looked: tuple[str, ...]
    hint: str | None

    def headline(self) -> str:
        return f"the data is not there: {self.reason}"

    def label(self) -> str:
        return f"looked for {' and '.join(f'`{place}`' for place in self.looked[:3])}" if self.looked else ""

    def help(self) -> str | None:
        return self.hint


@problem
class DataNotThereYet(DataMissing):
    """The files of a data set are not where they are looked for. Training needs them; checking, drawing and counting do not."""

    severity: ClassVar[Literal["error", "warning", "note"]] = "note"


@problem
class DataBroken(Problem):
    """A data file is there and does not hold what it should: it is cut short, of another format, or damaged."""

    code = "E0503"

    file: str
    place: str
    reason: str
    hint: str | None

    def headline(self) -> str:
        return (
            f"`{self.file}` {self.reason}"
            if self.reason.startswith(("is ", "has ", "cannot "))
            else f"`{self.file}`: {self.reason}"
        )

    def label(self) -> str:
        return f"{self.place} of the data file" if self.place else ""

    def help(self) -> str | None:
        return self.hint or "compare the file with its original, and fetch it again if they differ"


@problem
class PathRefused(Problem):
    """A `.net` file reads only below its own folder and the folders that the command line names, so that it is safe to run."""

    code = "E0504"
    example = _MODEL + f'train m {{ data = csv("../iris.csv", target = "species")  {_LOSS} }}\n'
    mended = _MODEL + f"train m {{ data = iris()  {_LOSS} }}\n"

    reason: str
    hint: str | None

    def headline(self) -> str:
        return self.reason

    def help(self) -> str | None:
        return self.hint


@problem
class DataRefused(Problem):
    """A data source or stage does not take its settings, or cannot work on this data."""

    code = "E0505"
    example = _MODEL + f"train m {{ data = iris() -> split(0.8, 0.3)  {_LOSS} }}\n"
    mended = example.replace("0.3", "0.2")

    reason: str
    hint: str | None

    def headline(self) -> str:
        return self.reason

    def help(self) -> str | None:
        return self.hint or "change its settings, or leave it out"


@problem
class MadeForNothing(Problem):
    """`mixup` and `cutmix` blend pictures of two classes, and say in the field `shares` how much of each there is. A loss of the
    first picture's `label` alone would learn what is wrong."""

    code = "E0509"
    example = (
        "net 1\nmodel m { input image: [batch, 8, 8, 1]  output logits = image -> flatten -> dense(10) }\n"
        f"train m {{ data = digits() -> mixup(0.2)  {_LOSS} }}\n"
    )
    mended = example.replace("(logits, label)", "(logits, shares)")

    stage: str
    field: str

    def headline(self) -> str:
        return f"`{self.stage}` makes the field `{self.field}`, and nothing reads it"

    def help(self) -> str | None:
        return f"train on it: `loss = (logits, {self.field}) -> cross_entropy`"


@problem
class NotARun(Problem):
    """The command works on what was trained, a folder that `dslc train` wrote; this one lacks a part of it."""

    code = "E0506"

    path: str
    missing: str

    def headline(self) -> str:
        return f"`{self.path}` is not the folder of a run: {self.missing}"

    def help(self) -> str | None:
        return "name a folder that `dslc train FILE -o RUN` wrote"


@problem
class InputRefused(Problem):
    """What `dslc predict` is given does not fit the inputs of the model."""

    code = "E0507"

    path: str
    reason: str
    wanted: tuple[tuple[str, str], ...]
    origins: tuple[Note, ...] = ()

    def headline(self) -> str:
        return f"`{self.path}` does not fit: {self.reason}"

    def notes(self) -> tuple[Note, ...]:
        return self.origins

    def help(self) -> str | None:
        return f"the model takes {', '.join(f'`{name}: {type}`' for name, type in self.wanted)}"


@problem
class NothingToSample(Problem):
    """A model of text is sampled by continuing a prompt; other models run the `sample` block that has the name of their train block."""

    code = "E0508"

    model: str

    def headline(self) -> str:
        return f"`{self.model}` does not continue text, and the file has no block `sample {self.model}`"

    def label(self) -> str:
        return "trained here"

    def help(self) -> str | None:
        return (
            f"add one: `sample {self.model}(n = 16) {{ output y = normal([n, 20]) -> model }}`; or use `dslc predict`"
        )


def from_failure(span: Span, failure: DataFailure, only_note: bool = False) -> Problem:
    """What reading data raised, said at the place of the source where the data is named."""
    match failure:
        case MissingFailure():
            cls = DataNotThereYet if only_note else DataMissing
            return cls(span, str(failure), tuple(map(str, failure.looked)), failure.help)
        case BrokenFailure():
            return DataBroken(span, failure.file.name, _place(failure), failure.reason, failure.help)
        case RefusedPath():
            return PathRefused(span, failure.reason, failure.help)
        case _:
            return DataRefused(span, failure.reason, failure.help)


def _place(failure: BrokenFailure) -> str:
    if failure.line is not None:
        return f"line {failure.line:,}"
    return f"byte {failure.offset:,}" if failure.offset is not None else ""
