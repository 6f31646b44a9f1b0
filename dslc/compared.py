"""What differs between two models: their layers by path, their weights, what they cost."""

from collections.abc import Iterator
from dataclasses import dataclass

from dslc.summary import Layer, Summary


@dataclass(frozen=True)
class Change:
    """A layer that only one of two models has (the other side is None), or that differs between them."""

    path: str
    before: Layer | None
    after: Layer | None

    @property
    def sign(self) -> str:
        return "+" if self.before is None else "-" if self.after is None else "~"


def changes(before: Summary, after: Summary) -> Iterator[Change]:
    """The layers that differ, in the order of the second model; those that are gone come last."""
    old, new = ({layer.path: layer for layer in one.layers} for one in (before, after))
    for path, layer in new.items():
        if path not in old or _facts(old[path]) != _facts(layer):
            yield Change(path, old.get(path), layer)
    yield from (Change(path, layer, None) for path, layer in old.items() if path not in new)


def _facts(layer: Layer) -> tuple[object, ...]:
    """What makes a layer another one; the line that it stands in does not."""
    return layer.op, layer.inputs, layer.outputs, layer.parameters, layer.flops, layer.repeat
