"""E053: a compiled program against what the file says."""

from dslc.errors.base import Problem, problem


@problem
class NumbersDiffer(Problem):
    """`dslc compile --verify` runs the graph of the file and what the compiler made of it on the same random numbers, in
    float64. They differ by more than rounding can explain: this is a bug in dslc and not in the file."""

    code = "E0530"

    what: str
    tensor: str
    difference: float
    bound: float

    def headline(self) -> str:
        return f"this is a bug in dslc: {self.what} differ from what the file says"

    def label(self) -> str:
        return f"`{self.tensor}` is off by {self.difference:.1e} of its size, where {self.bound:.1e} may be"

    def help(self) -> str | None:
        return "train with `--no-passes`, and report it with the file; `--passes a,b` shows which pass it is"


@problem
class NumbersNotFinite(Problem):
    """`dslc compile --verify` compares the results of a model on random numbers. One that is infinite or no number cannot be
    compared, and training would end there as well."""

    code = "E0531"

    tensor: str

    def headline(self) -> str:
        return f"`{self.tensor}` is not finite on random numbers, so nothing can be compared"

    def help(self) -> str | None:
        return "look for a logarithm, a root or a quotient of what can be zero or below; another `--seed` draws other numbers"
