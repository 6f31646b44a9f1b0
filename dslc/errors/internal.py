"""E09: mistakes of the compiler itself."""

from dslc.errors.base import Problem, problem


@problem
class InternalError(Problem):
    """Something happened that no message of dslc foresees. Whatever the input, this is a bug in dslc and not in the file."""

    code = "E0901"

    kind: str
    message: str
    place: str

    def headline(self) -> str:
        return f"this is a bug in dslc: {self.kind}{': ' * bool(self.message)}{self.message}"

    def label(self) -> str:
        return f"it happened at {self.place}" if self.place else ""

    def help(self) -> str | None:
        return "please report it with the file and the command; `DSLC_TRACEBACK=1` in the environment shows how it came to this"


@problem
class NoDevice(Problem):
    """The command line asks for a kind of device that JAX does not find on this machine, or has no support for."""

    code = "E0902"

    device: str
    reason: str

    def headline(self) -> str:
        return f"there is no {self.device} that JAX can use"

    def label(self) -> str:
        return self.reason

    def help(self) -> str | None:
        if self.device == "cpu":
            return "leave `--device` out"
        return f"leave `--device` out, or install JAX with support for it: `pip install 'jax[{'cuda12' if self.device == 'gpu' else 'tpu'}]'`"


@problem
class NotFormatted(Problem):
    """`dslc fmt` compares the words and the comments of what it has laid out with those of the file. Where they differ it
    writes nothing: this is a bug in dslc and not in the file."""

    code = "E0903"

    def headline(self) -> str:
        return f"this is a bug in dslc: laid out anew, `{self.span.file}` would say something else"

    def label(self) -> str:
        return "a word or a comment would differ from here on"

    def help(self) -> str | None:
        return "the file is as it was; please report it with the file"
