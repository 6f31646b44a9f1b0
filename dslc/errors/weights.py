"""E045: weights by their paths."""

from dataclasses import dataclass

from dslc.errors.base import Problem

_MODEL = "net 1\nmodel m { input features: [batch, 4]  output logits = features -> dense(3) }\n"
_TRAIN = "train m { data = iris()  loss = (logits, label) -> cross_entropy  "


@dataclass(frozen=True)
class NoSuchWeight(Problem):
    """A glob in a `group` or a `weights` section says which weights are meant. One that means none is misspelt."""

    code = "E0450"
    example = _MODEL + _TRAIN + 'group "*.bais" { lr = 0.1 } }\n'
    mended = _MODEL + _TRAIN + 'group "*.bias" { lr = 0.1 } }\n'

    glob: str
    nearest: str | None

    def headline(self) -> str:
        return f"no weight is called `{self.glob}`"

    def help(self) -> str | None:
        if self.nearest is None:
            return "the model has no weights"
        return f"the nearest path is `{self.nearest}`; `*` stands for any run of characters, dots included"


@dataclass(frozen=True)
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


@dataclass(frozen=True)
class AllFrozen(Problem):
    """Groups freeze the weights that training is not to change; when they freeze all of them, nothing is left to train."""

    code = "E0452"
    example = _MODEL + _TRAIN + 'group "*" { frozen = true } }\n'
    mended = _MODEL + _TRAIN + 'group "*.bias" { frozen = true } }\n'

    def headline(self) -> str:
        return "every weight is frozen"

    def help(self) -> str | None:
        return "freeze fewer of them: a later group may say `frozen = false`"
