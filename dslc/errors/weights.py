"""E045 and E051: weights by their paths, and files that hold some."""

from typing import ClassVar, Literal

from dslc.errors.base import Edit, Fix, Note, Problem, problem
from dslc.source import Span

_MODEL = "net 1\nmodel m { input features: [batch, 4]  output logits = features -> dense(3) }\n"
_TRAIN = "train m { data = iris()  loss = (logits, label) -> cross_entropy  "


@problem
class NoSuchWeight(Problem):
    """A glob in a `group` or a `weights` section says which weights are meant. One that means none is misspelt."""

    code = "E0450"
    example = _MODEL + _TRAIN + 'group "*.bais" { lr = 0.1 } }\n'
    mended = _MODEL + _TRAIN + 'group "*.bias" { lr = 0.1 } }\n'

    glob: str
    nearest: str | None
    """The path most like it."""
    meant: str | None
    """What to write instead."""

    def headline(self) -> str:
        return f"no weight is called `{self.glob}`"

    def help(self) -> str | None:
        if self.nearest is None:
            return "the model has no weights"
        if self.meant is not None:
            return f'did you mean `"{self.meant}"`?'
        return f"the nearest path is `{self.nearest}`; `*` stands for any run of characters, dots included"

    def fix(self) -> Fix | None:
        return self.rewritten(self.meant and f'"{self.meant}"', safe=False)


@problem
class NoDecay(Problem):
    """`decay` in a `group` takes the place of the optimizer's own, so that it acts the same way. An optimizer without one has none to change."""

    code = "E0451"
    example = _MODEL + _TRAIN + 'optimizer = adam()  group "*.bias" { decay = 0 } }\n'
    mended = _MODEL + _TRAIN + 'optimizer = adamw()  group "*.bias" { decay = 0 } }\n'

    optimizer: str
    known: tuple[str, ...]

    def headline(self) -> str:
        return f"`{self.optimizer}` has no weight decay for a group to change"

    def help(self) -> str | None:
        return f"use an optimizer with `decay`: {', '.join(f'`{name}`' for name in self.known)}"


@problem
class AllFrozen(Problem):
    """Groups freeze the weights that training is not to change; when they freeze all of them, nothing is left to train."""

    code = "E0452"
    example = _MODEL + _TRAIN + 'group "*" { frozen = true } }\n'
    mended = _MODEL + _TRAIN + 'group "*.bias" { frozen = true } }\n'

    def headline(self) -> str:
        return "every weight is frozen"

    def help(self) -> str | None:
        return "freeze fewer of them: a later group may say `frozen = false`"


def _some(names: tuple[str, ...], most: int = 3) -> str:
    shown = ", ".join(f"`{name}`" for name in names[:most])
    return f"{shown} and {len(names) - most:,} more" if len(names) > most else shown


@problem
class NotMapped(Problem):
    """A `weights` section says of every weight of the model where it comes from, so that none is left at random by mistake."""

    code = "E0453"
    example = _MODEL + 'weights "a.safetensors" { "dense.kernel" = "fc.weight" -> transpose }\n'
    mended = _MODEL + 'weights "a.safetensors" { "dense.kernel" = "fc.weight" -> transpose  fresh = ["dense.bias"] }\n'

    names: tuple[str, ...]

    def headline(self) -> str:
        weights = (
            "a weight of the model gets" if len(self.names) == 1 else f"{len(self.names):,} weights of the model get"
        )
        return f"{weights} no value: {_some(self.names)}"

    def help(self) -> str | None:
        return f'map them: `"{self.names[0]}" = "..."`, or let them start anew: `fresh = ["{self.names[0]}"]`'


@problem
class NotUsed(Problem):
    """A `weights` section uses every tensor of its file or says that it does not, so that none is overlooked."""

    code = "E0454"

    file: str
    names: tuple[str, ...]

    def headline(self) -> str:
        tensors = "a tensor" if len(self.names) == 1 else f"{len(self.names):,} tensors"
        return f"{tensors} of `{self.file}` would not be used: {_some(self.names)}"

    def help(self) -> str | None:
        return f'map them, or leave them out: `unused = ["{self.names[0]}"]`'


@problem
class NoSuchTensor(Problem):
    """The right side of a `weights` section names tensors of the file."""

    code = "E0455"

    file: str
    name: str
    target: str
    """The weight that would be made of it; empty for one that is left out."""
    meant: str | None
    """What to write instead."""

    def headline(self) -> str:
        return f"`{self.file}` has no tensor `{self.name}`"

    def label(self) -> str:
        return f"for the weight `{self.target}`" if self.target else ""

    def help(self) -> str | None:
        return f'did you mean `"{self.meant}"`?' if self.meant else "its tensors have other names"

    def fix(self) -> Fix | None:
        return self.rewritten(self.meant and f'"{self.meant}"', safe=False)


@problem
class WeightUnfit(Problem):
    """What is made of the tensors of a file has to have the shape of the weight; stages behind the name can change it."""

    code = "E0456"

    target: str
    wanted: str
    given: str
    stage: str | None
    """The stage behind the name that would make it fit."""

    def headline(self) -> str:
        return f"`{self.target}` is {self.wanted}, and this is {self.given}"

    def help(self) -> str | None:
        if self.stage is None:
            return "change it by stages behind the name, such as `-> reshape([...])`, or by a slice"
        return f"write `-> {self.stage}` behind it"

    def fix(self) -> Fix | None:
        end = Span(self.span.file, self.span.end, self.span.end)
        return None if self.stage is None else Fix((Edit(end, f" -> {self.stage}"),), safe=False)


@problem
class MappedTwice(Problem):
    """A weight has one value: it is mapped in one line, or starts anew."""

    code = "E0457"
    example = _MODEL + 'weights "a.safetensors" { "dense.*" = "fc.*"  "dense.bias" = "b" }\n'
    mended = _MODEL + 'weights "a.safetensors" { "dense.*" = "fc.*" }\n'

    name: str
    other: str
    """What else is said of it: `mapped` or `fresh`."""
    first: Span

    def headline(self) -> str:
        return f"`{self.name}` is {self.other} already"

    def notes(self) -> tuple[Note, ...]:
        return (Note(self.first, f"{self.other} here"),)

    def help(self) -> str | None:
        return "keep one of the two"


@problem
class BadMapping(Problem):
    """A line of a `weights` section is `"path" = "tensor" -> stages`, with the same wildcards on both sides, or a list: `unused`, `fresh`."""

    code = "E0458"
    example = _MODEL + 'weights "a.safetensors" { "dense.*" = "*.fc.*" }\n'
    mended = _MODEL + 'weights "a.safetensors" { "dense.*" = "fc.*" }\n'

    what: str
    hint: str

    def headline(self) -> str:
        return self.what

    def help(self) -> str | None:
        return self.hint


@problem
class StartUnfit(Problem):
    """`start` begins from the weights of another run of the same model; those of another one go through a `weights` section."""

    code = "E0459"

    file: str
    names: tuple[str, ...]
    what: str

    def headline(self) -> str:
        return f"`{self.file}` does not fit the model: {_some(self.names)} {self.what}"

    def help(self) -> str | None:
        return f'take what fits by a section: `weights "{self.file}" {{ "*" = "*"  fresh = [...]  unused = [...] }}`'


@problem
class WeightsMissing(Problem):
    """The file of a `weights` section or of `start` is not where it is looked for. To check a file this is a note."""

    code = "E0510"
    example = _MODEL + 'weights "a.safetensors" { "dense.*" = "fc.*" }\n'
    mended = _MODEL

    path: str
    looked: tuple[str, ...]

    def headline(self) -> str:
        return f"`{self.path}` is not there, so its names and shapes are not checked"

    def label(self) -> str:
        return f"looked for {' and '.join(f'`{place}`' for place in self.looked[:3])}"

    def help(self) -> str | None:
        return "put it beside the `.net` file, or name its folder with `--data DIR`"


@problem
class WeightsNotThereYet(WeightsMissing):
    """The file of a `weights` section or of `start` is not where it is looked for. Training needs it; checking does not."""

    severity: ClassVar[Literal["error", "warning", "note"]] = "note"


@problem
class WeightsRefused(Problem):
    """Weights are read from safetensors files and from npz files without Python objects: reading them runs no code."""

    code = "E0511"
    example = _MODEL + 'weights "a.pt" { "dense.*" = "fc.*" }\n'
    mended = _MODEL + 'weights "a.safetensors" { "dense.*" = "fc.*" }\n'

    reason: str
    hint: str

    def headline(self) -> str:
        return self.reason

    def help(self) -> str | None:
        return self.hint
