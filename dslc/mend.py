"""Applies the fixes of problems to a file: never two that overlap, and never one after which something else is wrong."""

from collections import Counter
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass, replace

from dslc.errors.base import Edit, Fix, Problem
from dslc.source import Source

ROUNDS = 50
"""A fix may bring the next one to light, as each syntax error hides what comes after it."""
SYNTAX = "E01"

Check = Callable[[Source], Sequence[Problem]]


@dataclass(frozen=True)
class Change:
    """A fix that was applied, or tried and taken back."""

    problem: Problem
    fix: Fix
    line: int
    before: str
    after: str
    worse: tuple[Problem, ...] = ()
    """What would be wrong with it that is not without it."""


@dataclass(frozen=True)
class Mended:
    """A file after its fixes."""

    source: Source
    problems: tuple[Problem, ...]
    """Those that are left."""
    applied: tuple[Change, ...] = ()
    refused: tuple[Change, ...] = ()


def mend(source: Source, check: Check) -> Mended:
    """Apply the safe fixes until there is none left that helps: those of the syntax first, which hides the rest."""
    state = Mended(source, tuple(check(source)))
    return _without_harm(_syntax(state, check), check)


def _syntax(state: Mended, check: Check) -> Mended:
    """Fixes of the syntax, as long as the file becomes readable or can be read further."""
    for _ in range(ROUNDS):
        fixes = [(problem, fix) for problem, fix in _safe(state) if _of_syntax(problem)]
        made = _applied(state, fixes, check)
        if fixes and not _read_further(state.problems, made.problems):
            tried = (_applied(state, [one], check) for one in fixes)
            made = next((one for one in tried if _read_further(state.problems, one.problems)), state)
        if made.applied == state.applied:
            break
        state = made
    return state


def _of_syntax(problem: Problem) -> bool:
    return problem.code.startswith(SYNTAX)


def _read_further(before: Sequence[Problem], after: Sequence[Problem]) -> bool:
    """Whether there are fewer syntax errors, or they come later."""
    old, new = ([problem.span.start for problem in found if _of_syntax(problem)] for found in (before, after))
    return len(new) < len(old) or (len(new) == len(old) and sum(new) > sum(old))


def _without_harm(state: Mended, check: Check) -> Mended:
    """All fixes and those that they make room for; one after which something else stays wrong is taken back."""
    made = _settled(state, check)
    if not _worse(state, made):
        return made
    for problem, fix in list(_safe(state)):
        same = [one for one in _safe(state) if _key(one[0]) == _key(problem) and one[1].safe == fix.safe]
        if not same:
            continue
        known = {_key(one) for one in state.problems}
        made = _settled(_applied(state, same[:1], check), check, known)
        if worse := _worse(state, made):
            change = replace(_change(state.source, *same[0]), worse=worse)
            state = replace(state, refused=(*state.refused, change))
        else:
            state = made
    return state


def _settled(state: Mended, check: Check, left: Container[tuple[str, str, str]] = ()) -> Mended:
    """The state after all fixes, but for those of the problems that are to be `left` alone."""
    for _ in range(ROUNDS):
        fixes = [(problem, fix) for problem, fix in _safe(state) if _key(problem) not in left]
        if not fixes:
            break
        state = _applied(state, fixes, check)
    return state


def _applied(state: Mended, fixes: Sequence[tuple[Problem, Fix]], check: Check) -> Mended:
    """The state with some fixes that do not overlap."""
    if not fixes:
        return state
    source = edited(state.source, [edit for _, fix in fixes for edit in fix.edits])
    changes = tuple(_change(state.source, problem, fix) for problem, fix in fixes)
    return replace(state, source=source, problems=tuple(check(source)), applied=state.applied + changes)


def _safe(state: Mended) -> Iterator[tuple[Problem, Fix]]:
    """Safe fixes of this file that do not overlap and have not been refused."""
    taken: list[Edit] = []
    refused = {(_key(change.problem), change.before, change.after) for change in state.refused}
    for problem in state.problems:
        fix = problem.fix()
        if fix is None or not fix.safe or any(edit.span.file != state.source.name for edit in fix.edits):
            continue
        change = _change(state.source, problem, fix)
        clash = any(_overlap(edit, other) for edit in fix.edits for other in taken)
        if not clash and change.before != change.after and (_key(problem), change.before, change.after) not in refused:
            taken += fix.edits
            yield problem, fix


def _overlap(a: Edit, b: Edit) -> bool:
    """Whether two edits change one place; two at the very same point have no order."""
    if a.span.start == b.span.start:
        return True
    first, second = sorted((a.span, b.span), key=lambda span: span.start)
    return second.start < first.end


def _worse(before: Mended, after: Mended) -> tuple[Problem, ...]:
    """Errors that were not there before."""
    known = Counter(_key(problem) for problem in before.problems)
    new = Counter(_key(problem) for problem in after.problems if problem.severity == "error") - known
    return tuple(problem for problem in after.problems if _key(problem) in new)


def _key(problem: Problem) -> tuple[str, str, str]:
    """A problem wherever it stands: an edit before it moves it."""
    return problem.code, problem.headline(), problem.label()


def _change(source: Source, problem: Problem, fix: Fix) -> Change:
    """What a fix changes, as the stretch of text from its first edit to its last."""
    ordered = sorted(fix.edits, key=lambda edit: edit.span.start)
    start, end = ordered[0].span.start, max(edit.span.end for edit in ordered)
    part = Source(source.name, source.text[:end])
    after = edited(part, fix.edits).text[start:]
    return Change(problem, fix, source.position(start)[0], source.text[start:end], after)


def edited(source: Source, edits: Sequence[Edit]) -> Source:
    """The source with all edits, which do not overlap."""
    text = source.text
    for edit in sorted(edits, key=lambda edit: edit.span.start, reverse=True):
        text = text[: edit.span.start] + edit.replacement + text[edit.span.end :]
    return Source(source.name, text)
