"""From the parser's reductions to the frozen nodes of `tree`, while Lark parses.

Every method gets all children of its rule, tokens of punctuation included, so that a node's span runs from its first
character to its last.
"""

import math
import re
from collections.abc import Sequence
from typing import Any

from lark import Token, Transformer

from dslc.errors.base import Problem
from dslc.errors.parse import NumberTooLarge, UnknownEscape
from dslc.parse import tree
from dslc.source import Span

Children = Sequence[Any]


def trees(children: Children) -> list[Any]:
    """The children that are no punctuation."""
    return [child for child in children if isinstance(child, tree.Tree)]


def has(children: Children, *words: str) -> bool:
    return any(isinstance(child, Token) and child in words for child in children)


ESCAPES = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\"}
ESCAPE = re.compile(r"\\(?:x[0-9a-fA-F]{2}|u(?![dD][89a-fA-F])[0-9a-fA-F]{4}|.)")


class Shaper(Transformer[Token, Any]):
    """Makes tree nodes; one method for each rule of the grammar."""

    def __init__(self) -> None:
        super().__init__()
        self.start("")

    def start(self, file: str, offset: int = 0, holes: frozenset[int] = frozenset()) -> None:
        """Begin with a text that stands at an offset of a file; `holes` are where values stood that cannot be read."""
        self.file, self.offset, self.holes = file, offset, holes
        self.problems: list[Problem] = []

    def span(self, children: Children) -> Span:
        if not children:
            return Span(self.file, 0, 0)
        return Span(self.file, self._ends(children[0])[0], self._ends(children[-1])[1])

    def _ends(self, child: Any) -> tuple[int, int]:
        if isinstance(child, tree.Tree):
            return child.span.start, child.span.end
        if isinstance(child, tuple):  # what `braces`, `arguments` and the like collected: (span, ...)
            return child[0].start, child[0].end
        return child.start_pos + self.offset, child.end_pos + self.offset

    def _at(self, token: Token) -> Span:
        return Span(self.file, *self._ends(token))

    def token_name(self, token: Token) -> tree.Name:
        return tree.Name(self._at(token), str(token))

    def _text(self, token: Token) -> tree.Text:
        return tree.Text(self._at(token), self.text_of(token))

    def text_of(self, token: Token) -> str:
        """The text of a string literal."""
        return ESCAPE.sub(lambda found: self._escaped(token, found), token[1:-1]) if "\\" in token else token[1:-1]

    def _escaped(self, token: Token, found: re.Match[str]) -> str:
        sign = found[0][1:]
        if len(sign) > 1:
            return chr(int(sign[1:], 16))
        if sign not in ESCAPES:
            at = self._at(token).start + 1 + found.start()
            self.problems.append(UnknownEscape(Span(self.file, at, at + 2), sign))
        return ESCAPES.get(sign, sign)

    def _names(self, children: Children) -> tuple[tree.Name, ...]:
        return tuple(self.token_name(child) for child in children if isinstance(child, Token) and child.type == "NAME")

    # Top level

    def net(self, children: Children) -> tree.File:
        header = children[0] if children and isinstance(children[0], tree.Header) else None
        return tree.File(self.span(children), header, tuple(trees(children)[header is not None :]))

    def header(self, children: Children) -> tree.Header:
        return tree.Header(self.span(children), _int(children[1]))

    def import_file(self, children: Children) -> tree.Import:
        return tree.Import(self.span(children), self.text_of(children[1]), True, self._alias(children))

    def import_module(self, children: Children) -> tree.Import:
        return tree.Import(self.span(children), _dotted(children[1]), False, self._alias(children))

    def _alias(self, children: Children) -> tree.Name | None:
        return self.token_name(children[-1]) if has(children, "as") else None

    def dotted(self, children: Children) -> Any:
        value: Any = self.token_name(children[0])
        for name in children[2::2]:
            value = tree.Attribute(value.span.to(self.token_name(name).span), value, str(name))
        return value

    def block(self, children: Children) -> tree.Block:
        parts = trees(children)
        signature = next((part for part in parts if isinstance(part, tree.Signature)), None)
        chain = next((part for part in parts if isinstance(part, tree.Pipe)), None)
        return tree.Block(
            self.span(children),
            str(children[0]),
            self.token_name(children[1]),
            _collected(children, "parameters"),
            signature,
            chain,
            _collected(children, "braces"),
        )

    def signature(self, children: Children) -> tree.Signature:
        return tree.Signature(self.span(children), children[0][2], children[2][2])

    def types(self, children: Children) -> tuple[Span, str, tuple[tree.TypeTree, ...]]:
        return self.span(children), "types", tuple(trees(children))

    def parameters(self, children: Children) -> tuple[Span, str, tuple[Any, ...]]:
        return self.span(children), "parameters", tuple(trees(children))

    def parameter(self, children: Children) -> tree.Parameter:
        return tree.Parameter(
            self.span(children), self.token_name(children[0]), children[2] if len(children) > 2 else None
        )

    def variant(self, children: Children) -> tree.Variant:
        return tree.Variant(self.span(children), self.token_name(children[1]), children[3], children[4][2])

    def section(self, children: Children) -> tree.Section:
        return tree.Section(
            self.span(children),
            str(children[0]),
            self.token_name(children[1]),
            _collected(children, "parameters"),
            _collected(children, "braces"),
        )

    def weights(self, children: Children) -> tree.WeightsSection:
        return tree.WeightsSection(self.span(children), self._text(children[1]), children[2][2])

    def braces(self, children: Children) -> tuple[Span, str, tuple[Any, ...]]:
        return self.span(children), "braces", tuple(trees(children))

    # Statements

    def declaration(self, children: Children) -> tree.Declaration:
        value = children[5] if len(children) > 5 else None
        return tree.Declaration(self.span(children), str(children[0]), self.token_name(children[1]), children[3], value)

    def output(self, children: Children) -> tree.Output:
        parts = trees(children)
        kind = next((part for part in parts if isinstance(part, tree.TypeTree)), None)
        value = next((part for part in parts if isinstance(part, tree.Pipe)), None)
        return tree.Output(self.span(children), children[1][2], kind, value)

    def names(self, children: Children) -> tuple[Span, str, tuple[tree.Name, ...]]:
        return self.span(children), "names", self._names(children)

    def next(self, children: Children) -> tree.Next:
        return tree.Next(self.span(children), self.token_name(children[1]), children[3])

    def layer(self, children: Children) -> tree.LayerStatement:
        return tree.LayerStatement(self.span(children), self.token_name(children[1]), children[3])

    def require(self, children: Children) -> tree.Require:
        message = self.text_of(children[3]) if len(children) > 3 else None
        return tree.Require(self.span(children), children[1], message)

    def assign(self, children: Children) -> tree.Assign:
        return tree.Assign(self.span(children), children[0][2], children[2])

    def step(self, children: Children) -> tree.Step:
        return tree.Step(self.span(children), self.token_name(children[1]), children[2][2])

    def group(self, children: Children) -> tree.WeightGroup:
        globs = tuple(self._text(child) for child in children if isinstance(child, Token) and child.type == "STRING")
        return tree.WeightGroup(self.span(children), globs, children[-1][2])

    def mapping(self, children: Children) -> tree.Mapping:
        return tree.Mapping(self.span(children), self._text(children[0]), children[2])

    # Types

    def type(self, children: Children) -> tree.TypeTree:
        named = isinstance(children[0], Token) and children[0].type == "NAME"
        sizes = tuple(
            tree.Anything(size.span) if isinstance(size, tree.Name) and size.text == "_" else size
            for size in trees(children)
        )
        return tree.TypeTree(self.span(children), str(children[0]) if named else None, sizes)

    def bound(self, children: Children) -> tree.Bound:
        return tree.Bound(self.span(children), self.token_name(children[0]), children[2])

    def dots(self, children: Children) -> tree.Dots:
        return tree.Dots(self.span(children))

    # Pipes

    def pipe(self, children: Children) -> tree.Pipe:
        return tree.Pipe(self.span(children), tuple(trees(children)))

    def stage(self, children: Children) -> tree.Stage:
        label = self.token_name(children[2]) if len(children) > 2 and children[1] == "as" else None
        kind = children[-1] if isinstance(children[-1], tree.TypeTree) else None
        return tree.Stage(self.span(children), children[0], label, kind)

    head = stage

    def combinator(self, children: Children) -> tree.Combinator:
        call, branches = children[0], tuple(trees(children[1:]))
        if isinstance(call, tree.Call):
            return tree.Combinator(self.span(children), call.callee, call.arguments, branches)
        return tree.Combinator(self.span(children), call, (), branches)

    def branch(self, children: Children) -> tree.If:
        parts = trees(children)
        return tree.If(self.span(children), parts[0], parts[1], parts[2] if len(parts) > 2 else None)

    def repeat(self, children: Children) -> tree.Repeat:
        over, body = trees(children)
        return tree.Repeat(self.span(children), self._names(children), over, body)

    # Expressions

    def binary(self, children: Children) -> tree.Binary:
        left, operator, right = children
        return tree.Binary(self.span(children), str(operator), left, right, self.span([operator]))

    range = disjunction = conjunction = power = binary

    def minus(self, children: Children) -> tree.Unary:
        return tree.Unary(self.span(children), str(children[0]), children[1])

    inverse = minus

    def attribute(self, children: Children) -> tree.Attribute:
        return tree.Attribute(self.span(children), children[0], str(children[2]))

    def index(self, children: Children) -> tree.Index:
        return tree.Index(self.span(children), children[0], tuple(trees(children[1:])))

    def slice(self, children: Children) -> tree.Slice:
        parts: list[Any] = [None]
        for child in children:
            if isinstance(child, Token):
                parts.append(None)
            else:
                parts[-1] = child
        return tree.Slice(self.span(children), parts[0], parts[1], parts[2] if len(parts) > 2 else None)

    def call(self, children: Children) -> tree.Call:
        return tree.Call(self.span(children), children[0], children[1][2])

    def arguments(self, children: Children) -> tuple[Span, str, tuple[tree.Item, ...]]:
        return self.span(children), "arguments", tuple(trees(children))

    def item(self, children: Children) -> tree.Item:
        if len(children) == 1:
            return tree.Item(self.span(children), None, children[0])
        return tree.Item(self.span(children), str(children[0]), children[2])

    def name(self, children: Children) -> tree.Name | tree.Lost:
        name = self.token_name(children[0])
        return tree.Lost(name.span) if name.span.start in self.holes else name

    def it(self, children: Children) -> tree.It:
        return tree.It(self.span(children))

    def integer(self, children: Children) -> tree.Literal:
        return tree.Literal(self.span(children), _int(children[0]))

    def real(self, children: Children) -> tree.Literal:
        value = float(children[0].replace("_", ""))
        if math.isinf(value):
            self.problems.append(NumberTooLarge(self._at(children[0])))
        return tree.Literal(self.span(children), value)

    def string(self, children: Children) -> tree.Literal:
        return tree.Literal(self.span(children), self.text_of(children[0]))

    def constant(self, children: Children) -> tree.Literal:
        return tree.Literal(self.span(children), {"true": True, "false": False, "none": None}[str(children[0])])

    def list(self, children: Children) -> tree.List:
        return tree.List(self.span(children), tuple(trees(children)))

    def parentheses(self, children: Children) -> tree.Tree:
        items = tuple(trees(children))
        if len(items) == 1 and items[0].name is None and children[-2] != ",":
            return tree.Group(self.span(children), items[0].value)
        return tree.Tuple(self.span(children), items)


def _int(token: Token) -> int:
    return int(token.replace("_", ""))


def _dotted(value: Any) -> str:
    return f"{_dotted(value.value)}.{value.name}" if isinstance(value, tree.Attribute) else value.text


def _collected(children: Children, kind: str) -> tuple[Any, ...]:
    return next((child[2] for child in children if isinstance(child, tuple) and child[1] == kind), ())
