"""Runs the lints over a file, and leaves out what its author allows."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from dslc.data.failures import DataFailure
from dslc.data.folders import Folders
from dslc.data.schema import Schema
from dslc.errors.base import Edit, Fix, Problem, Problems
from dslc.graph import Graph
from dslc.lint.base import LINTS, Scene, View
from dslc.lint.useless_allow import UselessAllow
from dslc.plan import Plan
from dslc.resolve import Program
from dslc.source import Source, Span

COMMENT = re.compile(r'"(?:\\.|[^"\\\n])*"|#[^\n]*')
ALLOW = re.compile(r"allow:\s*(\w+(?:\s*,\s*\w+)*)")


def add(
    program: Program,
    graphs: Sequence[Graph | None],
    plans: Sequence[Plan | None],
    folders: tuple[Path, ...],
    problems: Problems,
) -> None:
    """What lints have to say of a file without errors: of its text, its models and its train blocks."""
    made = [graph for graph in graphs if graph is not None]
    scenes = [Scene(program, View(graph)) for graph in made]
    models = {graph.name: graph for graph in reversed(made)}  # a variant has the name of its model and comes later
    for plan in filter(None, plans):
        schema = _schema(program, plan, folders)
        scenes.append(Scene(program, View(plan.graph), plan, schema, models.get(plan.model)))
    for lint in LINTS:
        found = [*lint.of_file(program), *(problem for scene in scenes for problem in lint.of_graph(scene))]
        for problem in found:
            if problem.span.file == program.source.name:  # what stands in another file is said where that is checked
                problems.add(problem)


def _schema(program: Program, plan: Plan, folders: tuple[Path, ...]) -> Schema | None:
    try:
        return plan.data.schema(Folders(Path(program.source.name).parent, folders))
    except DataFailure as failure:
        return getattr(failure, "schema", None)


@dataclass(frozen=True)
class Allow:
    """A code that a comment allows on some lines."""

    code: str
    lines: tuple[int, ...]
    span: Span
    edits: Fix
    """Takes it out."""


def silence(source: Source, problems: Problems) -> None:
    """Leave out the warnings that comments of the file allow; a comment that allows nothing is one itself."""
    allows = list(_allows(source))
    used: set[Allow] = set()
    kept: list[Problem] = []
    for problem in problems.found:
        here = [allow for allow in allows if _means(allow, problem, source)]
        used.update(here)
        kept += [] if here else [problem]
    problems.found[:] = kept
    if not problems.errors:
        known = {lint.code for lint in LINTS} | {"W0214"}
        for allow in allows:
            if allow not in used:
                problems.add(UselessAllow(allow.span, allow.code, allow.code in known, allow.edits))


def _means(allow: Allow, problem: Problem, source: Source) -> bool:
    if problem.severity != "warning" or problem.code != allow.code or problem.span.file != source.name:
        return False
    return source.position(problem.span.start)[0] in allow.lines


def _allows(source: Source) -> Iterator[Allow]:
    """What the comments of a file allow: on their own line, or on the next where they stand alone."""
    if "allow:" not in source.text:
        return
    for comment in COMMENT.finditer(source.text):
        found = ALLOW.search(comment[0]) if comment[0].startswith("#") else None
        if found is None:
            continue
        line = source.position(comment.start())[0]
        alone = not source.line(line)[: source.position(comment.start())[1] - 1].strip()
        codes = list(re.finditer(r"\w+", found[1]))
        start = comment.start() + found.start(1)
        for code in codes:
            span = Span(source.name, start + code.start(), start + code.end())
            fix = _without(source, comment, len(codes), span)
            yield Allow(code[0], (line, line + 1) if alone else (line,), span, fix)


def _without(source: Source, comment: re.Match[str], codes: int, span: Span) -> Fix:
    """The fix that takes a code out of its comment, and the comment with its last one."""
    start, end = span.start, span.end
    if codes == 1 and re.fullmatch(r"#\s*allow:\s*\w+\s*", comment[0]):
        start, end = len(source.text[: comment.start()].rstrip(" \t")), comment.end()
        if start and source.text[start - 1] == "\n" and source.text[end : end + 1] == "\n":
            end += 1
    elif (comma := re.match(r"\s*,\s*", source.text[end:])) is not None:
        end += comma.end()
    else:
        start = len(source.text[:start].rstrip().removesuffix(",").rstrip())
    return Fix((Edit(Span(source.name, start, end), ""),), safe=codes == 1)
