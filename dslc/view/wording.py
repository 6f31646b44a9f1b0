"""Ops and numbers as the language writes them."""

import re
from collections.abc import Iterator
from dataclasses import MISSING, Field
from typing import Any

from dslc.catalogue import Entry
from dslc.graph import Graph
from dslc.ops.base import Op

DERIVATIVE = "\N{PARTIAL DIFFERENTIAL}"


def op_text(op: Entry) -> str:
    """The op as a stage: `dense(128, bias = false)`; settings at their defaults are left out."""
    told = ", ".join(_told(op))
    return f"{op.name}({told})" if told else op.name


def _told(entry: Entry) -> Iterator[str]:
    positional = True
    for field, value in settings(entry):
        required = field.default is MISSING and field.default_factory is MISSING
        if not required and value == default(field):
            positional = False
            continue
        yield value_text(value) if positional and required else f"{field.name} = {value_text(value)}"


def settings(entry: Entry) -> Iterator[tuple[Field[Any], Any]]:
    """The settings and their values; graphs are not settings."""
    for field in entry.settings():
        value = getattr(entry, field.name)
        if not isinstance(value, Graph):
            yield field, value


def default(field: Field[Any]) -> Any:
    """What a setting is when nobody gives it."""
    return field.default_factory() if field.default_factory is not MISSING else field.default


def value_text(value: Any) -> str:
    """A setting as the language writes it."""
    match value:
        case None:
            return "none"
        case bool():
            return str(value).lower()
        case str():
            return f'"{value}"'
        case tuple():
            return f"[{', '.join(map(value_text, value))}]"  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
        case Entry():
            return op_text(value)
        case _:
            return str(value)


def is_gradient(op: Op) -> bool:
    """Whether this is the backward call of another op."""
    return isinstance(getattr(op, "of", None), Op) and hasattr(op, "wrt")


def meant(op: Op) -> tuple[Op, ...]:
    """The ops that this one stands for: a gradient for the forward op, an op made of ops for these, else for itself."""
    held = [value for _, value in settings(op)]
    if is_gradient(op):
        return (next(value for value in held if isinstance(value, Op)),)
    inner = tuple(value for value in held if isinstance(value, Op))
    return inner if inner and len(inner) == len(held) else (op,)


def headline(op: Op) -> str:
    """What a box says about its op: the operator where there is one, else the op as a stage."""
    return " -> ".join(inner.symbol or op_text(inner) for inner in meant(op))


def written(op: Op) -> str:
    """The op in full, as the language would write it."""
    text = " -> ".join(map(op_text, meant(op)))
    return f"gradient of {text}" if is_gradient(op) else text


def tail(path: str, around: str) -> str:
    """The part of a path that the box around it does not say; an index alone says too little, and `*` nothing."""
    rest = path.removeprefix(around) if path.startswith(f"{around}.") else path
    rest = re.sub(r"^[.*]+", "", rest) or path.rpartition(".")[2]
    return f"{around.rpartition('.')[2]}.{rest}" if around and rest[0].isdigit() else rest


def is_usual(title: str, op: Op) -> bool:
    """Whether a title only repeats the op's name, perhaps with a number."""
    return re.fullmatch(rf"({DERIVATIVE} )?{re.escape(op.name)}(_\d+)?(\.gradient)?", title) is not None


def short(text: str, most: int = 34) -> str:
    """The text, cut where it is too long for a box, between two settings if it has any."""
    if len(text) <= most:
        return text
    settings = text[: most - 3].rpartition(", ")[0]
    return f"{settings}, …)" if "(" in settings else f"{text[: most - 1].rstrip(' ,(')}…"


def count_text(number: int, what: str) -> str:
    """`1 layer`, `1,024 layers`."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def rounded(number: int) -> str:
    """A large count in three digits: `7.09 M`."""
    # The least count of each unit is one that would round to 1,000 of the unit below.
    units = ((999_500_000, 10**9, "G"), (999_500, 10**6, "M"), (10_000, 10**3, "k"))
    found = (f"{number / size:.3g} {unit}" for least, size, unit in units if number >= least)
    return next(found, f"{number:,}")
