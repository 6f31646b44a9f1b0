"""An `# allow:` that silences nothing."""

from dslc.errors.base import Fix
from dslc.lint.base import Lint, lint


@lint
class UselessAllow(Lint):
    """A comment that allows a warning where there is none: what it was written for has gone, or it stands on another line. It
    would hide the next one.

    Reference: the lint `unfulfilled_lint_expectations` of Rust, and its reasons in RFC 2383.
    """

    code = "W0220"
    example = "net 1\nmodel m { input x: [batch, 4]  output y = x -> dense(3) }  # allow: W0201\n"
    mended = "net 1\nmodel m { input x: [batch, 4]  output y = x -> dense(3) }\n"

    allowed: str
    exists: bool
    edits: Fix

    def headline(self) -> str:
        return f"`{self.allowed}` is allowed here, and does not occur"

    def label(self) -> str:
        return "" if self.exists else "no warning has this code"

    def help(self) -> str | None:
        return "take the comment out"

    def fix(self) -> Fix | None:
        return self.edits
