"""A sequence read in both directions."""

from dataclasses import replace
from typing import Any

from dslc.build.values import Bundle, Tensor
from dslc.dims import same
from dslc.errors.infer import WrongInputs
from dslc.errors.placement import NeedsBody
from dslc.ops.base import Sample
from dslc.ops.combinator.base import Combinator, Surroundings, combinator


@combinator
class Bidirectional(Combinator):
    """Runs its body over a sequence and, with weights of its own, over the sequence turned round; joins features of both.

    Of a tuple all tensors with a time axis are turned round: those with three axes or more, and masks and tokens
    `[batch, time]`; a tensor of floats `[batch, features]` is a start state and stays as it is. Paths of weights
    begin with `forward` and `backward`.

    Shapes: `[batch, time, ...]` to `[batch, time, 2 * features]`, or `[batch, 2 * features]` of a body that gives its last step.
    Reference: Schuster and Paliwal, 1997.
    """

    samples = (
        Sample("bidirectional { scan { dense(3) } }", ("[batch, time, 2]",), "[batch, time, 6]", parameters=18),
        Sample("bidirectional { dense(3) -> it[:, -1] }", ("[batch, time, 2]",), "[batch, 6]", parameters=18),
    )

    def expand(self, here: Surroundings) -> Tensor:
        if len(here.branches) != 1:
            raise here.fail(NeedsBody(here.span, "bidirectional", len(here.branches)))
        first = here.it.items[0] if isinstance(here.it, Bundle) else here.it
        if not isinstance(first, Tensor) or first.type.rank < 2:
            raise here.fail(WrongInputs(here.span, "bidirectional", ("x",), "needs a sequence, `[batch, time, ...]`"))
        forward = self._way(here, "forward", here.it)
        backward = self._way(here, "backward", self._turned(here, here.it, first))
        if not isinstance(forward, Tensor) or not isinstance(backward, Tensor):
            raise here.fail(WrongInputs(here.span, "bidirectional", ("x",), "needs a body that gives one tensor"))
        return here.add("concat", forward, self._turned(here, backward, first))

    def _way(self, here: Surroundings, name: str, value: Any) -> Any:
        inside = replace(here.env, place=here.env.place.child(name))
        return Surroundings(inside, here.branches, here.span).run(here.branches[0], value, copy=True)

    def _turned(self, here: Surroundings, value: Any, like: Tensor) -> Any:
        """What has the time axis of the sequence `like`, turned round; the rest as it is."""
        if isinstance(value, Bundle):
            return replace(value, items=tuple(self._turned(here, item, like) for item in value.items))
        if not isinstance(value, Tensor) or not _has_time(value, like):
            return value
        return here.add("index", value, items=((None, None, None), (None, None, -1)))


def _has_time(tensor: Tensor, like: Tensor) -> bool:
    type = tensor.type
    is_sequence = type.rank >= 3 or (type.rank == 2 and not type.is_float)
    return is_sequence and same(type.shape[1], like.type.shape[1]) is True
