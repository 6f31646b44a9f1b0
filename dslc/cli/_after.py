"""`dslc compile --after` and `--diff`: what a stage or a pass returned, and what it changed."""

import sys

import typer

from dslc import changes
from dslc.artifacts import after as returned
from dslc.compilation import Compilation
from dslc.compiler import STAGES
from dslc.errors.paint import paint_for, shown_on
from dslc.passes.base import PASSES
from dslc.text import to_text

STYLES = {"+": "good", "-": "error", "@": "frame"}


def show(compilation: Compilation, after: str | None, since: str | None, diff: bool) -> None:
    """Print what `--after` names, or what changed up to there.

    Raises:
        BadParameter: when there is no such stage or pass, or it has no graph.
        Failed: when the file has errors.
    """
    if after is None and since is None:
        _print(list(changes.of_each_pass(compilation)) or ["no pass changes this graph"])
    elif diff or since is not None:
        after = after or "optimize"
        _known("--after", after, compilation)
        start = since or changes.before(after, compilation)
        if start is None:
            raise typer.BadParameter(f"`--diff --after {after}`: no stage before it has a graph; name another one")
        _known("--since", start, compilation)
        _print(list(changes.between(start, after, compilation)) or [f"{start} and {after} return the same graph"])
    elif after in STAGES:
        typer.echo(shown_on(sys.stdout, returned(after, compilation)), nl=False)
    elif after is not None:
        _known("--after", after, compilation)
        graph = changes.graph_after(after, compilation)
        assert graph is not None
        typer.echo(shown_on(sys.stdout, to_text(graph)), nl=False)


def _known(option: str, point: str, compilation: Compilation) -> None:
    """Refuse what is no stage with a graph, and no pass that runs in this program."""
    if point in changes.GRAPHS:
        return
    if point in STAGES:
        raise typer.BadParameter(f"`{option} {point}`: of the stages {', '.join(changes.GRAPHS)} return a graph")
    if point not in PASSES:
        near = PASSES.nearest(point)
        known = f"did you mean `{near}`?" if near else f"there are {', '.join((*STAGES, *PASSES.names()))}"
        raise typer.BadParameter(f"`{option} {point}`: there is no such stage or pass; {known}")
    if changes.graph_after(point, compilation) is None:
        phase = compilation.optimize[1].phase
        raise typer.BadParameter(f"`{option} {point}`: the pass does not run in this program, which is for {phase}")


def _print(lines: list[str]) -> None:
    paint = paint_for(sys.stdout)
    for line in lines:
        style = "headline" if line.startswith(("---", "+++")) else STYLES.get(line[:1])
        text = shown_on(sys.stdout, line)
        typer.echo(paint(style, text) if style else text)
