"""What has to hold for any text at all: a check ends soon with messages that can be shown, and a layout is stable."""

import json
import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from dslc import compiler
from dslc.errors.base import Failed, Problems
from dslc.errors.paint import Paint
from dslc.errors.render import report, to_json
from dslc.format import formatted
from dslc.resolve import effort
from dslc.source import Source

HERE = Path(__file__).parent
NAME = "fuzz.net"
SLOW = 1.0
"""Seconds of processor time that a check may take."""
GIVEN_UP = 5.0
AGAIN = 2
HIDDEN = {*map(chr, range(32)), "\x7f", *map(chr, range(0x80, 0xA0)), *map(chr, range(0x202A, 0x202F)), "\u2066"} - {
    "\n"
}
"""What a terminal acts on: control characters and marks of direction."""


class Found(AssertionError):
    """Something that must not be; `kind` says what in a word, so that a smaller text can be compared."""

    def __init__(self, kind: str, what: str) -> None:
        super().__init__(f"{kind}: {what}")
        self.kind = kind


class TooLong(BaseException):
    """Raised in the middle of whatever runs; no `except Exception` stops it."""


@contextmanager
def bounded(seconds: float) -> Iterator[None]:
    """Stops what takes more processor time than that."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise TooLong

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def checked(text: str) -> Problems:
    """The problems of a text, which come soon and can all be shown."""
    source = Source(NAME, text)
    problems, took = _timed(source)
    # A busy machine takes processor time too: only what is slow every time is slow.
    for _ in range(AGAIN):
        if took > SLOW:
            problems, took = _timed(source)
    if took > SLOW:
        raise Found("slow", f"{took:.1f} s")
    _shown(problems, source)
    return problems


def _timed(source: Source) -> tuple[Problems, float]:
    start = time.process_time()
    try:
        with bounded(GIVEN_UP):
            problems = compiler.check(source)
    except TooLong:
        return Problems(), GIVEN_UP
    except (Exception, RecursionError) as error:
        raise Found(f"{type(error).__name__} at {_place(error)}", str(error)[:200]) from error
    return problems, time.process_time() - start


def _place(error: BaseException) -> str:
    step = error.__traceback__
    place = ""
    while step is not None:
        code = step.tb_frame.f_code
        if "dslc" in code.co_filename:
            place = f"{Path(code.co_filename).name}:{code.co_name}"
        step = step.tb_next
    return place


def _shown(problems: Problems, source: Source) -> None:
    sources = {source.name: source}
    try:
        for columns, paint in ((80, Paint(False)), (40, Paint(True))):
            text = report(problems, sources, columns, paint)
            hidden = {*text} & (HIDDEN - {"\x1b"} if paint.on else HIDDEN)
            if hidden:
                raise Found("unescaped", repr(hidden))
        for problem in json.loads(json.dumps(to_json(source.name, problems, sources)))["problems"]:
            if not problem["message"] or problem["line"] < 1 or problem["column"] < 1:
                raise Found("message", json.dumps(problem))
    except Found:
        raise
    except Exception as error:
        raise Found(f"{type(error).__name__} at {_place(error)}", f"to show a message: {error}"[:200]) from error


def said(problems: Problems) -> list[tuple[str, str]]:
    """What problems say, without their places and spaces; names made from places are all the same."""
    return sorted(
        (problem.code, re.sub(r"(?<=_)\d+_\d+|\s|,(?=\s*[])])", "", problem.headline())) for problem in problems
    )


def laid_out(text: str) -> str | None:
    """The text in the canonical layout, which stays as it is; None when it has errors of syntax."""
    try:
        made = formatted(Source(NAME, text))
        again = formatted(Source(NAME, made))
    except Failed as failed:
        codes = {problem.code for problem in failed.problems}
        if "E0903" in codes:
            raise Found("E0903", "a word or a comment would change") from failed
        return None
    except Exception as error:
        raise Found(f"{type(error).__name__} at {_place(error)}", f"to format: {error}"[:200]) from error
    if made != again:
        raise Found("layout", "formatted twice it is something else")
    return made


def whole(text: str) -> tuple[Problems, str | None]:
    """Everything about a text."""
    problems = checked(text)
    made = laid_out(text)
    if made is not None and said(checked(made)) != said(problems):
        raise Found("same", "formatted it has other problems")
    return problems, made


def finding(text: str, trial: Callable[[str], object] = whole) -> Found | None:
    """What is wrong with a text."""
    try:
        trial(text)
    except Found as found:
        return found
    return None


def aside(folder: Path) -> None:
    """Work where no file is in the way, and lose no more than this process when memory runs out."""
    import resource

    os.chdir(folder)
    # So that what unrolls reaches the limit within the second; the limit itself is a number.
    effort.MOST_STAGES = 3_000
    resource.setrlimit(resource.RLIMIT_AS, (8 << 30, 8 << 30))
