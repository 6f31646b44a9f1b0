"""A name that nothing reads."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from dslc.lint._written import reads
from dslc.lint.base import Lint, lint
from dslc.parse import tree

if TYPE_CHECKING:
    from dslc.resolve import Program


@lint
class UnreadName(Lint):
    """A tensor, layer, weight or input that nothing reads costs computing or space for nothing, and is often a slip: another
    name was meant where it should be read. A name that begins with `_` says that this is wanted.

    Reference: Kernighan and Pike, The Practice of Programming, 1999 (a name that is never used misleads whoever reads it).
    """

    code = "W0205"
    example = "net 1\nmodel m { input x: [batch, 4]  h = x -> dense(8) -> relu  output y = x -> dense(3) }\n"
    mended = "net 1\nmodel m { input x: [batch, 4]  h = x -> dense(8) -> relu  output y = h -> dense(3) }\n"

    what: str
    called: str

    def headline(self) -> str:
        return f"nothing reads {self.what} `{self.called}`"

    def help(self) -> str | None:
        return f"read it, take it out, or call it `_{self.called}` where that is wanted"

    @classmethod
    def of_file(cls, program: "Program") -> Iterator[Lint]:
        for part in program.file.parts:
            if isinstance(part, tree.Block):
                found = reads(part)
                for item in part.body:
                    named = list(_named(item))
                    # Of several values that come together some may be of no use here.
                    if any(found[name.text] or name.text.startswith("_") for _, name in named):
                        continue
                    for what, name in named:
                        yield cls(name.span, what, name.text)


def _named(item: tree.Tree) -> Iterator[tuple[str, tree.Name]]:
    match item:
        case tree.Assign():
            yield from (("the value", name) for name in item.names)
        case tree.Declaration(kind="input" | "param"):
            yield {"input": "input", "param": "weight"}[item.kind], item.name
        case tree.LayerStatement():
            yield "layer", item.name
        case _:
            return
