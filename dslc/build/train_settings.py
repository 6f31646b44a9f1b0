"""Settings of a train block and of its steps: which there are, of what kind, and what is written beside them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from dslc.amounts import amount
from dslc.build import settings
from dslc.build.scope import Env
from dslc.build.values import Skip
from dslc.errors.budgets import BadAmount
from dslc.errors.placement import WrongStatement
from dslc.errors.precision import UnknownPrecision
from dslc.errors.steps import SettingElsewhere
from dslc.errors.training import BothLengths, OutOfRange, UnknownTrainSetting
from dslc.optimizers.base import Optimizer
from dslc.parse import tree
from dslc.plan import BATCH, Duration
from dslc.resolve import meant
from dslc.types import PRECISIONS

RULE: Mapping[str, Any] = {"optimizer": Optimizer, "clip": float, "l1": float, "l2": float}
"""Settings of an update: those of a step, and of a block for all its steps that do not give their own."""
BLOCK: Mapping[str, Any] = {
    **RULE, "batch": int, "accumulate": int, "epochs": int, "steps": int, "seed": int, "precision": str,
    "early_stop": Duration, "checkpoint": Duration, "validate": Duration, "log": Duration, "start": str, "ema": float,
    "memory": int | str,
}  # fmt: skip
STEP: Mapping[str, Any] = {**RULE, "every": int}
SPECIAL = ("data", "loss", "metrics")
SPECIAL_OF_STEP = ("loss", "update")
POSITIVE = ("batch", "accumulate", "epochs", "steps", "clip", "every")
LENGTHS = ("epochs", "steps")
STATEMENTS = (tree.Assign, tree.Require, tree.LayerStatement, tree.Declaration, tree.Next)
"""What a block and its steps work out, as any body does."""


@dataclass
class Given:
    """The settings that a train block, or one of its steps, writes; and its other statements, in order."""

    env: Env
    head: str
    """How it begins: `train gan`, or `step critic`."""
    known: Mapping[str, Any]
    special: tuple[str, ...]
    settings: dict[str, tree.Assign] = field(default_factory=dict[str, tree.Assign])
    statements: list[tree.Tree] = field(default_factory=list[tree.Tree])
    others: list[tree.Tree] = field(default_factory=list[tree.Tree])
    """What is neither: steps, groups."""

    @property
    def is_step(self) -> bool:
        return self.known is STEP

    def sort(self, body: Sequence[tree.Tree], rest: Sequence[tree.Item] = ()) -> None:
        """Settings to one side, statements to the other; `rest` is what the command line sets."""
        for item in body:
            name = item.names[0].text if isinstance(item, tree.Assign) and len(item.names) == 1 else ""
            if isinstance(item, tree.Assign) and (name in self.known or name in self.special):
                self._setting(name, item)
            elif isinstance(item, tree.Assign) and self.is_step and name in (*BLOCK, *SPECIAL):
                self.env.build.problems.add(SettingElsewhere(item.names[0].span, name, in_step=True))
            elif isinstance(item, STATEMENTS):
                self.statements.append(item)
            else:
                self.others.append(item)
        given = {item.name for item in rest}
        for name, other in (LENGTHS, LENGTHS[::-1]):
            # The command line's length stands in place of the file's, whatever both count.
            if name in given and other not in given:
                self.settings.pop(other, None)
        for item in rest:
            name = tree.Name(item.span, item.name or "")
            self.settings[name.text] = tree.Assign(item.span, (name,), item.value)

    def _setting(self, name: str, item: tree.Assign) -> None:
        if name in self.settings:
            self.env.bind(name, None, self.settings[name].names[0].span, "setting")
            self.env.bind(name, None, item.names[0].span, "setting")
        self.settings[name] = item

    def refuse_others(self) -> None:
        """What is neither a setting nor a statement has no meaning in a step."""
        for item in self.others:
            self.env.build.problems.add(WrongStatement(item.span, "this", "a step"))

    def values(self) -> dict[str, Any]:
        """The values of the settings that are given."""
        chosen: dict[str, Any] = {}
        for name, item in self.settings.items():
            if name in self.special:
                continue
            try:
                chosen[name] = settings.setting(self.env, item.value, self.known[name], self.head.split()[0], name)
            except Skip:
                continue
            self._check_range(name, chosen[name], item)
        if "memory" in chosen:
            chosen["memory"] = self._bytes(chosen["memory"])
        if "epochs" in chosen and "steps" in chosen:
            self.env.build.problems.add(BothLengths(self.settings["steps"].span))
        if "steps" in chosen:
            chosen["epochs"] = None
        micro, batch = chosen.get("accumulate", 1), chosen.get("batch", BATCH)
        if micro > 0 and batch % micro:
            item = self.settings["accumulate"].value
            self.env.build.problems.add(
                OutOfRange(item.span, "accumulate", str(micro), f"a divisor of `batch`, {batch}")
            )
        return chosen

    def _bytes(self, given: int | str) -> int | None:
        try:
            found = amount(given) if isinstance(given, str) else given
        except ValueError:
            found = 0
        if found < 1:
            self.env.build.problems.add(BadAmount(self.settings["memory"].value.span, "memory", str(given)))
        return found or None

    def _check_range(self, name: str, value: Any, item: tree.Assign) -> None:
        low = 1 if self.known[name] is int else 0
        if name in POSITIVE and (value < low or (name == "clip" and value == 0)):
            wanted = "at least 1" if low else "above 0"
            self.env.build.problems.add(OutOfRange(item.value.span, name, str(value), wanted))
        if name == "ema" and not 0 < value < 1:
            self.env.build.problems.add(OutOfRange(item.value.span, name, str(value), "above 0 and below 1"))
        if name in ("l1", "l2") and value < 0:
            self.env.build.problems.add(OutOfRange(item.value.span, name, str(value), "at least 0"))
        if name == "precision" and value not in PRECISIONS:
            self.env.build.problems.add(UnknownPrecision(item.value.span, str(value)))

    def refuse_constant(self, item: tree.Assign) -> None:
        """A name that is bound to a constant is a setting that training does not know."""
        name, span = item.names[0].text, item.names[0].span
        if not self.is_step and name in (*STEP, *SPECIAL_OF_STEP):
            self.env.build.problems.add(SettingElsewhere(span, name, in_step=False))
            return
        near, sure = meant.setting_name(name, (*self.known, *self.special))
        self.env.build.problems.add(UnknownTrainSetting(span, name, near, self.head, sure))
