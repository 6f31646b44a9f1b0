"""`dslc train`."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from dslc.cli import _options
from dslc.cli._outcome import read, show

OUT = typer.Option("--output", "-o", metavar="RUN", help="The folder of the run; else the next runs/MODEL-N.")
RESUME = typer.Option("--resume", help="Go on from the last checkpoint of the folder.")


def train(
    file: _options.File,
    out: Annotated[Path | None, OUT] = None,
    resume: Annotated[bool, RESUME] = False,
    model: _options.Model = None,
    variant: _options.Variant = None,
    settings: _options.Set = None,
    dims: _options.Dim = None,
    data: _options.Data = None,
    seed: _options.Seed = None,
    memory: _options.Memory = None,
    passes: _options.Passes = None,
    no_passes: _options.NoPasses = False,
    device: _options.Device = None,
    deterministic: _options.Deterministic = False,
    tune: _options.Tune = False,
) -> int:
    """Train a model; metrics, checkpoints, weights and a report come into the folder of the run."""
    from dslc import compiler
    from dslc.data.folders import Folders
    from dslc.errors.base import Problems

    names = _options.passes(passes, no_passes)
    options = _options.options(
        model=model, variant=variant, settings=settings, dims=dims, data=data, seed=seed, memory=memory
    )
    source, problems = read(file), Problems()
    plan = compiler.plan_of(compiler.front(source, problems, options), options, problems)
    show(problem for problem in problems if problem.severity == "warning")
    _options.use(device, deterministic)
    if tune:
        from dslc.cli import _lowerings
        from dslc.compilation import Compilation

        _lowerings.measure(Compilation(source, options, names))
    from dslc.train import progress, session
    from dslc.trained.run import asked

    folders = Folders(Path(file).parent, options.data)
    display = progress.suitable()
    kept = asked(file, options, plan, folders)
    plan = replace(plan, passes=names)
    result = session.train(plan, source, folders, out, resume=resume, display=display, options=kept)
    return result.exit_status
