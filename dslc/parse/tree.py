"""The syntax tree: frozen nodes, each with its span. It holds what was written and knows no layer."""

from dataclasses import dataclass

from dslc.source import Span


@dataclass(frozen=True, slots=True)
class Tree:
    """Any piece of syntax."""

    span: Span


# Expressions


@dataclass(frozen=True, slots=True)
class Literal(Tree):
    """A number, string, `true`, `false` or `none`."""

    value: int | float | str | bool | None


@dataclass(frozen=True, slots=True)
class Name(Tree):
    text: str


@dataclass(frozen=True, slots=True)
class Text(Tree):
    """A string where nothing but one may stand: a path or a glob."""

    text: str


@dataclass(frozen=True, slots=True)
class Lost(Tree):
    """Stands for a value whose syntax error is reported: whatever needs it is skipped."""


@dataclass(frozen=True, slots=True)
class It(Tree):
    """`it`: the value in the pipe."""


@dataclass(frozen=True, slots=True)
class Dots(Tree):
    """`...` in an index or a shape."""


@dataclass(frozen=True, slots=True)
class Item(Tree):
    """A member of a tuple or an argument of a call, with a name or without."""

    name: str | None
    value: Tree


@dataclass(frozen=True, slots=True)
class List(Tree):
    items: tuple[Tree, ...]


@dataclass(frozen=True, slots=True)
class Tuple(Tree):
    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Group(Tree):
    """An expression in parentheses."""

    value: Tree


@dataclass(frozen=True, slots=True)
class Unary(Tree):
    operator: str
    operand: Tree


@dataclass(frozen=True, slots=True)
class Binary(Tree):
    """Arithmetic, a comparison, `and`, `or` or a range `low..high`."""

    operator: str
    left: Tree
    right: Tree
    at: Span
    """Where the operator stands."""


@dataclass(frozen=True, slots=True)
class Attribute(Tree):
    value: Tree
    name: str


@dataclass(frozen=True, slots=True)
class Slice(Tree):
    start: Tree | None
    stop: Tree | None
    step: Tree | None


@dataclass(frozen=True, slots=True)
class Index(Tree):
    value: Tree
    parts: tuple[Tree, ...]


@dataclass(frozen=True, slots=True)
class Call(Tree):
    callee: Tree
    arguments: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Combinator(Tree):
    """A call followed by branches in braces: `fork(2) { a; b }`."""

    callee: Tree
    arguments: tuple[Item, ...]
    branches: tuple[Tree, ...]


@dataclass(frozen=True, slots=True)
class If(Tree):
    condition: Tree
    then: Tree
    otherwise: Tree | None


@dataclass(frozen=True, slots=True)
class Repeat(Tree):
    names: tuple[Name, ...]
    over: Tree
    body: Tree


@dataclass(frozen=True, slots=True)
class Stage(Tree):
    """One stage of a pipe, with its label and the type it is said to give."""

    value: Tree
    label: Name | None
    type: "TypeTree | None"


@dataclass(frozen=True, slots=True)
class Pipe(Tree):
    """`head -> stage -> stage`: the first stage is the head, a value or (where a stage stands) a layer."""

    stages: tuple[Stage, ...]


# Types


@dataclass(frozen=True, slots=True)
class Anything(Tree):
    """`_` in a shape."""


@dataclass(frozen=True, slots=True)
class Bound(Tree):
    """`seq <= 1024` in a shape."""

    name: Name
    limit: Tree


@dataclass(frozen=True, slots=True)
class TypeTree(Tree):
    dtype: str | None
    sizes: tuple[Tree, ...]


@dataclass(frozen=True, slots=True)
class Signature(Tree):
    inputs: tuple[TypeTree, ...]
    outputs: tuple[TypeTree, ...]


# Statements


@dataclass(frozen=True, slots=True)
class Declaration(Tree):
    """`input`, `param`, `state` or `carry`: a name with a type and perhaps a value."""

    kind: str
    name: Name
    type: TypeTree
    value: Tree | None


@dataclass(frozen=True, slots=True)
class Output(Tree):
    names: tuple[Name, ...]
    type: TypeTree | None
    value: Tree | None


@dataclass(frozen=True, slots=True)
class Next(Tree):
    name: Name
    value: Tree


@dataclass(frozen=True, slots=True)
class LayerStatement(Tree):
    name: Name
    value: Tree


@dataclass(frozen=True, slots=True)
class Require(Tree):
    condition: Tree
    message: str | None


@dataclass(frozen=True, slots=True)
class Assign(Tree):
    names: tuple[Name, ...]
    value: Tree


@dataclass(frozen=True, slots=True)
class Step(Tree):
    name: Name
    body: tuple[Tree, ...]


@dataclass(frozen=True, slots=True)
class WeightGroup(Tree):
    globs: tuple[Text, ...]
    body: tuple[Tree, ...]


@dataclass(frozen=True, slots=True)
class Mapping(Tree):
    """`"target" = source -> stages` in a `weights` section."""

    target: Text
    value: Tree


# Top level


@dataclass(frozen=True, slots=True)
class Parameter(Tree):
    """A setting in the head of a block or section."""

    name: Name
    default: Tree | None


@dataclass(frozen=True, slots=True)
class Header(Tree):
    version: int


@dataclass(frozen=True, slots=True)
class Import(Tree):
    path: str
    """A file's path as written, or the dotted name of a library module."""
    is_file: bool
    name: Name | None


@dataclass(frozen=True, slots=True)
class Block(Tree):
    """A `block` or a `model`: a chain with an optional signature, or a body of statements."""

    kind: str
    name: Name
    parameters: tuple[Parameter, ...]
    signature: Signature | None
    chain: Tree | None
    body: tuple[Tree, ...]


@dataclass(frozen=True, slots=True)
class Variant(Tree):
    name: Name
    of: Tree
    arguments: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class Section(Tree):
    """A `train`, `sample` or `search` section."""

    kind: str
    name: Name
    parameters: tuple[Parameter, ...]
    body: tuple[Tree, ...]


@dataclass(frozen=True, slots=True)
class WeightsSection(Tree):
    path: Text
    body: tuple[Tree, ...]


@dataclass(frozen=True, slots=True)
class File(Tree):
    header: Header | None
    parts: tuple[Tree, ...]
