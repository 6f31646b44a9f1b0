"""A small algebra of documents: text with places where a line may break, laid out within a width.

After Wadler, "A prettier printer", 2003, with the fills of Lindig's "Strictly pretty", 2000: a group stands on one line
where it fits, and a fill breaks only where its next item would stick out.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TypeAlias

WIDTH = 120


@dataclass(frozen=True, slots=True)
class Line:
    """A place where a line may break; `flat` stands there where it does not."""

    flat: str = " "


@dataclass(frozen=True, slots=True)
class Newline:
    """A line ends here, whatever fits."""


@dataclass(frozen=True, slots=True)
class Blank:
    """An empty line."""


@dataclass(frozen=True, slots=True)
class IfBroken:
    """Text that stands only where the group around it is broken."""

    text: str


@dataclass(frozen=True, slots=True)
class Remark:
    """A comment, behind what stands on the line or on a line of its own; the line ends with it."""

    text: str
    own: bool


@dataclass(frozen=True, slots=True)
class Cat:
    parts: "tuple[Doc, ...]"
    breaks: bool
    """It stands on several lines, whatever the width."""
    ends: bool
    """A comment behind it ends its last line."""


@dataclass(frozen=True, slots=True)
class Nest:
    """Lines that begin inside stand `by` columns further to the right."""

    by: int
    doc: "Cat"


@dataclass(frozen=True, slots=True)
class Align:
    """Lines that begin inside stand below its first column."""

    doc: "Cat"


@dataclass(frozen=True, slots=True)
class Group:
    """What stands on one line if it fits; else each `Line` right inside is the end of one."""

    doc: "Cat"


@dataclass(frozen=True, slots=True)
class Fill:
    """Items, and between each two of them what separates them: a `Line` or a `Newline`."""

    items: "tuple[Cat, ...]"
    separators: tuple[Line | Newline, ...]
    whole: "Cat"
    at: int = 0
    line: int = 0
    """Where the item before `at` began."""


Doc: TypeAlias = str | Line | Newline | Blank | IfBroken | Remark | Cat | Nest | Align | Group | Fill


def breaks(doc: Doc) -> bool:
    """Whether a document stands on several lines, whatever the width."""
    match doc:
        case Cat():
            return doc.breaks
        case Nest() | Align() | Group():
            return doc.doc.breaks
        case Fill():
            return doc.whole.breaks
        case Remark():
            return doc.own
        case _:
            return isinstance(doc, Newline | Blank)


def ends(doc: Doc) -> bool:
    """Whether the last line of a document ends with a comment."""
    match doc:
        case Cat():
            return doc.ends
        case Nest() | Align() | Group():
            return doc.doc.ends
        case Fill():
            return doc.whole.ends
        case _:
            return isinstance(doc, Remark)


def cat(*parts: Doc) -> Cat:
    parts = tuple(part for part in parts if part != "")
    return Cat(parts, any(map(breaks, parts)) or any(map(ends, parts[:-1])), bool(parts) and ends(parts[-1]))


def nest(by: int, *parts: Doc) -> Doc:
    return Nest(by, cat(*parts))


def align(*parts: Doc) -> Doc:
    return Align(cat(*parts))


def group(*parts: Doc) -> Doc:
    return Group(cat(*parts))


def fill(items: Iterable[Doc], separators: Iterable[Line | Newline]) -> Doc:
    parts, between = (*map(cat, items),), (*separators,)
    return Fill(parts, between, cat(*between, *parts))


Command: TypeAlias = tuple[int, bool, Doc]
"""The indentation, whether lines break, and the document."""


@dataclass
class Page:
    """Lines as they are written."""

    width: int
    lines: list[str] = field(default_factory=lambda: [""])
    remarks: dict[int, str] = field(default_factory=dict[int, str])
    """Comments behind code, by the number of their line."""
    margin: int = 0
    """Where the line begins, while nothing stands on it."""
    ended: bool = False
    """A comment ended the line."""
    space: int = 0
    """Columns between what stands on the line and what will."""

    @property
    def column(self) -> int:
        return self.space + (len(self.lines[-1]) or self.margin)

    def newline(self, margin: int) -> None:
        if self.lines[-1] or self.ended:
            self.lines.append("")
        self.margin, self.ended, self.space = margin, False, 0

    def blank(self, margin: int) -> None:
        self.newline(margin)
        if len(self.lines) > 1 and self.lines[-2]:
            self.lines.append("")

    def write(self, text: str, margin: int) -> None:
        if text.isspace() or not text:
            self.space += 0 if self.ended else len(text)
            return
        if self.ended:
            self.newline(margin)
        self.lines[-1] = (self.lines[-1] or " " * self.margin) + " " * self.space + text
        self.space = 0

    def remark(self, remark: Remark, margin: int) -> None:
        if remark.own or self.ended or not self.lines[-1]:
            self.newline(margin)
            self.write(remark.text, margin)
        else:
            self.remarks[len(self.lines) - 1] = remark.text
        self.ended, self.space = True, 0

    def fits(self, first: list[Command], rest: list[Command]) -> bool:
        """Whether what comes up to the next line end has room on this line."""
        room = self.width - (first[0][0] if self.ended else self.column)
        todo: list[Command] = first
        behind = len(rest)
        while room >= 0:
            if not todo:
                if not behind:
                    return True
                behind -= 1
                todo = [rest[behind]]
            _, broken, doc = todo.pop()
            match doc:
                case str():
                    room -= len(doc)
                case Line():
                    if broken:
                        return True
                    room -= len(doc.flat)
                case Newline() | Blank() | Remark():
                    return True
                case IfBroken():
                    room -= len(doc.text) * broken
                case Cat():
                    todo += [(0, broken, part) for part in reversed(doc.parts)]
                case Nest() | Align() | Group():
                    todo.append((0, broken, doc.doc))
                case Fill():
                    todo += [(0, broken, part) for part in reversed(_rest_of(doc, broken))]
        return False


def _rest_of(doc: Fill, broken: bool) -> list[Doc]:
    """What is left of a fill; where lines break, only up to its next separator."""
    parts: list[Doc] = []
    for number in range(doc.at, len(doc.items)):
        if number:
            parts.append(doc.separators[number - 1])
            if broken:
                return parts
        parts.append(doc.items[number])
    return parts


def lay_out(doc: Doc, width: int = WIDTH) -> Page:
    """The lines of a document."""
    page = Page(width)
    todo: list[Command] = [(0, True, doc)]
    while todo:
        margin, broken, doc = todo.pop()
        match doc:
            case str():
                page.write(doc, margin)
            case Line():
                if broken or page.ended:
                    page.newline(margin)
                else:
                    page.write(doc.flat, margin)
            case Newline():
                page.newline(margin)
            case Blank():
                page.blank(margin)
            case IfBroken():
                page.write(doc.text * broken, margin)
            case Remark():
                page.remark(doc, margin)
            case Cat():
                todo += [(margin, broken, part) for part in reversed(doc.parts)]
            case Nest():
                todo.append((margin + doc.by, broken, doc.doc))
            case Align():
                todo.append((page.column, broken, doc.doc))
            case Group():
                flat = not broken or (not doc.doc.breaks and page.fits([(margin, False, doc.doc)], todo))
                todo.append((margin, not flat, doc.doc))
            case Fill():
                _fill(page, doc, margin, broken, todo)
    return page


def _fill(page: Page, doc: Fill, margin: int, broken: bool, todo: list[Command]) -> None:
    """Lay out one item of a fill, and leave the others for later."""
    if doc.at == len(doc.items):
        return
    item = doc.items[doc.at]
    if not broken:
        todo += [(margin, False, replace(doc, at=doc.at + 1)), (margin, False, item)]
        todo += [(margin, False, one) for one in doc.separators[max(doc.at - 1, 0) : doc.at]]
        return
    todo.append((margin, True, replace(doc, at=doc.at + 1)))
    if doc.at:
        separator = doc.separators[doc.at - 1]
        new = page.ended or item.breaks or len(page.lines) > doc.line
        if new or not isinstance(separator, Line) or not page.fits([(0, False, item), (0, False, separator)], todo):
            page.newline(margin)
        else:
            page.write(separator.flat, margin)
    todo[-1] = (margin, True, replace(doc, at=doc.at + 1, line=len(page.lines) + page.ended))
    todo.append((margin, True, Group(item)))
