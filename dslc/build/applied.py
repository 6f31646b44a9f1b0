"""Models that a train or sample block applies by name: each is one model, with weights at one place, however often it is used."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from dslc.build import blocks, models
from dslc.build.frame import Frame, Place
from dslc.build.scope import Env, Scope
from dslc.errors.steps import SettingsByHand
from dslc.parse import tree
from dslc.resolve import Program
from dslc.source import Span


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
