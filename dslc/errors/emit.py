"""E052: what cannot be written as a module of Python."""

from dslc.errors.base import Problem, problem


@problem
class NothingTrains(Problem):
    """`--emit python` writes a training program: forward, backward, updates and the loop. A model without a train block has
    none of these but the first."""

    code = "E0525"

    model: str

    def headline(self) -> str:
        return f"`{self.model}` has no train block, and `--emit python` writes a training program"

    def help(self) -> str | None:
        return f"add `train {self.model} {{ ... }}`, or use `--emit stablehlo` for the function of the model"


@problem
class NoForm(Problem):
    """A module of Python is printed from what JAX traces, one primitive after the other. For a few primitives that no layer
    of the catalogue needs in this way there is no text."""

    code = "E0526"

    primitive: str

    def headline(self) -> str:
        return f"there is no way yet to write `{self.primitive}` of JAX as Python"

    def label(self) -> str:
        return "a layer in this line is computed with it"

    def help(self) -> str | None:
        return "use `--emit stablehlo`, which has a form for everything"


@problem
class OptimizerEntangled(Problem):
    """In a module of Python the change of a weight is a function of this weight, its gradient and what is kept for it. Some
    optimizers look at several weights together, or start from values that differ from element to element."""

    code = "E0527"

    optimizer: str

    def headline(self) -> str:
        return f"the changes of `{self.optimizer}` cannot be written weight by weight"

    def help(self) -> str | None:
        return "use another optimizer, or `--emit stablehlo`"


@problem
class ScaledLoss(Problem):
    """In float16 a loss is scaled up before its backward pass, by a factor that follows from the steps so far, and a step that
    overflows is taken back. A module of Python has no text for that; in bf16 none of it is needed."""

    code = "E0528"

    precision: str

    def headline(self) -> str:
        return f"the scaling of the loss in {self.precision} cannot be written as Python yet"

    def help(self) -> str | None:
        return 'write `precision = "bf16"`, or use `--emit stablehlo`'


@problem
class DataDraws(Problem):
    """Some data stages draw anew for each batch, a crop or a mixture of two pictures. A module of Python takes the rows of a
    batch as they are."""

    code = "E0529"

    def headline(self) -> str:
        return "data stages that draw at random cannot be written as Python yet"

    def help(self) -> str | None:
        return "leave these stages out, or use `--emit stablehlo`"
