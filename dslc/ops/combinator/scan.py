"""One step after the other along the time."""

from dataclasses import replace
from typing import Any

from dslc.build.frame import Frame
from dslc.build.loops import Loop
from dslc.build.values import Bundle, Tensor
from dslc.dims import same
from dslc.errors.base import Note
from dslc.errors.cells import ScanNeedsTime
from dslc.errors.placement import NeedsBody
from dslc.ops.base import Refused, Sample
from dslc.ops.combinator.base import Combinator, Surroundings, combinator
from dslc.types import Type


@combinator
class Scan(Combinator):
    """Runs its body once for each entry of the time axis, and stacks what the steps give along that axis.

    The cells in the body (blocks with a `carry`) hand values from each step to the next. The weights are the same in every
    step, and every name from outside is whole. With `reverse` the last step comes first; the outputs keep their places.

    Shapes: `[batch, time, ...]` (or a tuple of such tensors) to `[batch, time, ...]`.
    Reference: Elman, 1990 (recurrence); Blelloch, 1990 (the name).
    """

    reverse: bool = False
    samples = (
        Sample("scan { dense(3) }", ("[batch, time, 2]",), "[batch, time, 3]", parameters=9),
        Sample("scan(reverse = true) { relu }", ("[batch, time, 2]",), "[batch, time, 2]", parameters=0),
        Refused("scan { relu }", ("[batch]",), "axis 1, the time"),
    )
    aliases = ("rnn_layer", "TimeDistributed", "RNN")

    def expand(self, here: Surroundings) -> Any:
        if len(here.branches) != 1:
            raise here.fail(NeedsBody(here.span, "scan", len(here.branches)))
        tensors = self._over_time(here)
        outer = here.env
        frame = Frame("scan", outer.frame)
        rows = [(here.add("transpose", tensor, axes=_swapped(tensor.type)), tensor) for tensor in tensors]
        cut = [frame.input(f"scan.{place}", _step(tensor.type)) for place, (_, tensor) in enumerate(rows)]
        like = next((tensor for tensor in tensors if tensor.type.is_float), tensors[0])
        loop = Loop(outer.frame, frame, like)
        slices = tuple(frame.tensor(ref) for ref in cut)
        value = replace(outer.it, items=slices) if isinstance(outer.it, Bundle) else slices[0]
        inner = replace(outer, frame=frame, loop=loop, scope=type(outer.scope)(outer.scope))
        found = Surroundings(inner, here.branches, here.span).run(here.branches[0], value)
        bundle = found if isinstance(found, Bundle) else Bundle.of((found,))
        made = loop.region(
            outer,
            [(whole, ref) for (whole, _), ref in zip(rows, cut, strict=True)],
            here.tensors(bundle, inner),
            tensors[0].type.shape[1],
            self.reverse,
            here.span,
        )
        stacked = tuple(here.add("transpose", tensor, axes=_swapped(tensor.type)) for tensor in made)
        return replace(bundle, items=stacked) if isinstance(found, Bundle) else stacked[0]

    def _over_time(self, here: Surroundings) -> list[Tensor]:
        """The tensors that are cut into steps."""
        items = here.it if isinstance(here.it, Bundle) else Bundle.of((here.it,))
        tensors = here.tensors(items)
        for tensor in tensors:
            if tensor.type.rank < 2:
                raise here.fail(ScanNeedsTime(here.span, f"{tensor.type} has no such axis", ()))
            if same(tensor.type.shape[1], tensors[0].type.shape[1]) is not True:
                reason = f"it is {tensors[0].type.shape[1]} in one tensor and {tensor.type.shape[1]} in another"
                notes = [Note(one.home.builder.nodes[one.ref.node].span, f"this is {one.type}") for one in tensors]
                raise here.fail(ScanNeedsTime(here.span, reason, tuple(note for note in notes if note.span.file)))
        return tensors


def _swapped(type: Type) -> tuple[int, ...]:
    """Batch and time in each other's place."""
    return (1, 0, *range(2, type.rank))


def _step(type: Type) -> Type:
    return type.with_shape(type.shape[0], *type.shape[2:])
