"""What was probably meant where the syntax is wrong: habits of other languages, a slip of the finger, a sign left out.

Each rule looks at the text around the place that the parser cannot take and gives a `Slip`: its kind, whose prose is in
`errors.parse`, and the edits that mend it.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from dslc.errors.base import Edit
from dslc.errors.parse import Slip
from dslc.source import Span

NAME = r"[A-Za-z_]\w*"
COLON = frozenset({"COLON"})
OPERATORS = ("+", "-", "*", "/", "//", "%", "**", "@", "==", "!=", "<", ">", "<=", ">=")
SIGNS: Mapping[str, tuple[str, str]] = {
    "→": ("arrow", "->"), "⟶": ("arrow", "->"), "“": ("quotes", '"'), "”": ("quotes", '"'), "„": ("quotes", '"'),
    "\u00d7": ("character", "*"), "·": ("character", "*"), "\u2212": ("character", "-"), "\u2013": ("character", "-"), "÷": ("character", "/"), "≤": ("character", "<="),
    "≥": ("character", ">="), "≠": ("character", "!="), "…": ("character", "..."), "\u00a0": ("space", " "), "\u200b": ("space", ""),
    "\ufeff": ("space", ""), "\u2009": ("space", " "), "\u202f": ("space", " "), "^": ("raised", "**"),
}  # fmt: skip
WORDS: Mapping[str, tuple[str, str]] = {
    "return": ("output", "output"), "for": ("for", "repeat"), "elif": ("elif", "else if"),
    **dict.fromkeys(["let", "var", "const", "val", "auto"], ("let", "")),
}  # fmt: skip
STATEMENT = re.compile(
    r"(?:\s|#[^\n]*)*"
    rf"(?:\}}|$|(?:input|output|param|state|carry|next|layer|require|step|group)\b|{NAME}\s*[=,])"
)


@dataclass(frozen=True)
class Place:
    """Where the parser stopped."""

    file: str
    text: str
    at: int
    word: str
    """What stands there; empty for a character that begins no word, and at the end of the file."""
    expected: frozenset[str] = frozenset()

    @property
    def before(self) -> str:
        """The text before, without the space at its end."""
        return self.text[: self.at].rstrip()

    @property
    def after(self) -> str:
        return self.text[self.at + len(self.word) :]

    @property
    def line_before(self) -> str:
        """What stands before on the same line."""
        return self.text[self.text.rfind("\n", 0, self.at) + 1 : self.at]

    def slip(self, kind: str, start: int, end: int, replacement: str, safe: bool = True) -> Slip:
        return Slip(kind, (Edit(Span(self.file, start, end), replacement),), safe)


def find(place: Place) -> Slip | None:
    """The first rule that knows what was meant."""
    return next((slip for rule in RULES if (slip := rule(place))), None)


def _sign(place: Place) -> Slip | None:
    """A character of a word processor, or of another language."""
    char = place.text[place.at : place.at + 1]
    if place.word or char not in SIGNS:
        return None
    kind, replacement = SIGNS[char]
    return place.slip(kind, place.at, place.at + 1, replacement)


def _quotes(place: Place) -> Slip | None:
    found = re.match(r"'([^'\"\n\\]*)'", place.text[place.at :])
    if place.word or found is None:
        return None
    return place.slip("quotes", place.at, place.at + found.end(), f'"{found[1]}"')


def _logic(place: Place) -> Slip | None:
    """`&&`, `||`, `!`; a single bar is a pipe of the shell."""
    rest = place.text[place.at :]
    for sign, kind, word in (
        ("&&", "logic", "and"),
        ("||", "logic", "or"),
        ("|>", "arrow", "->"),
        ("|", "arrow", "->"),
    ):
        if not place.word and rest.startswith(sign):
            left = "" if place.text[place.at - 1 : place.at].isspace() else " "
            right = "" if rest[len(sign) : len(sign) + 1].isspace() else " "
            return place.slip(kind, place.at, place.at + len(sign), f"{left}{word}{right}", sign != "|")
    if not place.word and re.match(r"![\w(]", rest):
        return place.slip("logic", place.at, place.at + 1, "not ")
    return None


def _arrow(place: Place) -> Slip | None:
    """`=>`, `>>`, `- >`, `-->` and `-> ->` for one arrow."""
    start = len(place.before)
    rest = place.text[place.at :]
    if place.word == "=" and rest.startswith("=>"):
        return place.slip("arrow", place.at, place.at + 2, "->")
    drawn = re.match(r">>|--+>|-[ \t]+>", rest)
    if drawn:
        return place.slip("arrow", place.at, place.at + drawn.end(), "->")
    for sign in (">", "--", "-"):
        if place.word == ">" and place.before.endswith(sign) and "\n" not in place.text[start : place.at]:
            return place.slip("arrow", start - len(sign), place.at + 1, "->")
    if place.word == "->" and place.before.endswith("->"):
        return place.slip("arrow_twice", start, place.at + 2, "")
    if place.word in ("}", ")", ";") and place.before.endswith("->"):
        return place.slip("arrow_ends", len(place.before[:-2].rstrip()), start, "", safe=False)
    return None


def _equals(place: Place) -> Slip | None:
    """`:` or `==` or nothing, where a setting or a statement has `=`."""
    named = re.search(rf"[(,]\s*{NAME}(\s*):$", place.before)
    if named and {"LSQB", "NAME"} >= place.expected:
        return place.slip("equals", len(place.before) - 1 - len(named[1]), len(place.before), " =")
    if place.word == ":" and place.expected == COLON:
        return None
    if place.word == ":" and "EQUAL" in place.expected and not re.match(r"\s*(?:\w+\s*)?\[", place.after):
        hinted = re.match(rf"\s*{NAME}\s*(?==)", place.after)  # `width: int = 3`
        if hinted:
            return place.slip("hint", len(place.before), place.at + 1 + hinted.end(), " ")
        end = place.at + (2 if place.after.startswith("=") else 1)
        return place.slip("equals", len(place.before), end, " =")
    if place.word == "=" and place.before.endswith("=") and "NAME" in place.expected:
        return place.slip("equals", place.at, place.at + 1, "")
    starts_value = place.word[:1].isdigit() or place.word[:1] in ('"', "(", "[")
    if starts_value and {"COMMA", "EQUAL"} >= place.expected and "EQUAL" in place.expected:
        return place.slip("equals", len(place.before), place.at, " = ")
    return None


def _colon(place: Place) -> Slip | None:
    """The type of an input stands behind a colon, in brackets."""
    if place.expected == COLON and place.word == "=":
        return place.slip("colon", len(place.before), place.at + 1, ":")
    if place.expected == COLON and place.word == "[":
        return place.slip("colon", len(place.before), place.at, ": ")
    if place.word == "(" and {"LSQB", "NAME"} >= place.expected and re.search(r":\s*\w*$", place.before):
        end = re.match(r"[^()\[\]{}\n]*\)", place.after)
        if end:
            close = place.at + end.end()
            edits = (
                Edit(Span(place.file, place.at, place.at + 1), "["),
                Edit(Span(place.file, close, close + 1), "]"),
            )
            return Slip("brackets", edits, safe=True)
    return None


def _comma(place: Place) -> Slip | None:
    """A comma or a bracket left out in a list of settings; a comma or a semicolon too many between statements."""
    if {"COMMA", "RPAR"} <= place.expected or {"COMMA", "RSQB"} <= place.expected:
        closing = ")" if "RPAR" in place.expected else "]"
        here = len(place.before)
        if place.line_before.strip() and re.match(r"[\w\"(\[]", place.word):
            return place.slip("comma", here, here, ",")
        if STATEMENT.match(place.text, place.at) and (place.word == "}" or not place.line_before.strip()):
            return place.slip("closing", here, here, closing, safe=False)
    if place.word in (",", ";") and "RBRACE" in place.expected and STATEMENT.match(place.after):
        return place.slip("newline", place.at, place.at + 1, "" if place.after[:1].isspace() else " ")
    return None


def _number(place: Place) -> Slip | None:
    header = re.search(r"(?:^|\n)\s*net\s+[0-9]+$", place.before)
    if header and place.word == "." and (digits := re.match(r"[0-9.]*", place.after)):
        return place.slip("version", place.at, place.at + 1 + digits.end(), "")
    if place.word == "." and re.match(r"[0-9]", place.after):
        return place.slip("number", place.at, place.at, "0")
    if place.expected == frozenset({"NAME"}) and re.search(r"(?<![\w.])[0-9][0-9_]*\.$", place.before):
        return place.slip("number", len(place.before), len(place.before), "0")
    return None


def _habit(place: Place) -> Slip | None:
    """A statement word of another language, and its comments."""
    if place.word == "//" and (not place.line_before.strip() or "RBRACE" in place.expected or "$END" in place.expected):
        return place.slip("comment", place.at, place.at + 2, "#")
    found = re.search(rf"({NAME})\s*$", place.before)
    word = found[1] if found else ""
    if found is None or word not in WORDS or not {"EQUAL", "COMMA"} & place.expected:
        return None
    kind, replacement = WORDS[word]
    start = found.start(1)
    if kind == "let":
        return place.slip(kind, start, place.at, "")
    if kind == "output" and not re.match(r"\s*(?:\}|$|\n)", place.after):
        replacement = "output result ="
    return place.slip(kind, start, start + len(word), replacement, kind != "for")


def _pipe(place: Place) -> Slip | None:
    """Arithmetic behind a pipe: parentheses around the pipe."""
    if place.word not in OPERATORS:
        return None
    start = _pipe_start(place.before)
    if start is None:
        return None
    head = place.before[start : place.before.find("->", start)]
    alone = not re.search(r"[-+*/%@<>=]", re.sub(r"[(\[][^()\[\]]*[)\]]", "", head))
    edits = (
        Edit(Span(place.file, start, start), "("),
        Edit(Span(place.file, len(place.before), len(place.before)), ")"),
    )
    return Slip("pipe", edits, safe=alone)


def _pipe_start(before: str) -> int | None:
    """Where the pipe begins that ends here: behind the last `=`, comma or bracket that is open."""
    depth, arrow = 0, False
    for at in range(len(before) - 1, -1, -1):
        char = before[at]
        depth += (char in ")]}") - (char in "([{")
        arrow = arrow or (depth == 0 and before[at : at + 2] == "->")
        ends = depth < 0 or (depth == 0 and (char == "," or (char == "=" and before[at - 1] not in "=!<>")))
        if ends:
            rest = before[at + 1 :]
            return at + 1 + len(rest) - len(rest.lstrip()) if arrow and char != "{" else None
    return None


RULES: tuple[Callable[[Place], Slip | None], ...] = (
    _sign, _quotes, _logic, _arrow, _habit, _equals, _colon, _comma, _number, _pipe,
)  # fmt: skip
