"""`dslc view`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dslc.cli import _options
from dslc.cli._outcome import read
from dslc.errors.paint import visible

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dslc.compilation import Compilation
    from dslc.optimize import Report
    from dslc.view import View

SUBJECT = typer.Argument(metavar="FILE or RUN", help="A `.net` file, or the folder of a run.", show_default=False)
OUT = typer.Option("--output", "-o", metavar="PAGE", help="The page to write; else NAME.html in this folder.")


def view(
    subject: Annotated[str, SUBJECT],
    out: Annotated[Path | None, OUT] = None,
    model: _options.Model = None,
    variant: _options.Variant = None,
    settings: _options.Set = None,
    dims: _options.Dim = None,
    data: _options.Data = None,
    passes: _options.Passes = None,
    no_passes: _options.NoPasses = False,
) -> None:
    """Draw the graph of a model as a page to open in a browser."""
    from dslc.cli import _files
    from dslc.compilation import Compilation
    from dslc.view import page

    names = _options.passes(passes, no_passes)
    if Path(subject).is_dir():
        from dslc.cli._runs import opened

        run = opened(subject, data)
        compilation = Compilation(run.source, run.options, run.passes if names is None else names)
    else:
        options = _options.options(model=model, variant=variant, settings=settings, dims=dims, data=data)
        compilation = Compilation(read(subject), options, names)
    text = page(list(_views(compilation)), [compilation.source])
    target = out or Path(f"{Path(subject).resolve().stem}.html")
    _files.write(target, text)
    typer.echo(f"{visible(str(target))}: {compilation.build.name}")


def _views(compilation: "Compilation") -> "Iterator[View]":
    """The graph before and after the passes; of a model that is trained the backward pass and the model by itself as well."""
    from dslc.optimize import optimize
    from dslc.view import View

    if compilation.plan is None:
        graph, report = optimize(compilation.model, "inference", compilation.passes)
        yield View("source", compilation.model)
        yield View("optimized", graph, tuple(_notes(report)))
        return
    graph, report = compilation.optimize
    yield View("source", compilation.build)
    yield View("optimized", graph, tuple(_notes(report)))
    yield View("backward", compilation.differentiate)
    if compilation.resolve.model(compilation.plan.name) is not None:
        yield View("model", compilation.model)


def _notes(report: "Report") -> "Iterator[str]":
    for step in report.steps:
        for match in step.taken:
            yield f"{step.optimization.name} took {', '.join(place.path for place in match.places)}: {match.gain}"
        for match in step.refused:
            yield f"{step.optimization.name} refused {', '.join(place.path for place in match.places)}: {match.reason}"
