"""`dslc compile`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from dslc.cli import _options
from dslc.cli._outcome import read
from dslc.errors.paint import shown_on

OUT = typer.Option("--output", "-o", metavar="DIR", help="Write the artifacts here.")
EMIT = typer.Option("--emit", metavar="A,B", help="Of ir, jaxpr, stablehlo, hlo, python. Printed, without -o.")
AFTER = typer.Option("--after", metavar="STAGE", help="Stop after a stage or a pass and print what it returned.")
DIFF = typer.Option("--diff", help="Print what each pass changed, or what `--after` names.")
SINCE = typer.Option("--since", metavar="STAGE", help="Print what changed since this stage or pass, up to `--after`.")
VERIFY = typer.Option("--verify", help="Compare outputs, gradients and loops with what the file says, in float64.")
PROFILE = typer.Option("--profile", help="Run some steps, and print the source with the time of each line.")


def compile(
    file: _options.File,
    model: _options.Model = None,
    variant: _options.Variant = None,
    settings: _options.Set = None,
    dims: _options.Dim = None,
    data: _options.Data = None,
    seed: _options.Seed = None,
    memory: _options.Memory = None,
    out: Annotated[Path | None, OUT] = None,
    emit: Annotated[str | None, EMIT] = None,
    after: Annotated[str | None, AFTER] = None,
    diff: Annotated[bool, DIFF] = False,
    since: Annotated[str | None, SINCE] = None,
    profile: Annotated[bool, PROFILE] = False,
    verify: Annotated[bool, VERIFY] = False,
    passes: _options.Passes = None,
    no_passes: _options.NoPasses = False,
    device: _options.Device = None,
    deterministic: _options.Deterministic = False,
    tune: _options.Tune = False,
    as_json: _options.Json = False,
) -> None:
    """Build the program of a file; report what the passes did, what it costs and how long it took."""
    from dslc import artifacts
    from dslc.cli import _after, _compiled
    from dslc.compilation import Compilation

    options = _options.options(
        model=model, variant=variant, settings=settings, dims=dims, data=data, seed=seed, memory=memory
    )
    kinds = _options.chosen("--emit", emit, artifacts.EMITS) or (artifacts.USUAL if out else ())
    names = _options.passes(passes, no_passes)
    compilation = Compilation(read(file), options, names)
    if after is not None or diff or since is not None:
        _after.show(compilation, after, since, diff)
        return
    _options.use(device, deterministic)
    if tune:
        from dslc.cli import _lowerings

        _lowerings.measure(compilation)
        compilation = Compilation(compilation.source, options, names)
    if profile:
        from dslc.cli import _profiled

        _profiled.report(compilation, as_json)
        return
    if verify:
        from dslc.cli import _verified

        _verified.report(compilation, as_json)
        return
    if kinds and out is None:
        texts = map(str, artifacts.artifacts(compilation, kinds, files=False).values())
        typer.echo(shown_on(sys.stdout, "\n".join(texts)), nl=False)
        return
    files = _compiled.written(artifacts.artifacts(compilation, kinds), out) if out else []
    _compiled.report(compilation, files, as_json)
