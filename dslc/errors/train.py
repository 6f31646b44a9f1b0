"""E04: what goes wrong while a model trains."""

from dslc.errors.base import Problem, problem


@problem
class TooFewRows(Problem):
    """Training drops an incomplete last batch. A training part with fewer rows than a batch would leave nothing to learn from."""

    code = "E0421"

    rows: int
    batch: int

    def headline(self) -> str:
        return f"the training part has {self.rows:,} rows, and a batch takes {self.batch:,}"

    def help(self) -> str | None:
        return f"write `batch = {self.rows}` or less" if self.rows else "give the training part some rows"


@problem
class NotFinite(Problem):
    """A number became NaN or infinite. The step that did it is not applied, so the weights before it and the last checkpoint are good."""

    code = "E0422"

    step: int
    what: str
    """`NaN` or `infinity`."""
    path: str
    stage: str
    """`output` or `gradient` of the layer."""
    data: bool
    """An input of the graph: the data itself holds it."""
    checkpoint: int | None

    def headline(self) -> str:
        if self.data:
            return f"the data holds {self.what}: field `{self.path}` in step {self.step:,}"
        return f"{self.what} in step {self.step:,}: first in the {self.stage} of `{self.path}`"

    def label(self) -> str:
        return "" if self.data else f"`{self.path}` is the first with a number that is not finite"

    def help(self) -> str | None:
        if self.data:
            return "mend the data, or leave out the rows that hold it"
        kept = f"; the checkpoint of step {self.checkpoint:,} is good" if self.checkpoint is not None else ""
        return f"lower the learning rate, warm it up, or bound the gradients with `clip = 1.0`{kept}"


@problem
class RunExists(Problem):
    """A run writes into a folder of its own, so that no earlier one is lost."""

    code = "E0423"

    path: str
    resumable: bool

    def headline(self) -> str:
        return f"`{self.path}` is not empty"

    def help(self) -> str | None:
        other = "name another folder with `-o`"
        return f"go on with the run there by `--resume`, or {other}" if self.resumable else other


@problem
class CheckpointUnfit(Problem):
    """A checkpoint holds the arrays of the model that wrote it. With other layers or another optimizer they fit nothing."""

    code = "E0424"

    path: str
    names: tuple[str, ...]

    def headline(self) -> str:
        return f"`{self.path}` is of another model or optimizer"

    def label(self) -> str:
        shown = ", ".join(f"`{name}`" for name in self.names[:3])
        return f"{shown}{' and others' if len(self.names) > 3 else ''} differ"

    def help(self) -> str | None:
        return "undo the change to the file, or train anew in another folder with `-o`"


@problem
class NothingToStopBy(Problem):
    """Early stopping watches the loss on rows that the model does not learn from."""

    code = "E0425"

    def headline(self) -> str:
        return "`early_stop` has no validation part to watch"

    def help(self) -> str | None:
        return "split the data: `data = ... -> split(0.8, 0.1, 0.1)`"


@problem
class NothingToTrain(Problem):
    """Training changes weights, and this model has none."""

    code = "E0426"

    model: str

    def headline(self) -> str:
        return f"`{self.model}` has no weights to train"

    def help(self) -> str | None:
        return "add a layer with weights, such as `dense(10)`"


@problem
class NoOneModel(Problem):
    """A run is asked about one model, the one that its train block names. A block with a free title trains those that it applies, and a `sample` block says what to do with them."""

    code = "E0443"

    train: str

    def headline(self) -> str:
        return f"`train {self.train}` names no model of the file, and there is none to ask"

    def help(self) -> str | None:
        return f"say what to work out in a block `sample {self.train} {{ output y = ... }}`, and use `dslc sample`"
