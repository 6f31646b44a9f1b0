"""Damages files at random: never a traceback, never more than a second, and every message can be shown.

`python tests/fuzz/mutate.py --minutes 15` writes what it finds, as small as possible, to tests/fuzz/found/.
"""

import random
import re
import sys
from functools import cache
from pathlib import Path

import campaign
from trial import HERE, checked, whole

WORD = re.compile(r'[A-Za-z_]\w*|\d[\w.]*|"[^"\n]*"|->|\*\*|//|[<>=!]=|\.\.\.?|\S')
NUMBERS = (
    "0", "1", "-1", "2", "3", "7", "1.5", "0.0", "-0.0", "1e-9", "1e300", "1e999", "255", "1_000", "100000", "1000000",
    "2147483647", "4294967296", "9223372036854775807", "9223372036854775808", "10" * 12, "9" * 40, "9" * 299, "1e-320",
)  # fmt: skip
ODD = ("\x00", "\x1b[31m", "\u202e", "\u2066", "\u200b", "\ufeff", "\x85", "\u2028", "é", "e\u0301", "日本", "🙂", "\r", "\f",
       "\t", "'", '"', "`", "\\", "$", "&", "|", "!", "?", "~", "^", "<script>", "&amp;", "#", "\x7f")  # fmt: skip
SNIPPETS = (
    " -> repeat 1_000_000 { dense(3) }", " -> repeat 100 { repeat 100 { repeat 100 { relu } } }", " ** ", " -> it", "none",
    " -> fork(1000) { dense(1000) }", "(" * 60, "[" * 40, "-" * 80, "not " * 60, "x -> " * 50, "[0]" * 50, ".T" * 50, " = = ",
    "block b = b\n", "variant v of m()\n", "import std.transformer\n", 'import "../x.net"\n', "param w: [3] = ones\n", "if x {",
    "carry h: [batch] = zeros\n", "next h = h\n", "layer l = dense(3)\n", " + 1" * 50, "1 if", "a, b = ", ": [batch, ...]",
    ": [_, n + 1]", ": i32[batch]", " as x", "require false\n", " -> scan { it }", " -> residual { relu }", "zip([1], [2])", "..",
    "range(10 ** 9)", "10 ** 10 ** 10", "0..10 ** 12", '"' + "a" * 3000 + '"', "a" * 3000, "# " + "c" * 3000 + "\n", "step s {",
)  # fmt: skip
MOST = 20_000


@cache
def seeds() -> tuple[str, ...]:
    """Files to start from: those of the language, good ones and bad ones."""
    sys.path.append(str(Path(__file__).parents[1]))  # the modules of the tests, behind those beside this file
    from small import FILES

    root = HERE.parents[1]
    first, last = ([HERE / "seeds", HERE / "found"], [root / "tests/bad", root / "dslc/std"])
    before, behind = ([file for at in folders for file in sorted(at.glob("*.net"))] for folders in (first, last))
    return tuple(file.read_text("utf-8", errors="surrogatepass") for file in (*before, *FILES, *behind))


def mutated(draw: random.Random) -> str:
    """A file with some damage."""
    text = draw.choice(seeds())
    if draw.random() < 0.15:
        text = _spliced(text, draw.choice(seeds()), draw)
    for _ in range(draw.choice((1, 1, 1, 1, 2, 2, 3, 6))):
        text = draw.choice(DAMAGE)(text, draw)[:MOST]
    return text


def _spliced(one: str, other: str, draw: random.Random) -> str:
    return one[: draw.randrange(len(one) + 1)] + other[draw.randrange(len(other) + 1) :]


def _words(text: str) -> list[tuple[int, int]]:
    return [found.span() for found in WORD.finditer(text)] or [(0, len(text))]


def _drop(text: str, draw: random.Random) -> str:
    """Some words are missing."""
    words = _words(text)
    first = draw.randrange(len(words))
    last = min(len(words), first + draw.choice((1, 1, 1, 2, 3, 8, 30)))
    return text[: words[first][0]] + text[words[last - 1][1] :]


def _twice(text: str, draw: random.Random) -> str:
    """Some words stand twice, or many times."""
    words = _words(text)
    first = draw.randrange(len(words))
    last = min(len(words), first + draw.choice((1, 1, 2, 3, 8, 30)))
    part = text[words[first][0] : words[last - 1][1]]
    return text[: words[first][0]] + f"{part} " * draw.choice((2, 2, 3, 10, 40)) + text[words[last - 1][1] :]


def _exchanged(text: str, draw: random.Random) -> str:
    """A word stands where another stood, of this file or of another."""
    start, end = draw.choice(_words(text))
    other = draw.choice((text, draw.choice(seeds())))
    low, high = draw.choice(_words(other))
    return text[:start] + other[low:high] + text[end:]


def _sort(word: str) -> str:
    return "name" if word[0].isalpha() else "number" if word[0].isdigit() else "string" if word[0] == '"' else "sign"


def _alike(text: str, draw: random.Random) -> str:
    """A word of the same sort stands where another stood: the syntax often stays right."""
    words = _words(text)
    start, end = draw.choice([span for span in words if text[span[0] : span[1]].isalnum()] or words)
    other = draw.choice((text, text, draw.choice(seeds())))
    spans = [span for span in _words(other) if _sort(other[slice(*span)] or "_") == _sort(text[start:end] or "_")]
    low, high = draw.choice(spans or [(0, 0)])
    return text[:start] + other[low:high] + text[end:]


def _groups(text: str) -> list[tuple[int, int]]:
    """Brackets with what stands in them."""
    opened: list[int] = []
    found: list[tuple[int, int]] = []
    for sign in re.finditer(r"[()\[\]{}]", text):
        if sign[0] in "([{":
            opened.append(sign.start())
        elif opened:
            found.append((opened.pop(), sign.end()))
    return found


def _group(text: str, draw: random.Random) -> str:
    """Brackets stand where others of the same kind stood, or are gone with what stood in them."""
    other = draw.choice((text, draw.choice(seeds())))
    here, there = _groups(text), _groups(other)
    if not here:
        return text
    start, end = draw.choice(here)
    same = [span for span in there if other[span[0]] == text[start]]
    low, high = draw.choice(same or [(0, 0)]) if draw.random() < 0.8 else (0, 0)
    return text[:start] + other[low:high] + text[end:]


def _line(text: str, draw: random.Random) -> str:
    """A line is missing, twice there, elsewhere, or from another file."""
    lines = text.splitlines(keepends=True) or [""]
    other = draw.choice((text, draw.choice(seeds()))).splitlines(keepends=True) or [""]
    at = draw.randrange(len(lines))
    line = draw.choice((lines[at], draw.choice(other)))
    if draw.random() < 0.5:
        del lines[at]
    if draw.random() < 0.7:
        lines.insert(draw.randrange(len(lines) + 1), line)
    return "".join(lines)


def _stage(text: str, draw: random.Random) -> str:
    """A stage is missing, twice there, or from elsewhere."""
    parts = re.split(r"(?<=->)|(?=->)", text)
    other = re.split(r"(?<=->)|(?=->)", draw.choice((text, draw.choice(seeds()))))
    at = draw.randrange(len(parts))
    stage = re.match(r"[^\n}]*", draw.choice(other))
    parts[at] = draw.choice((f" {stage[0] if stage else ''} ", f"{parts[at]} -> {stage[0] if stage else 'relu'} "))
    return "".join(parts)


def _moved(text: str, draw: random.Random) -> str:
    """Two words have changed places."""
    words = _words(text)
    (a, b), (c, d) = sorted((draw.choice(words), draw.choice(words)))
    return text if b > c else text[:a] + text[c:d] + text[b:c] + text[a:b] + text[d:]


def _number(text: str, draw: random.Random) -> str:
    """A number is another one."""
    found = [*re.finditer(r"\b\d[\d_]*(?:\.\d+)?(?:e-?\d+)?", text)]
    if not found:
        return text
    start, end = draw.choice(found).span()
    return text[:start] + draw.choice(NUMBERS) + text[end:]


def _odd(text: str, draw: random.Random) -> str:
    at = draw.randrange(len(text) + 1)
    return text[:at] + draw.choice(ODD) + text[at:]


def _snippet(text: str, draw: random.Random) -> str:
    at = draw.choice(_words(text))[draw.randrange(2)]
    return f"{text[:at]} {draw.choice(SNIPPETS)} {text[at:]}"


def _cut(text: str, draw: random.Random) -> str:
    at = draw.randrange(len(text) + 1)
    return text[:at] if draw.random() < 0.5 else text[at:]


def _bytes(text: str, draw: random.Random) -> str:
    """Some characters are others."""
    chars = [*text]
    for _ in range(draw.choice((1, 2, 5))):
        if chars:
            chars[draw.randrange(len(chars))] = chr(
                draw.choice((draw.randrange(128), draw.randrange(0x250), draw.randrange(0xD800)))
            )
    return "".join(chars)


DAMAGE = (
    *(_alike, _line, _stage, _number, _group) * 4, *(_drop, _twice, _exchanged, _moved, _snippet) * 2, _odd, _cut, _bytes,
)  # fmt: skip


def _kind(text: str) -> str:
    problems = checked(text)
    if not problems.errors:
        return "clean"
    return "wrong syntax" if any(problem.code.startswith("E01") for problem in problems.errors) else "wrong"


if __name__ == "__main__":
    campaign.run(mutated, whole, _kind)
