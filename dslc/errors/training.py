"""E04: what a train block asks for."""

from dslc.errors.base import Fix, Note, Problem, problem

_MODEL = "net 1\nmodel m { input features: [batch, 4]  output logits = features -> dense(3) }\n"
_LOSS = "loss = (logits, label) -> cross_entropy"


@problem
class UnknownTrainSetting(Problem):
    """In a train block a name bound to a constant must be a setting that training knows; constants of your own go in the head."""

    code = "E0401"
    example = _MODEL + f"train m {{ data = iris()  {_LOSS}  epoch = 3 }}\n"
    mended = _MODEL + f"train m {{ data = iris()  {_LOSS}  epochs = 3 }}\n"

    name: str
    nearest: str | None
    head: str
    sure: bool = False

    def headline(self) -> str:
        return f"training has no setting `{self.name}`"

    def help(self) -> str | None:
        own = f"a constant of your own goes in the head: `{self.head}({self.name} = ...)`"
        return f"did you mean `{self.nearest}`? {own}" if self.nearest else own

    def fix(self) -> Fix | None:
        return self.rewritten(self.nearest, self.sure)


@problem
class MissingTrainSetting(Problem):
    """A train block needs data to learn from and a loss to make small."""

    code = "E0402"
    example = _MODEL + "train m { data = iris() }\n"
    mended = _MODEL + f"train m {{ data = iris()  {_LOSS} }}\n"

    name: str
    suggestion: str
    owner: str = "the train block"

    def headline(self) -> str:
        return f"{self.owner} has no `{self.name}`"

    def help(self) -> str | None:
        return f"add `{self.suggestion}`"


@problem
class LossNotScalar(Problem):
    """Training makes one number small; a loss of any other shape has no single gradient."""

    code = "E0403"
    example = _MODEL + "train m { data = iris()  loss = (logits, label) -> cross_entropy(reduce = none) }\n"
    mended = _MODEL + f"train m {{ data = iris()  {_LOSS} }}\n"

    found: str

    def headline(self) -> str:
        return f"the loss is {self.found}, and must be one float"

    def help(self) -> str | None:
        return "reduce it: `... -> mean`"


@problem
class MetricAsLoss(Problem):
    """A metric gives sums to be added up over a whole part of the data; a loss gives the number that training makes small. Some
    things have both, with two names: `mse` is measured, `squared_error` is trained on."""

    code = "E0447"
    example = _MODEL.replace("dense(3)", "dense(4)") + "train m { data = iris()  loss = (logits, features) -> mse }\n"
    mended = example.replace("mse", "squared_error")

    metric: str

    def headline(self) -> str:
        return f"`{self.metric}` is a metric, and nothing to train on"

    def help(self) -> str | None:
        return f"measure it: `metrics = [{self.metric}]`; losses are `squared_error` for numbers, `cross_entropy` for classes"


@problem
class MetricTwice(Problem):
    """Metrics are logged by name, and those of a list are called as they are: of two with one name only one could be seen. One
    that is piped by hand has the name that you give it."""

    code = "E0448"
    example = _MODEL + f'train m {{ data = iris()  {_LOSS}  metrics = [f1, f1("micro")] }}\n'
    mended = _MODEL + f'train m {{ data = iris()  {_LOSS}  metrics = [f1]  micro = (logits, label) -> f1("micro") }}\n'

    metric: str

    def headline(self) -> str:
        return f"two metrics are called `{self.metric}`, and only one of them could be logged"

    def help(self) -> str | None:
        return f"name this one: `other = (prediction, target) -> {self.metric}(...)`"


@problem
class MissingInput(Problem):
    """A model's inputs are looked up among the train block's own values, then among the fields of its data."""

    code = "E0404"
    example = (
        "net 1\nmodel m { input image: [batch, 4]  output logits = image -> dense(3) }\n"
        f"train m {{ data = iris()  {_LOSS} }}\n"
    )
    mended = example.replace("image", "features")

    model: str
    name: str
    fields: tuple[tuple[str, str], ...]
    origins: tuple[Note, ...]

    def headline(self) -> str:
        return f"nothing gives `{self.model}` its input `{self.name}`"

    def label(self) -> str:
        return "the data has " + ", ".join(f"`{name}: {type}`" for name, type in self.fields)

    def notes(self) -> tuple[Note, ...]:
        return self.origins

    def help(self) -> str | None:
        field = self.fields[0][0] if self.fields else "field"
        return f"rename the model's input, or write `{self.name} = {field}` in the train block"


@problem
class ClassesDiffer(Problem):
    """The model puts out one logit for each class, and the data has another number of classes."""

    code = "E0405"
    example = _MODEL.replace("dense(3)", "dense(5)") + f"train m {{ data = iris()  {_LOSS} }}\n"
    mended = _MODEL + f"train m {{ data = iris()  {_LOSS} }}\n"

    logits: int
    classes: int
    field: str
    origins: tuple[Note, ...]

    def headline(self) -> str:
        return f"`{self.field}` has {self.classes} classes in the data, and there are {self.logits} logits"

    def notes(self) -> tuple[Note, ...]:
        return self.origins

    def help(self) -> str | None:
        return f"end the model in `dense({self.classes})`"


@problem
class MetricsAmbiguous(Problem):
    """`metrics = [...]` takes the tensors of the only loss of the block; with several losses or none it must be said which."""

    code = "E0406"
    example = (
        _MODEL + "train m { data = iris()  a = (logits, label) -> cross_entropy  "
        "b = (logits, label) -> cross_entropy  loss = a + b  metrics = [accuracy] }\n"
    )
    mended = (
        _MODEL + "train m { data = iris()  a = (logits, label) -> cross_entropy  "
        "b = (logits, label) -> cross_entropy  loss = a + b  right = (logits, label) -> accuracy }\n"
    )

    count: int
    metric: str

    def headline(self) -> str:
        losses = "no loss layer" if self.count == 0 else f"{self.count} loss layers"
        return f"`metrics` takes what the only loss takes, and the block has {losses}"

    def help(self) -> str | None:
        return f"pipe the metric by hand: `name = (prediction, target) -> {self.metric}`"


@problem
class NotAMetric(Problem):
    """`metrics` is a list of metrics."""

    code = "E0407"
    example = _MODEL + f"train m {{ data = iris()  {_LOSS}  metrics = [acuracy] }}\n"
    mended = _MODEL + f"train m {{ data = iris()  {_LOSS}  metrics = [accuracy] }}\n"

    name: str
    nearest: str | None
    sure: bool = False

    def headline(self) -> str:
        return f"`{self.name}` is not a metric"

    def help(self) -> str | None:
        return f"did you mean `{self.nearest}`?" if self.nearest else "`dslc layers --json` lists the metrics"

    def fix(self) -> Fix | None:
        return self.renamed(self.name, self.nearest, self.sure)


@problem
class BothLengths(Problem):
    """The length of training is given in epochs or in steps, and both are written."""

    code = "E0408"
    example = _MODEL + f"train m {{ data = iris()  {_LOSS}  epochs = 3  steps = 10 }}\n"
    mended = _MODEL + f"train m {{ data = iris()  {_LOSS}  epochs = 3 }}\n"

    def headline(self) -> str:
        return "`epochs` and `steps` are both given"

    def help(self) -> str | None:
        return "keep one of them"

    def fix(self) -> Fix | None:
        return self.rewritten("", safe=False)


@problem
class NotData(Problem):
    """`data` is a source, followed by stages that change it: both are named, and neither is a tensor or a number."""

    code = "E0230"
    example = _MODEL + f"train m {{ data = 3  {_LOSS} }}\n"
    mended = _MODEL + f"train m {{ data = iris()  {_LOSS} }}\n"

    what: str

    def headline(self) -> str:
        return f"a {self.what} must stand here"

    def help(self) -> str | None:
        return "name one: `digits() -> split(0.8, 0.2)`"


@problem
class UnknownData(Problem):
    """`data` begins with a source and goes on with stages; both have catalogues of their own."""

    code = "E0409"
    example = _MODEL + f"train m {{ data = irises()  {_LOSS} }}\n"
    mended = _MODEL + f"train m {{ data = iris()  {_LOSS} }}\n"

    what: str
    name: str
    nearest: str | None
    known: tuple[str, ...]
    sure: bool = False

    def headline(self) -> str:
        return f"there is no {self.what} called `{self.name}`"

    def help(self) -> str | None:
        if self.nearest:
            return f"did you mean `{self.nearest}`?"
        return f"there are {', '.join(f'`{name}`' for name in self.known)}"

    def fix(self) -> Fix | None:
        return self.rewritten(self.nearest, self.sure)


@problem
class OutOfRange(Problem):
    """A setting of training has a value that cannot work."""

    code = "E0410"
    example = _MODEL + f"train m {{ data = iris()  {_LOSS}  batch = 0 }}\n"
    mended = _MODEL + f"train m {{ data = iris()  {_LOSS}  batch = 32 }}\n"

    name: str
    value: str
    wanted: str

    def headline(self) -> str:
        return f"`{self.name}` is {self.value}, and must be {self.wanted}"

    def help(self) -> str | None:
        return f"give a value that is {self.wanted}"
