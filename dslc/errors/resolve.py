"""E02: what a file declares, and what stands where it has no meaning."""

from dslc.errors.base import Edit, Fix, Problem, problem
from dslc.source import Span


@problem
class NotWorkingYet(Problem):
    """The language has this construct, and this version of dslc does not carry it out; it is never ignored."""

    code = "E0212"
    mended = "net 1\nmodel m { input x: [batch, 4]  output y = x -> dense(2) }\n"
    example = mended + "search m { width = choice(64, 128) }\n"

    what: str

    def headline(self) -> str:
        return f"{self.what} is part of the language and does not work yet in this version"

    def help(self) -> str | None:
        return "take it out of the file for now; nothing is ever skipped silently"


@problem
class UnknownVersion(Problem):
    """A file says with `net 1` which version of the language it is written in; this dslc knows version 1."""

    code = "E0213"
    example = "net 7\nmodel m { input x: [batch, 4]  output y = x -> dense(2) }\n"
    mended = "net 1\nmodel m { input x: [batch, 4]  output y = x -> dense(2) }\n"

    version: int

    def headline(self) -> str:
        return f"version {self.version} of the language is not known"

    def help(self) -> str | None:
        return "this dslc reads `net 1`; a later one may read this file"

    def fix(self) -> Fix | None:
        return self.rewritten("net 1", safe=False)


@problem
class NoVersion(Problem):
    """Without the version a later dslc cannot know how this file was meant."""

    code = "W0214"
    severity = "warning"
    example = "model m { input x: [batch, 4]  output y = x -> dense(2) }\n"
    mended = "net 1\nmodel m { input x: [batch, 4]  output y = x -> dense(2) }\n"

    def headline(self) -> str:
        return "the file does not say its version of the language"

    def help(self) -> str | None:
        return "begin it with `net 1`"

    def fix(self) -> Fix | None:
        return Fix((Edit(Span(self.span.file, 0, 0), "net 1\n\n"),), safe=True)
