"""What a combinator is: a layer with a body in braces, which says how its branches are applied and joined."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

from dslc.errors.values import TensorWanted
from dslc.ops.base import OPS, Op, op
from dslc.source import Span

if TYPE_CHECKING:
    from dslc.build.scope import Env
    from dslc.parse import tree


@dataclass(frozen=True)
class Surroundings:
    """Where a combinator stands: its branches, the value in the pipe, and the means to build from them."""

    env: "Env"
    branches: "tuple[tree.Tree, ...]"
    span: Span

    @property
    def it(self) -> Any:
        """The value piped into the combinator."""
        return self.env.it

    @property
    def has_settings(self) -> bool:
        """Whether it is written with parentheses."""
        return self.env.build.program.source.snippet(self.span).split("{")[0].rstrip().endswith(")")

    def run(self, branch: "tree.Tree", value: Any, copy: bool = False) -> Any:
        """What a branch gives for a value; in a copy the labels stay inside."""
        from dslc.build import stages  # noqa: PLC0415  # the build applies combinators, and these build
        from dslc.build.scope import Scope  # noqa: PLC0415

        env = replace(self.env, it=value, sole=False)
        if copy:
            env = replace(env, scope=Scope(env.scope))
        return stages.chain(env, branch, value)

    def add(self, name: str, *tensors: Any, label: str | None = None, **settings: Any) -> Any:
        """What the op called `name` gives for tensors."""
        from dslc.build import nodes  # noqa: PLC0415  # as above

        return nodes.add(self.env, OPS[name](**settings), tensors, label or name, self.span)

    def tensors(self, items: Any, env: "Env | None" = None) -> list[Any]:
        """The tensors of a tuple; numbers become constants."""
        from dslc.build import nodes  # noqa: PLC0415  # as above

        found = nodes.to_tensors(env or self.env, items, self.span)
        if None in found:
            raise self.fail(TensorWanted(self.span, "none"))
        return list(found)

    def number(self, value: float, like: Any) -> Any:
        """A number as a tensor of the dtype of another tensor."""
        from dslc.build import nodes  # noqa: PLC0415  # as above

        return nodes.constant(self.env, value, like.type, self.span)

    def fail(self, problem: Any) -> Exception:
        """Report a problem: `raise here.fail(...)`."""
        return self.env.fail(problem)


class Combinator(Op):
    """Shapes are those of what it expands to; it leaves no node of its own."""

    bare: ClassVar[bool] = False
    """It has no body in braces."""

    def expand(self, here: Surroundings) -> Any:
        """The value of the combinator."""
        raise AssertionError(type(self).__name__)


combinator = op
