"""E04: the steps of a train block, the models that it applies, and what it samples."""

from dslc.errors.base import Note, Problem, problem

_MODELS = (
    "net 1\n"
    "model guess { input x: [batch, 4]  output y = x -> dense(3) }\n"
    "model judge { input y: [batch, 3]  output z = y -> dense(1) -> squeeze }\n"
)
_LOSS = "loss = (features -> guess -> judge, 1) -> binary_cross_entropy"


def _train(step: str, block: str = "") -> str:
    return f"{_MODELS}train both {{\n  data = iris()\n  {block}step first {{ {step} }}\n}}\n"


_REPEATED = """net 1
model m { input features: [batch, 4]  output y = features -> repeat 3 { dense(4) -> tanh } -> dense(3) }
train m {
  data = iris()
  step first { update = ["GLOB"]  loss = (y, label) -> cross_entropy }
}
"""
_FINE = _train(f"update = [guess]  {_LOSS}")


@problem
class SettingElsewhere(Problem):
    """A train block with steps has settings of two kinds: the data and the length of the run stand in the block, what is updated, and how often, in a step."""

    code = "E0430"
    example = _train(f"update = [guess]  {_LOSS}  epochs = 3")
    mended = _train(f"update = [guess]  {_LOSS}", "epochs = 3\n  ")

    name: str
    in_step: bool

    def headline(self) -> str:
        if self.in_step:
            return f"`{self.name}` is a setting of the train block, and stands in a step"
        return f"`{self.name}` is a setting of a step, and stands in the train block"

    def help(self) -> str | None:
        if self.in_step:
            return "move it out of the step"
        return f"write `step name {{ {self.name} = ...  loss = ... }}`"


@problem
class LossBesideSteps(Problem):
    """Each step makes a loss of its own small. A loss beside them would belong to no update."""

    code = "E0431"
    example = _train(f"update = [guess]  {_LOSS}", "loss = (features -> guess, label) -> cross_entropy\n  ")
    mended = _train(f"update = [guess]  {_LOSS}", "other = (features -> guess, label) -> cross_entropy\n  ")

    step: str

    def headline(self) -> str:
        return f"the train block has a loss, and a step `{self.step}` with a loss of its own"

    def help(self) -> str | None:
        return "move it into a step, or give it another name to have it logged"


@problem
class NotUpdated(Problem):
    """`update` lists what a step changes: models by their names, weights by globs of their paths in quotes."""

    code = "E0432"
    example = _train(f"update = guess  {_LOSS}")
    mended = _FINE

    def headline(self) -> str:
        return "`update` is a list of models and of globs in quotes"

    def help(self) -> str | None:
        return 'write `update = [generator]`, or `update = ["generator.*.kernel"]`'


@problem
class NoSuchWeights(Problem):
    """A step updates weights that the train block does not have: a model that nothing applies, or a path that no weight has."""

    code = "E0433"
    example = _train(f"update = [gues]  {_LOSS}")
    mended = _FINE

    text: str
    is_glob: bool
    nearest: str | None
    known: tuple[str, ...]

    def headline(self) -> str:
        if self.is_glob:
            return f'no weight has a path like "{self.text}"'
        return f"the train block applies no model `{self.text}` with weights"

    def help(self) -> str | None:
        if self.nearest:
            return f"did you mean `{self.nearest}`?"
        if not self.known:
            return "pipe a tensor into a model first"
        names = ", ".join(f"`{name}`" for name in self.known)
        return f"its weights are those of {names}; `dslc summary` shows their paths"


@problem
class NothingToUpdate(Problem):
    """The loss of a step does not depend on what the step updates, so that its gradient is zero: often a `stop_gradient` too many, or two names exchanged."""

    code = "E0434"
    example = _train(
        "update = [judge]  loss = (features -> guess, label) -> cross_entropy",
        "tell = features -> guess -> judge -> mean\n  ",
    )
    mended = _train(f"update = [judge]  {_LOSS}", "tell = features -> guess -> judge -> mean\n  ")

    step: str
    target: str

    def headline(self) -> str:
        return f"the loss of step `{self.step}` does not depend on `{self.target}`"

    def help(self) -> str | None:
        return f"let the loss read what `{self.target}` puts out, without a `stop_gradient` between, or update what it does read"


@problem
class PartOfRepeat(Problem):
    """The weights of a `repeat` are one stacked array, and a step updates it whole or not at all."""

    code = "E0442"
    example = _REPEATED.replace("GLOB", "repeat.0.*")
    mended = _REPEATED.replace("GLOB", "repeat.*")

    glob: str
    weight: str

    def headline(self) -> str:
        return f'"{self.glob}" means some layers of `{self.weight}`, which is updated whole'

    def help(self) -> str | None:
        return 'take all layers, and freeze the others: `group "blocks.0.*" { frozen = true }`'


@problem
class SettingsByHand(Problem):
    """In a train or sample block the name of a model is that one model, however often it is used: its settings are given once, not at each use."""

    code = "E0435"
    example = (
        "net 1\nmodel guess(width = 8) { input x: [batch, 4]  output y = x -> dense(width) -> dense(3) }\n"
        "train free { data = iris()  loss = (features -> guess(4), label) -> cross_entropy }\n"
    )
    mended = example.replace("guess(4)", "guess").replace("width = 8", "width = 4")

    model: str
    is_layer: bool = False

    def headline(self) -> str:
        return f"`{self.model}` takes no settings here"

    def help(self) -> str | None:
        if self.is_layer:
            return f"write `-> {self.model}`: its settings stand where the model names it"
        return f"write `-> {self.model}`; set the default in its head, choose a `variant`, or use `--set`"


@problem
class NoNamedLayer(Problem):
    """`model.layer` is a layer that the model has named by `layer name = ...`."""

    code = "E0436"
    example = (
        "net 1\nmodel m { input features: [batch, 4]  layer head = dense(3)  output y = features -> head }\n"
        "train m { data = iris()  loss = (features -> m.hed, label) -> cross_entropy }\n"
    )
    mended = example.replace("hed", "head")

    model: str
    name: str
    nearest: str | None
    known: tuple[str, ...]

    def headline(self) -> str:
        return f"`{self.model}` has no named layer `{self.name}`"

    def help(self) -> str | None:
        if self.nearest:
            return f"did you mean `{self.model}.{self.nearest}`?"
        if self.known:
            return "its named layers are " + ", ".join(f"`{name}`" for name in self.known)
        return f"name one in the model: `layer {self.name} = ...`"


@problem
class LayerNeedsTensor(Problem):
    """A named layer may read the tensors of its model. Used by itself, as `model.layer`, it has none of them: they depend on what the model is applied to."""

    code = "E0437"
    example = (
        "net 1\nmodel m { input features: [batch, 4]  layer add = (it + features)  output y = features -> dense(4) -> add }\n"
        "train m { data = iris()  loss = (features -> m.add -> dense(3), label) -> cross_entropy }\n"
    )
    mended = (
        "net 1\nmodel m { input features: [batch, 4]  layer add = (it + 1)  output y = features -> dense(4) -> add }\n"
        "train m { data = iris()  loss = (features -> m.add -> dense(3), label) -> cross_entropy }\n"
    )

    layer: str
    name: str
    origins: tuple[Note, ...] = ()

    def headline(self) -> str:
        return f"`{self.layer}` reads `{self.name}`, a tensor that its model does not have here"

    def notes(self) -> tuple[Note, ...]:
        return self.origins

    def help(self) -> str | None:
        return f"pipe `{self.name}` into the layer, or apply the whole model"


@problem
class CopyMisplaced(Problem):
    """`snapshot` and `average` are copies of a model that a train block trains. Inside of a model, and of anything but a model, there is nothing to follow."""

    code = "E0438"
    example = (
        "net 1\nmodel m { input features: [batch, 4]  output y = features -> average(dense(3)) }\n"
        "train m { data = iris()  loss = (y, label) -> cross_entropy }\n"
    )
    mended = (
        "net 1\nmodel m { input features: [batch, 4]  output y = features -> dense(3) }\n"
        "train m { data = iris()  loss = (y, label) -> cross_entropy  late = (features -> average(m), label) -> cross_entropy }\n"
    )

    layer: str

    def headline(self) -> str:
        return f"`{self.layer}` takes the name of a model, in a train or sample block"

    def help(self) -> str | None:
        return f"write `x -> {self.layer}(model)` in the train block"


@problem
class CopyOfNothing(Problem):
    """A copy follows a model that is trained; this train block does not apply that model, so that the copy would never change."""

    code = "E0439"
    example = (
        "net 1\nmodel a { input x: [batch, 4]  output y = x -> dense(3) }\nmodel b { input x: [batch, 4]  output y = x -> dense(3) }\n"
        'train free { data = iris()  loss = (features -> a, features -> average(b) -> it[:, 0] -> cast("i32")) -> cross_entropy }\n'
    )
    mended = example.replace("average(b)", "average(a)")

    layer: str
    model: str
    weight: str

    def headline(self) -> str:
        return f"`{self.layer}({self.model})` follows a model that the train block does not apply"

    def label(self) -> str:
        return f"there is no weight `{self.weight}` to follow"

    def help(self) -> str | None:
        return f"pipe a tensor into `{self.model}` as well"


@problem
class CopyDiffers(Problem):
    """A train block has one `snapshot` and one `average` of a model, with weights under one name; it cannot follow in two ways."""

    code = "E0440"
    example = (
        "net 1\nmodel a { input x: [batch, 4]  output y = x -> dense(3) }\n"
        "train free { data = iris()  loss = (features -> a, label) -> cross_entropy\n"
        "  slow = features -> average(a, decay = 0.99) -> mean\n  fast = features -> average(a, decay = 0.9) -> mean }\n"
    )
    mended = example.replace("0.9)", "0.99)")

    layer: str
    model: str
    setting: str
    values: tuple[str, str]
    first: Note

    def headline(self) -> str:
        return f"`{self.layer}({self.model})` has `{self.setting} = {self.values[0]}` and `{self.setting} = {self.values[1]}`"

    def notes(self) -> tuple[Note, ...]:
        return (self.first,)

    def help(self) -> str | None:
        return "give both uses the same settings"


@problem
class NotTrained(Problem):
    """A sample block runs with the weights of a run of the train block of its name; that one has none of these."""

    code = "E0441"
    example = (
        "net 1\nmodel a { input x: [batch, 4]  output y = x -> dense(3) }\nmodel b { input x: [batch, 4]  output y = x -> dense(3) }\n"
        "train free { data = iris()  loss = (features -> a, label) -> cross_entropy }\n"
        "sample free(n = 4) { output y = normal([n, 4]) -> b }\n"
    )
    mended = example.replace("-> b }", "-> a }")

    train: str
    weight: str
    known: tuple[str, ...]

    def headline(self) -> str:
        return f"a run of `train {self.train}` has no weight `{self.weight}`"

    def help(self) -> str | None:
        if not self.known:
            return f"apply the model in `train {self.train}` too"
        return f"it trains {', '.join(f'`{name}`' for name in self.known)}: sample from these, or apply the model in the train block too"


@problem
class LayerOfModel(Problem):
    """In a train or sample block `model.layer` is a layer of that one model. Inside of a model each use of another is a new one, and a layer of it would belong to none."""

    code = "E0444"
    example = (
        "net 1\nmodel a { input x: [batch, 4]  layer head = dense(3)  output y = x -> head }\n"
        "model b { input x: [batch, 4]  output y = x -> a.head }\n"
    )
    mended = (
        "net 1\nblock head() = dense(3)\nmodel a { input x: [batch, 4]  output y = x -> head }\n"
        "model b { input x: [batch, 4]  output y = x -> head }\n"
    )

    def headline(self) -> str:
        return "a layer with a dot stands here, and is neither of an import nor of a model that this block trains"

    def help(self) -> str | None:
        return "to use a layer of another model here, make it a `block` and apply that in both"


@problem
class SampleInput(Problem):
    """A sample block begins with what it draws: nothing is given to it but constants in its head."""

    code = "E0445"
    example = (
        "net 1\nmodel m { input features: [batch, 4]  output y = features -> dense(3) }\n"
        "train m { data = iris()  loss = (y, label) -> cross_entropy }\n"
        "sample m(n = 8) { input z: [n, 4]  output y = z -> m }\n"
    )
    mended = example.replace("input z: [n, 4]", "z = normal([n, 4])")

    name: str

    def headline(self) -> str:
        return "a sample block has no input"

    def help(self) -> str | None:
        return f"draw it: `{self.name} = normal([n, 100])`"


@problem
class FieldsAreInputs(Problem):
    """The inputs of a train block are the fields of its data, which need no declaration."""

    code = "E0446"
    example = (
        "net 1\nmodel m { input features: [batch, 4]  output y = features -> dense(3) }\n"
        "train m { data = iris()  input features: [batch, 4]  loss = (y, label) -> cross_entropy }\n"
    )
    mended = example.replace("input features: [batch, 4]  loss", "loss")

    name: str

    def headline(self) -> str:
        return f"`{self.name}` is declared as an input of a train block"

    def help(self) -> str | None:
        return "take it out: the fields of the data are there by their names"
