"""E01: what is wrong with the syntax of a file."""

from collections.abc import Mapping
from dataclasses import dataclass

from dslc.errors.base import Edit, Fix, Problem, problem

WORDS = {
    "NAME": "a name", "INTEGER": "an integer", "FLOAT": "a number", "STRING": "a string in double quotes",
    "LPAR": "`(`", "RPAR": "`)`", "LSQB": "`[`", "RSQB": "`]`", "LBRACE": "`{`", "RBRACE": "`}`",
    "EQUAL": "`=`", "COMMA": "`,`", "COLON": "`:`", "SEMICOLON": "`;`", "DOT": "`.`", "MINUS": "`-`",
    "__ANON_0": "`->`", "$END": "the end of the file",
}  # fmt: skip
OPERATORS = {"+", "-", "*", "/", "//", "%", "**", "@", "==", "!=", "<", ">", "<=", ">="}
FRAMEWORK_HABITS = {
    "def": "a piece of graph is written `block name(settings) { ... }`",
    "class": "a network is written `model name(settings) { ... }`",
}
SLIPS: Mapping[str, str] = {
    "arrow": "stages are joined by `->`",
    "arrow_twice": "one arrow is enough",
    "arrow_ends": "name a stage behind the arrow, or take the arrow away",
    "quotes": 'strings stand in double quotes: `"mnist/"`',
    "character": "write `{}`",
    "space": "a space of another kind stands here: write a plain one, or none",
    "raised": "a power is written `**`",
    "logic": "the logical words are `and`, `or`, `not`",
    "equals": "a setting gets its value by `=`: `name = value`",
    "hint": "a setting states no type: `name = value`",
    "colon": "the type of a tensor stands behind a colon: `x: [batch, 4]`",
    "brackets": "a shape stands in square brackets: `[batch, 4]`",
    "comma": "put a comma between the two",
    "closing": "close the bracket before it: `{}`",
    "newline": "statements need nothing between them",
    "number": "write a digit on both sides of the point: `0.5`, `1.0`",
    "version": "a version of the language is one number: `net 1`",
    "comment": "a comment begins with `#`",
    "output": "what a block gives is written `output name = ...`",
    "let": "a statement begins with the name: `name = ...`",
    "for": "to repeat a piece of graph: `repeat i in 0..12 {{ ... }}`",
    "elif": "write `else if`",
    "pipe": "",
}
"""The way out of each kind of slip; `{}` is what is written then."""


@dataclass(frozen=True)
class Slip:
    """What was probably meant, as edits."""

    kind: str
    edits: tuple[Edit, ...]
    safe: bool

    def help(self) -> str:
        return SLIPS[self.kind].format(self.edits[0].replacement.strip())

    def fix(self) -> Fix:
        return Fix(self.edits, self.safe)


@problem
class UnexpectedCharacter(Problem):
    """A character that no word of the language begins with, often a quote, a semicolon or a sign of another language."""

    code = "E0101"
    example = "net 1\nmodel m { input x: [batch, 2]  output y = x -> dense(1) $ }\n"
    mended = "net 1\nmodel m { input x: [batch, 2]  output y = x -> dense(1) }\n"

    char: str
    slip: Slip | None = None

    def headline(self) -> str:
        if self.char == '"':
            return "this string does not end on its line"
        return f"`{self.char}` means nothing here"

    def help(self) -> str | None:
        if self.slip:
            return self.slip.help()
        if self.char in "'\"":
            return 'a string stands in double quotes, on one line: `"mnist/"`'
        if self.char in "&|!":
            return SLIPS["logic"]
        return "remove it"

    def fix(self) -> Fix | None:
        return self.slip.fix() if self.slip else None


@problem
class UnexpectedWord(Problem):
    """The parser met a word that cannot stand where it stands; what could is in the message."""

    code = "E0102"
    example = "net 1\nmodel m { input x: [batch, 2]  output y = x -> -> dense(1) }\n"
    mended = "net 1\nmodel m { input x: [batch, 2]  output y = x -> dense(1) }\n"

    word: str
    expected: tuple[str, ...]
    after_stage: bool
    slip: Slip | None = None

    def headline(self) -> str:
        what = f"`{self.word}`" if self.word else "the end of the file"
        if self.slip and self.slip.kind == "arrow_ends":
            return "nothing follows this arrow"
        if self.word in OPERATORS and self.after_stage:
            return f"{what} after a pipe: a pipe inside arithmetic stands in parentheses"
        return f"{what} cannot stand here"

    def label(self) -> str:
        if self.word in OPERATORS and self.after_stage:
            return "the arrow binds loosest, so this would belong to the last stage"
        if self.slip:
            return ""
        likely = [WORDS[name] for name in self.expected if name in WORDS]
        if not likely or len(likely) > 6:
            return ""
        return f"expected {' or '.join(likely)}"

    def help(self) -> str | None:
        if self.slip and self.slip.kind != "pipe":
            return self.slip.help()
        if self.word in OPERATORS and self.after_stage:
            return f"write `(x -> layer) {self.word} y`, or name the pipe's result first"
        if self.word in FRAMEWORK_HABITS:
            return FRAMEWORK_HABITS[self.word]
        if self.word == "{":
            return "braces follow `repeat ...`, `if ...`, or a combinator such as `residual`, where a stage stands"
        if self.word == "=":
            return "a statement begins with a name: `name = value`"
        if self.word in {")", "]", "}"}:
            return f"remove this `{self.word}`, or open it before"
        return "see the language page of the documentation, or `dslc explain E0102`"

    def fix(self) -> Fix | None:
        return self.slip.fix() if self.slip else None


@problem
class Unclosed(Problem):
    """A bracket is opened and never closed."""

    code = "E0103"
    example = "net 1\nmodel m { input x: [batch, 2]  output y = x -> dense(1)\n"
    mended = "net 1\nmodel m { input x: [batch, 2]  output y = x -> dense(1) }\n"

    bracket: str

    def headline(self) -> str:
        return f"`{self.bracket}` is never closed"

    def label(self) -> str:
        return "opened here"

    def help(self) -> str | None:
        return f"add `{ {'(': ')', '[': ']', '{': '}'}[self.bracket] }`"


@problem
class NestedTooDeep(Problem):
    """Brackets are nested deeper than any model needs; a limit keeps checking a file fast and safe."""

    code = "E0104"
    example = "net 1\nmodel m { input x: [batch, 2]  output y = " + "(" * 101 + "x" + ")" * 101 + " }\n"
    mended = "net 1\nmodel m { input x: [batch, 2]  output y = (x) }\n"

    limit: int

    def headline(self) -> str:
        return f"brackets are nested more than {self.limit} deep"

    def help(self) -> str | None:
        return "name the inner part and use the name"


@problem
class NumberTooLong(Problem):
    """A number has more digits than any size, rate or seed could have."""

    code = "E0105"
    example = "net 1\nmodel m { input x: [batch, 2]  output y = x -> dense(1" + "0" * 301 + ") }\n"
    mended = "net 1\nmodel m { input x: [batch, 2]  output y = x -> dense(10) }\n"

    limit: int

    def headline(self) -> str:
        return f"a number of more than {self.limit} digits"

    def help(self) -> str | None:
        return "write it shorter, such as `1e-3` or `20_000`"


@problem
class UnknownEscape(Problem):
    """In a string a backslash stands before a character that means something else by it, and these are few."""

    code = "E0110"
    example = 'net 1\nmodel m { require true, "a \\d"  input x: [batch, 2]  output y = x -> dense(1) }\n'
    mended = 'net 1\nmodel m { require true, "a \\\\d"  input x: [batch, 2]  output y = x -> dense(1) }\n'

    sign: str

    def headline(self) -> str:
        return f"`\\{self.sign}` means nothing in a string"

    def help(self) -> str | None:
        return r"there are `\n`, `\t`, `\r`, `\"`, `\\`, `\x41` and `\u0041`; a backslash itself is written `\\`"


@problem
class NumberTooLarge(Problem):
    """A number with a point or an exponent is a float of 64 bits, and those end at about `1.8e308`."""

    code = "E0111"
    example = "net 1\nmodel m { input x: [batch, 2]  output y = x -> dropout(1e999) }\n"
    mended = "net 1\nmodel m { input x: [batch, 2]  output y = x -> dropout(1e-1) }\n"

    def headline(self) -> str:
        return "a number beyond what a float can be"

    def help(self) -> str | None:
        return "write a number below `1.8e308`"


@problem
class ChainTooLong(Problem):
    """Operators, indices and calls one behind the other make a tree of as many levels; a limit keeps checking a file fast
    and safe."""

    code = "E0112"
    example = "net 1\nmodel m(a = 1" + " + 1" * 1001 + ") { input x: [batch, 2]  output y = x -> dense(a) }\n"
    mended = "net 1\nmodel m(a = 1002) { input x: [batch, 2]  output y = x -> dense(a) }\n"

    limit: int

    def headline(self) -> str:
        return f"an expression of more than {self.limit:,} operators"

    def help(self) -> str | None:
        return "name a part of it, or write `sum([...])`"


@problem
class TooManyFaults(Problem):
    """So many parts of the file have an error of syntax that the rest was not read: perhaps it is in another language."""

    code = "E0113"
    example = "net 1\n" + "model m { = }\n" * 100
    mended = "net 1\nmodel m { input x: [batch, 2]  output y = x -> dense(1) }\n"

    limit: int

    def headline(self) -> str:
        return f"{self.limit} errors of syntax: what follows is not read"

    def help(self) -> str | None:
        return "mend the first ones; the others may go with them"
