"""E02: settings that cannot be computed."""

from dslc.errors.base import Fix, Problem, problem

RANGES = {"sqrt": "from 0 up", "log": "above 0"}
_REST = ") { input x: [batch, 4]  output y = x -> dense(3) }\n"


@problem
class WrongOperand(Problem):
    """An operator gets values that it does not work on. Numbers go with numbers, lists with lists, strings are only joined,
    and tensors know arithmetic and comparisons, but no `and` and no ranges."""

    code = "E0231"
    example = 'net 1\nmodel m(a = "x" * 2' + _REST
    mended = "net 1\nmodel m(a = 2 * 2" + _REST

    operator: str
    kinds: tuple[str, ...]
    """What the operands are, in words."""

    def headline(self) -> str:
        return f"`{self.operator}` does not work on {' and '.join(self.kinds)}"

    def help(self) -> str | None:
        if "a tensor" in self.kinds:
            return "tensors take arithmetic and comparisons; give both sides a tensor or a number"
        if len(self.kinds) == 1:
            return "give it a number or a tensor" if self.operator == "-" else "give it true or false, such as `n == 0`"
        return "numbers go with numbers, lists with lists"


@problem
class NotACondition(Problem):
    """What is decided while compiling is true or false: no number counts as true, and a tensor has its values only later."""

    code = "E0232"
    example = "net 1\nmodel m { input x: [batch, 4]  output y = x -> if 3 { relu } }\n"
    mended = "net 1\nmodel m { input x: [batch, 4]  output y = x -> if 3 > 2 { relu } }\n"

    word: str
    """`and` or `or`; empty for a condition."""
    kind: str

    def headline(self) -> str:
        if self.word:
            return f"`{self.word}` joins true and false, and this is {self.kind}"
        return f"a condition is true or false, and this is {self.kind}"

    def help(self) -> str | None:
        if self.kind == "a tensor":
            return "to choose between tensors element by element, multiply by a comparison"
        return "compare: `n > 0`"


@problem
class DivisionByZero(Problem):
    """A setting is divided by zero."""

    code = "E0233"
    example = "net 1\nmodel m(a = 4 // 0" + _REST
    mended = "net 1\nmodel m(a = 4 // 2" + _REST

    divisor: str

    def headline(self) -> str:
        return "division by zero"

    def label(self) -> str:
        return f"`{self.divisor}` is 0 here"

    def help(self) -> str | None:
        return "divide by something else, or `require` that it is not 0"


@problem
class DoesNotDivide(Problem):
    """`/` is exact. Where a size does not divide, there is no size that the result could be."""

    code = "E0234"
    example = "net 1\nmodel m { input x: [batch, n, 4]  output y = x[:, : (2 * n + 1) / 2] }\n"
    mended = example.replace("(2 * n + 1) / 2", "(2 * n + 1) // 4")

    left: str
    right: str

    def headline(self) -> str:
        return f"`{self.left}` does not divide by `{self.right}`"

    def help(self) -> str | None:
        return "use `//` to round down"

    def fix(self) -> Fix | None:
        return self.rewritten("//", safe=False)


@problem
class NoNumber(Problem):
    """A computation has no result that is a number of reasonable size: a power that explodes, the root of a negative number,
    a logarithm of zero, `zip` of lists of different lengths."""

    code = "E0235"
    example = "net 1\nmodel m(a = 9 ** 9 ** 9" + _REST
    mended = "net 1\nmodel m(a = 9 ** 9" + _REST

    function: str
    """Empty for an operator."""

    def headline(self) -> str:
        return f"`{self.function}` has no value here" if self.function else "the result is too large, or no real number"

    def help(self) -> str | None:
        if self.function == "zip":
            return "give it lists of one length"
        if self.function in RANGES:
            return f"it takes numbers {RANGES[self.function]}"
        return "check what it is given" if self.function else "check the exponents and factors"


@problem
class TooMany(Problem):
    """Lists, ranges and repeats have a bound, so that checking a file always ends soon."""

    code = "E0236"
    example = "net 1\nmodel m { input x: [batch, 4]  output y = x -> repeat 2_000_000 { relu } }\n"
    mended = "net 1\nmodel m { input x: [batch, 4]  output y = x -> repeat 2 { relu } }\n"

    what: str
    most: int
    of: str

    def headline(self) -> str:
        return f"{self.what} of more than {self.most:,} {self.of}"

    def help(self) -> str | None:
        return "make it shorter"


@problem
class NotWhole(Problem):
    """The ends of a range and the count of a `repeat` are ints, known while compiling; nothing is rounded silently."""

    code = "E0237"
    example = "net 1\nmodel m(n = 7 / 2) { input x: [batch, 4]  output y = x -> repeat n { relu } }\n"
    mended = "net 1\nmodel m(n = 7 // 2) { input x: [batch, 4]  output y = x -> repeat n { relu } }\n"

    what: str
    kind: str
    shown: str

    def headline(self) -> str:
        return f"{self.what} is an int, and this is {self.kind}"

    def help(self) -> str | None:
        return f"write {self.shown}"


@problem
class NotAList(Problem):
    """A list is wanted, and something else stands here."""

    code = "E0238"
    example = "net 1\nmodel m { input x: [batch, 4]  output y = x -> repeat i in 12 { relu } }\n"
    mended = "net 1\nmodel m { input x: [batch, 4]  output y = x -> repeat i in 0..12 { relu } }\n"

    what: str
    kind: str
    shown: str
    instead: str | None = None
    """What to write in its place."""

    def headline(self) -> str:
        return f"{self.what} a list, and this is {self.kind}"

    def help(self) -> str | None:
        return f"write {self.shown}"

    def fix(self) -> Fix | None:
        return self.rewritten(self.instead)


@problem
class WrongCall(Problem):
    """A compile-time function gets too few or too many values, or one with a name."""

    code = "E0239"
    example = "net 1\nmodel m(a = len([1], [2])" + _REST
    mended = "net 1\nmodel m(a = len([1, 2])" + _REST

    name: str
    count: int | None
    """None: any number, at least one."""
    given: int = 0
    named: str | None = None

    def headline(self) -> str:
        if self.named:
            return f"`{self.name}` takes its values by position"
        takes = f"{self.count or 'at least one'} value{'s' * ((self.count or 1) != 1)}"
        return f"`{self.name}` takes {takes}, and gets {self.given or 'none'}"

    def help(self) -> str | None:
        if self.named:
            return "leave the name out"
        many = ", ".join(["..."] * (self.count or 1))
        return f"write `{self.name}({many})`"


@problem
class WrongArgument(Problem):
    """A compile-time function gets a value of a kind that it does not work on; on tensors layers work, behind an arrow."""

    code = "E0240"
    example = "net 1\nmodel m(a = len(3)" + _REST
    mended = "net 1\nmodel m(a = len([3])" + _REST

    name: str
    wanted: str
    kind: str
    as_layer: bool
    """A layer of that name exists."""

    def headline(self) -> str:
        return f"`{self.name}` takes {self.wanted}, and this is {self.kind}"

    def help(self) -> str | None:
        if self.kind == "a tensor" and self.as_layer:
            return f"on a tensor it is a layer: `x -> {self.name}`"
        return f"give it {self.wanted}"


@problem
class CannotCall(Problem):
    """Only layers, blocks and functions take settings in parentheses, and only combinators take a body in braces."""

    code = "E0241"
    example = "net 1\nmodel m { input x: [batch, 3]  output y = x -> (3) { relu } }\n"
    mended = "net 1\nmodel m { input x: [batch, 3]  output y = x -> repeat 3 { relu } }\n"

    kind: str
    braces: bool

    def headline(self) -> str:
        return f"{self.kind} takes no body in braces" if self.braces else f"{self.kind} cannot be called"

    def help(self) -> str | None:
        if self.braces:
            return "a combinator is called by its name: `residual { ... }`"
        return "only layers, blocks and functions take settings"
