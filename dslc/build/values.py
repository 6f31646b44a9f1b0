"""What an expression of the language is worth while a graph is being built."""

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from dslc.graph import Ref
from dslc.parse import tree
from dslc.resolve import dotted
from dslc.source import Span
from dslc.types import Type

if TYPE_CHECKING:
    from dslc.build.frame import Frame, Place
    from dslc.build.scope import Env


class Skip(Exception):
    """Leaves a statement whose problem is reported; what it would have named is `Broken`."""


@dataclass(frozen=True)
class Broken:
    """Stands for the value of a statement that failed: whoever reads it fails silently."""


BROKEN = Broken()


@dataclass(frozen=True)
class Tensor:
    """One output of a node, in the graph (outermost, or the body of a region) in which it was made."""

    ref: Ref
    type: Type
    home: "Frame"


@dataclass(frozen=True)
class Bundle:
    """Several values in parentheses, some of them with a name."""

    items: tuple[Any, ...]
    names: tuple[str | None, ...]

    @classmethod
    def of(cls, items: tuple[Any, ...]) -> "Bundle":
        return cls(items, (None,) * len(items))


@dataclass(frozen=True)
class Symbol:
    """A layer, initializer or the like, named as a setting; what it is shows when it is used."""

    callee: tree.Tree
    arguments: tuple[tree.Item, ...]
    env: "Env"
    span: Span


@dataclass(frozen=True)
class Layer:
    """A `layer name = ...`: a local function whose weights stand at one place, however often it is used."""

    name: str
    value: tree.Tree
    env: "Env"
    place: "Place"


@dataclass(frozen=True)
class Varying:
    """A number that is another one in each iteration of a long `repeat`, whose iterations are built all at once."""

    values: tuple[Any, ...]


class Apart(Exception):
    """Iterations that were built all at once are not one graph: from the iteration `at` on something is different."""

    def __init__(self, at: int = 0) -> None:
        super().__init__(at)
        self.at = at


@dataclass(frozen=True)
class Inside:
    """A place inside of a named layer, whose weights are reached by further dots."""

    name: str
    place: "Place"


@dataclass(frozen=True)
class Taps:
    """The values that the iterations of a labelled `repeat` give: each is put out only when something reads it."""

    pieces: tuple["Any", ...]
    """A value for an iteration by itself, a `Looped` for each one of a region."""


@dataclass(frozen=True)
class Looped:
    """An iteration of a region: the node, in its frame, and the place of the iteration in it."""

    home: "Frame"
    node: str
    place: int
    is_bundle: bool


@dataclass(frozen=True)
class Elsewhere:
    """A tensor of a model, read in one of its layers that is used by itself."""

    layer: str
    name: str
    use: Span


def kind_of(value: Any) -> str:
    """What a value is, in the words of a message."""
    kinds = ((bool, "true or false"), (int, "an int"), (Fraction, "a fraction"), (float, "a float"), (str, "a string"))
    for kind, words in kinds:
        if isinstance(value, kind):
            return words
    if value is None:
        return "none"
    names = {
        Tensor: "a tensor",
        Bundle: "a tuple",
        list: "a list",
        tuple: "a tuple",
        range: "a range",
        Symbol: "a layer",
        Layer: "a layer",
        Looped: "what an iteration gives",
        Elsewhere: "a tensor of a model",
        Inside: "a part of a layer",
        Taps: "the list of what the iterations give",
    }
    return names.get(type(value), "a symbolic size")


def show(value: Any) -> str:
    """A value as the language writes it."""
    if isinstance(value, bool) or value is None:
        return {True: "true", False: "false", None: "none"}[value]
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(show, value))}]"
    if isinstance(value, Tensor):
        return str(value.type)
    if isinstance(value, Symbol):
        return dotted(value.callee) or "a layer"
    if isinstance(value, Layer):
        return value.name
    return kind_of(value) if isinstance(value, Bundle | Inside | Taps | Looped | Elsewhere) else str(value)
