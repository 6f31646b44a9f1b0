"""A setting that nothing depends on."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from dslc.lint._written import reads
from dslc.lint.base import Lint, lint
from dslc.parse import tree

if TYPE_CHECKING:
    from dslc.resolve import Program


@lint
class UnusedSetting(Lint):
    """A setting in the head of a block or train block that nothing reads: who changes it changes nothing, and will look for
    the reason elsewhere.

    Reference: Sculley et al., 2015, Hidden Technical Debt in Machine Learning Systems (on settings without effect).
    """

    code = "W0206"
    example = "net 1\nmodel m(rate = 0.1) { input x: [batch, 4]  output y = x -> dropout(0.5) -> dense(3) }\n"
    mended = "net 1\nmodel m(rate = 0.1) { input x: [batch, 4]  output y = x -> dropout(rate) -> dense(3) }\n"

    owner: str
    called: str

    def headline(self) -> str:
        return f"nothing in `{self.owner}` reads its setting `{self.called}`"

    def help(self) -> str | None:
        return "use it, or take it out of the head"

    @classmethod
    def of_file(cls, program: "Program") -> Iterator[Lint]:
        for part in program.file.parts:
            if isinstance(part, tree.Block | tree.Section):
                found = reads(part)
                for parameter in part.parameters:
                    if not found[parameter.name.text] and not parameter.name.text.startswith("_"):
                        yield cls(parameter.name.span, part.name.text, parameter.name.text)
