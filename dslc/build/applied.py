"""Models that a train or sample block applies by name: each is one model, with weights at one place, however often it is used."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from dslc.build import blocks, models
from dslc.build.frame import Frame, Place
from dslc.build.scope import Env, Scope
from dslc.errors.base import Note
from dslc.errors.steps import CopyDiffers, CopyOfNothing, SettingsByHand
from dslc.ops.base import OPS, Op
from dslc.ops.core._stored import Stored
from dslc.parse import tree
from dslc.resolve import Program
from dslc.source import Span


@dataclass(frozen=True)
class Followed:
    """A copy of a model: how its weights follow."""

    layer: str
    """What makes it: `snapshot` or `average`."""
    model: str
    decay: float
    pace: int
    span: Span

    def settings(self) -> tuple[str, str]:
        """Name and value of the setting by which two copies may differ."""
        return ("decay", str(self.decay)) if self.decay else ("every", str(self.pace))


@dataclass
class Applied:
    """The models of a block: where their weights stand, and which settings they have."""

    program: Program
    frame: Frame
    own: str | None
    """The model that the block names: its weights stand at the top."""
    variant: str | None = None
    places: list[str] = field(default_factory=list[str])
    """The places of the others that have been applied."""
    copies: dict[str, Followed] = field(default_factory=dict[str, Followed])
    """The copies of models, by the place of their weights."""

    def place(self, name: str) -> Place:
        """Where the weights of a model stand."""
        if name == self.own:
            return Place(self.frame)
        if name not in self.places:
            self.places.append(name)
        return Place(self.frame, name)

    def settings(self, name: str) -> Sequence[tree.Item]:
        """Settings of a model: by the variant, and by the command line those that it has."""
        block = self.program.models[name]
        names = [parameter.name.text for parameter in block.parameters]
        variant = self.variant if self.variant and models.varied(self.program, self.variant) == name else None
        program = replace(self.program, overrides=tuple(item for item in self.program.overrides if item.name in names))
        return models.overridden(program, block, variant, frozenset())[0]

    def apply(self, env: Env, name: str, items: Sequence[tree.Item], span: Span, place: Place | None = None) -> Any:
        """What a model gives for the value in the pipe."""
        if items:
            raise env.fail(SettingsByHand(span, name))
        block = self.program.models[name]
        place = place or self.place(name)
        around = (*env.blocks, place.path) if place.path else env.blocks
        inner = replace(env, place=place, scope=Scope(), sole=False, blocks=around, use=span)
        env.build.active.append(self.program.title(name))
        try:
            models.bind(inner, block, self.settings(name))
            return blocks.run(inner, block, env.it, span)
        finally:
            env.build.active.pop()

    def copy(self, env: Env, layer: str, model: str, decay: float, pace: int, span: Span) -> Any:
        """What the copy of a model gives for the value in the pipe."""
        path, wanted = f"{layer}.{model}", Followed(layer, model, decay, pace, span)
        first = self.copies.setdefault(path, wanted)
        (setting, there), (_, here) = first.settings(), wanted.settings()
        if (first.decay, first.pace) != (decay, pace):
            note = Note(first.span, "first used here")
            raise env.fail(CopyDiffers(span, layer, model, setting, (there, here), note))
        return self.apply(env, model, (), span, Place(self.frame, path))

    def settle(self, env: Env) -> None:
        """Once all is built: the weights of copies become states that follow."""
        builder = self.frame.builder
        for path, copy in self.copies.items():
            target = "" if copy.model == self.own else f"{copy.model}."
            for name in [name for name in builder.nodes if name.startswith(f"{path}.")]:
                node = builder.nodes[name]
                if not isinstance(node.op, Stored):
                    continue
                followed = target + name.removeprefix(f"{path}.")
                if followed not in builder.nodes:
                    env.build.problems.add(CopyOfNothing(copy.span, copy.layer, copy.model, followed))
                    break
                builder.nodes[name] = replace(node, op=_following(node.op, followed, copy))
                builder.updates.pop(name, None)


def _following(op: Stored, followed: str, copy: Followed) -> Op:
    kind: Any = OPS["state"]
    return kind(shape=op.shape, dtype=op.dtype, stack=op.stack, follows=followed, decay=copy.decay, pace=copy.pace)
