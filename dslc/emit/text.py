"""Expressions of Python as text that knows how tightly it binds, and lines laid out much as Ruff and Black would."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

ATOM, POWER, UNARY, PRODUCT, SUM, SHIFT, AND, XOR, OR, COMPARISON = 100, 95, 90, 80, 70, 60, 50, 45, 40, 30
OPERATORS = {
    "add": ("+", SUM), "add_any": ("+", SUM), "sub": ("-", SUM), "mul": ("*", PRODUCT), "div": ("/", PRODUCT),
    "and": ("&", AND), "or": ("|", OR), "xor": ("^", XOR), "shift_left": ("<<", SHIFT),
    "shift_right_logical": (">>", SHIFT), "eq": ("==", COMPARISON), "ne": ("!=", COMPARISON), "lt": ("<", COMPARISON),
    "le": ("<=", COMPARISON), "gt": (">", COMPARISON), "ge": (">=", COMPARISON),
}  # fmt: skip
COLUMNS = 100
"""Of a line."""
INDENT = "    "


@dataclass(frozen=True)
class Text:
    """An expression and how tightly its outermost operator binds."""

    code: str
    binds: int = ATOM

    def __str__(self) -> str:
        return self.code

    def inside(self, least: int) -> str:
        """The code as an operand of something that binds with `least`."""
        return self.code if self.binds >= least else f"({self.code})"


def operation(name: str, left: Text, right: Text) -> Text:
    """A binary operator."""
    sign, binds = OPERATORS[name]
    # Comparisons chain in Python, and the right operand of the others is not bound by what is left of it.
    first = binds + 1 if binds == COMPARISON else binds
    return Text(f"{left.inside(first)} {sign} {right.inside(binds + 1)}", binds)


def call(function: str, *arguments: Any, **named: Any) -> Text:
    """A call; arguments that are None by name are left out."""
    parts = [str(argument) for argument in arguments]
    parts += [f"{name}={found}" for name, found in named.items() if found is not None]
    return Text(f"{function}({', '.join(parts)})")


def shape(sizes: Any) -> str:
    """A tuple."""
    sizes = tuple(sizes)
    return f"({sizes[0]},)" if len(sizes) == 1 else f"({', '.join(map(str, sizes))})"


def laid_out(line: str, indent: int) -> Iterator[str]:
    """A statement in lines of at most `COLUMNS`, broken at its last bracket and, where that is not enough, at its commas."""
    space = INDENT * indent
    if len(space) + len(line) <= COLUMNS or line.startswith("#"):
        yield space + line
        return
    if line.startswith("return ") and len(list(_parts(line))) > 1:
        line = f"return ({line.removeprefix('return ')})"
    target, equals, found = _assigned(line)
    if equals and len(space) + len(target) > COLUMNS // 2 and "," in target:
        names = target.strip("()") if target.startswith("(") and _closing(target, 0) == len(target) - 1 else target
        yield f"{space}("
        yield from (part for name in _parts(names) for part in laid_out(f"{name},", indent + 1))
        yield from _joined(f"{space}) = ", laid_out(found, indent))
        return
    if equals and _signs(found):
        fits = len(space) + len(INDENT) + len(found) <= COLUMNS
        rows = [found] if fits else _operands(found)
        yield from (f"{space}{target} = (", *(f"{space}{INDENT}{row}" for row in rows), f"{space})")
        return
    yield from _bracketed(line, indent)


def _bracketed(line: str, indent: int) -> Iterator[str]:
    """A statement broken at its last bracket."""
    space = INDENT * indent
    opening = _last_bracket(line)
    if opening is None or len(space) + opening >= COLUMNS:
        yield space + line
        return
    closing = _closing(line, opening)
    head, body, tail = line[: opening + 1], line[opening + 1 : closing], line[closing:]
    yield space + head
    parts = list(_parts(body))
    inner = space + INDENT
    # What is called may have its arguments in one line; of a tuple, a list or a dictionary each part has its own.
    literal = not re.search(r"[\w)\]]$", head[:-1]) and len(parts) > 1
    if len(inner) + len(body) <= COLUMNS and not body.endswith(",") and not literal:
        yield inner + body
    else:
        element, word, clause = body.partition(" for ")
        if word and len(parts) == 1:
            parts = [element, f"for {clause}"]
            yield from (line for part in parts for line in laid_out(part, indent + 1))
        else:
            yield from (line for part in parts for line in laid_out(f"{part},", indent + 1))
    yield space + tail


def _joined(start: str, lines: Iterator[str]) -> Iterator[str]:
    """Lines, of which the first stands behind something."""
    yield start + next(lines).lstrip()
    yield from lines


def _assigned(line: str) -> tuple[str, str, str]:
    """Target, ` = ` and value of an assignment; the line alone where it is none."""
    depth = 0
    for place, char in _code(line):
        depth += (char in "([{") - (char in ")]}")
        if not depth and line[place : place + 3] == " = ":
            return line[:place], " = ", line[place + 3 :]
    return line, "", ""


def _signs(text: str) -> list[int]:
    """Where operators stand outside of all brackets."""
    depth, found = 0, list[int]()
    for place, char in _code(text):
        depth += (char in "([{") - (char in ")]}")
        if not depth and char in "+-*/@<>=&|^" and place and text[place - 1] == " ":
            found.append(place)
    return found


def _operands(text: str) -> list[str]:
    """The text in rows that begin with its operators, those that bind least."""
    signs = _signs(text)
    least = [place for place in signs if text[place] in "+-"] or signs
    return [text[start:end].strip() for start, end in zip([0, *least], [*least, len(text)], strict=True)]


def _last_bracket(line: str) -> int | None:
    """Where the last bracket opens that stands in no other one and holds something."""
    depth, found, start = 0, None, 0
    for place, char in _code(line):
        if char in "([{":
            if not depth:
                start = place
            depth += 1
        elif char in ")]}":
            depth -= 1
            if not depth and place > start + 1:
                found = start
    return found


def _closing(line: str, opening: int) -> int:
    depth = 0
    for place, char in _code(line):
        if place >= opening:
            depth += (char in "([{") - (char in ")]}")
            if not depth:
                return place
    raise AssertionError(line)


def _parts(body: str) -> Iterator[str]:
    """What stands between the commas of a bracket."""
    depth, start = 0, 0
    for place, char in _code(body):
        depth += (char in "([{") - (char in ")]}")
        if char == "," and not depth:
            yield body[start:place].strip()
            start = place + 1
    if body[start:].strip():
        yield body[start:].strip()


def _code(line: str) -> Iterator[tuple[int, str]]:
    """The characters that stand in no string."""
    inside = ""
    for place, char in enumerate(line):
        if inside:
            inside = "" if char == inside else inside
        elif char in "\"'":
            inside = char
        else:
            yield place, char


def name_of(path: str) -> str:
    """A name of Python for a path of the source: `blocks.*.attn.qkv` is `attn_qkv`."""
    parts = [part for part in re.split(r"[. ]", path) if part not in ("", "*", "gradient", "repeat", "train")]
    parts = [part for part in parts if not re.fullmatch(r"[\d:]+", part)]
    found = re.sub(r"\W+", "_", "_".join(parts[-2:])).strip("_").lower()
    return f"{'x' if not found or found[0].isdigit() else ''}{found}"
