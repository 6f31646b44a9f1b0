"""An import or a block that nothing uses."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from dslc.lint._written import reads
from dslc.lint.base import Lint, lint
from dslc.parse import tree

if TYPE_CHECKING:
    from dslc.resolve import Program


@lint
class UnusedPart(Lint):
    """An import or a block that nothing in the file uses. In a file that trains a model nobody else is likely to use it; a
    file of blocks for others to import has no train block, and is left alone.

    Reference: Sculley et al., 2015, Hidden Technical Debt in Machine Learning Systems (dead code paths).
    """

    code = "W0207"
    example = (
        "net 1\nblock head(n) = dense(n)\nmodel m { input features: [batch, 4]  output logits = features -> dense(3) }\n"
        "train m { data = iris()  loss = (logits, label) -> cross_entropy }\n"
    )
    mended = example.replace("features -> dense(3)", "features -> head(3)")

    what: str
    called: str

    def headline(self) -> str:
        return f"nothing uses the {self.what} `{self.called}`"

    def help(self) -> str | None:
        return "use it, or take it out"

    @classmethod
    def of_file(cls, program: "Program") -> Iterator[Lint]:
        found = reads(program.file.parts)
        trains = bool(program.trains)
        for part in program.file.parts:
            if isinstance(part, tree.Import):
                name = part.name.text if part.name else part.path.rpartition("/")[2].removesuffix(".net").split(".")[-1]
                if not found[name] and not found[part.path.split(".")[0]]:
                    yield cls(part.span, "import", name)
            elif isinstance(part, tree.Block) and part.kind == "block" and trains and not found[part.name.text]:
                yield cls(part.name.span, "block", part.name.text)
