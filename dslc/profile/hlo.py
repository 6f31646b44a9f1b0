"""The text of a compiled program: which lines of the source each of its instructions works for."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from typing import NamedTuple

from dslc.lower import GRADIENT

CONTAINERS = ("while", "conditional", "call", "async-start", "async-done")
"""Instructions whose time is that of others."""
FREE = ("parameter", "constant", "bitcast", "tuple", "get-tuple-element", "broadcast", "iota")
"""Instructions that cost nothing inside of a fusion."""
PRODUCTS = ("dot", "convolution")
HEAVY = 100
"""An element of a product counts as this many others: the sum that it is."""
DEEPEST = 4
"""Operands that are followed from a copy without a name to what it copies."""


class Line(NamedTuple):
    """A line of a source file, or where that is empty a part of the program that has none, in `name`."""

    file: str
    number: int
    backward: bool = False
    name: str = ""


OTHER = Line("", 0, name="the loop, random keys and copies")
Shares = Mapping[Line, float]


@dataclass(frozen=True)
class Instruction:
    opcode: str
    elements: int
    scope: str
    operands: tuple[str, ...]
    calls: str


@dataclass
class Instructions:
    """The instructions of a program by name, and those of each computation."""

    by_name: dict[str, Instruction] = field(default_factory=dict[str, Instruction])
    computations: dict[str, list[str]] = field(default_factory=dict[str, list[str]])

    @classmethod
    def read(cls, text: str) -> "Instructions":
        found, inside = cls(), ""
        for line in text.splitlines():
            if header := re.match(r"(?:ENTRY )?%?([\w.\-]+) (?:\(.*)?\{$", line):
                inside = header[1]
            elif made := re.match(r"\s+(?:ROOT )?%?([\w.\-]+) = (.+)", line):
                found.by_name[made[1]] = _instruction(made[2])
                found.computations.setdefault(inside, []).append(made[1])
        return found

    def shares(self, name: str) -> Shares:
        """The parts of an instruction's time by line, which sum to 1; nothing for one whose time is that of others."""
        instruction = self.by_name.get(name)
        if instruction is None:
            return {OTHER: 1.0}
        if instruction.opcode in CONTAINERS:
            return {}
        weights: Counter[Line] = Counter()
        for inner in self.computations.get(instruction.calls, ()):
            one = self.by_name[inner]
            if one.opcode not in FREE and (line := line_of(one.scope)) is not None:
                weights[line] += one.elements * (HEAVY if one.opcode in PRODUCTS else 1)
        total = weights.total()
        if total:
            return {line: weight / total for line, weight in weights.items()}
        return {self._line(name) or OTHER: 1.0}

    def _line(self, name: str, depth: int = 0) -> Line | None:
        """The line of an instruction, or of what it copies."""
        instruction = self.by_name.get(name)
        if instruction is None or depth > DEEPEST:
            return None
        own = line_of(instruction.scope)
        if own is not None or instruction.scope:
            return own
        return next((line for operand in instruction.operands if (line := self._line(operand, depth + 1))), None)


def line_of(scope: str) -> Line | None:
    """The innermost line in a name such as `jit(run)/while/body/dense[mlp.net:4]/dot_general`."""
    found = re.findall(r"([^/\[\]()]+)\[([^/\[\]]+):(\d+)\]", scope)
    if found:
        _, file, number = found[-1]
        return Line(file, int(number), f"{GRADIENT}[" in scope)
    named = re.search(r"/(optimizer|batch)/", scope)
    return Line("", 0, name=f"the {named[1]}") if named else None


def _instruction(text: str) -> Instruction:
    """An instruction from what follows `name = `: `f32[2,3]{1,0} add(%a, %b), metadata={op_name="..."}`."""
    type, rest = _type(text)
    opcode, _, after = rest.strip().partition("(")
    named = re.search(r'op_name="([^"]*)"', after)
    calls = re.search(r"calls=%?([\w.\-]+)", after)
    shape = re.search(r"\[([\d,]*)\]", type)
    sizes = [int(size) for size in shape[1].split(",") if size] if shape else []
    operands = re.findall(r"%([\w.\-]+)", after.partition(")")[0])
    return Instruction(
        opcode.strip(), prod(sizes), named[1] if named else "", tuple(operands), calls[1] if calls else ""
    )


def _type(text: str) -> tuple[str, str]:
    """The type at the beginning, which may be a tuple in parentheses, and the rest."""
    if not text.startswith("("):
        type, _, rest = text.partition(" ")
        return type, rest
    depth = 0
    for place, char in enumerate(text):
        depth += (char == "(") - (char == ")")
        if not depth:
            return text[: place + 1], text[place + 1 :]
    return text, ""
