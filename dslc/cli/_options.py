"""The options that several commands share."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dslc.cli import _completion

if TYPE_CHECKING:
    from dslc.compiler import Options

File = Annotated[str, typer.Argument(metavar="FILE", help="A `.net` file.")]
Run = Annotated[str, typer.Argument(metavar="RUN", help="The folder of a run.", show_default=False)]
Model = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="NAME",
        help="Which model of the file; else the one that is trained.",
        autocompletion=_completion.models,
    ),
]
Variant = Annotated[
    str | None,
    typer.Option("--variant", metavar="NAME", help="Which variant of the model.", autocompletion=_completion.variants),
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="A setting of the model or the train block; repeatable."),
]
Dim = Annotated[
    list[str] | None, typer.Option("--dim", metavar="NAME=SIZE", help="The size of a free dimension; repeatable.")
]
Data = Annotated[
    list[Path] | None,
    typer.Option("--data", metavar="DIR", exists=True, file_okay=False, help="Look here for data first; repeatable."),
]
Memory = Annotated[
    str | None,
    typer.Option("--memory", metavar="8GB", help="What a training step may take; the rest is computed again."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Seed = Annotated[int | None, typer.Option("--seed", metavar="N", min=0, help="In place of the seed of the file.")]
Passes = Annotated[str | None, typer.Option("--passes", metavar="A,B", help="Run these optimizations alone.")]
NoPasses = Annotated[bool, typer.Option("--no-passes", help="Run no optimization.")]
Device = Annotated[
    str | None, typer.Option("--device", metavar="cpu|gpu|tpu", help="Where to compute; else the best there is.")
]
Deterministic = Annotated[
    bool, typer.Option("--deterministic", help="Only what gives the same bits in every run on this machine.")
]
Tune = Annotated[
    bool,
    typer.Option("--tune", help="Time the ways to compute each layer here; this run and later ones take the fastest."),
]

DEVICES = ("cpu", "gpu", "tpu")


def _version(asked: bool) -> None:
    if asked:
        from dslc import __version__

        typer.echo(f"dslc {__version__}")
        raise typer.Exit


def dslc(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_version, help="Print the version.")
    ] = False,
    plugin: Annotated[
        list[str] | None,
        typer.Option("--plugin", metavar="FILE", help="Python with layers of your own, for any command; repeatable."),
    ] = None,
) -> None:
    """Compile a model written as text into a program that trains."""


def options(
    *,
    model: str | None = None,
    variant: str | None = None,
    settings: list[str] | None = None,
    dims: list[str] | None = None,
    data: list[Path] | None = None,
    seed: int | None = None,
    memory: str | None = None,
) -> "Options":
    """What the command line says, for the compiler.

    Raises:
        BadParameter: when a `NAME=VALUE` has no name, no value, or a size that is none.
    """
    from dslc import compiler
    from dslc.cli._outcome import sources

    given = _pairs("--set", settings or [])
    if memory is not None:
        given["memory"] = f'"{_bytes(memory)}"'
    sources.update((source.name, source) for source in (compiler.setting_source(*item) for item in given.items()))
    sizes = {name: _size(name, text) for name, text in _pairs("--dim", dims or []).items()}
    return compiler.Options(model, variant, given, sizes, tuple(data or ()), seed)


def _pairs(option: str, items: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for item in items:
        name, equals, value = (part.strip() for part in item.partition("="))
        if not (name.isidentifier() and equals and value):
            raise typer.BadParameter(f"`{option} {item}` is not of the form `{option} name=value`")
        found[name] = value
    return found


def _bytes(text: str) -> str:
    from dslc.amounts import amount

    try:
        if amount(text) > 0:
            return text.strip()
    except ValueError:
        pass
    raise typer.BadParameter(f"`--memory {text}`: an amount is written as `8GB` or `512MiB`")


def _size(name: str, text: str) -> int:
    digits = text.replace("_", "")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 19 and int(digits) > 0):
        raise typer.BadParameter(f"`--dim {name}={text}`: a size is a whole number from 1 up")
    return int(digits)


def passes(chosen: str | None, none: bool) -> tuple[str, ...] | None:
    """Names of the optimizations to run; None for all.

    Raises:
        BadParameter: when both options are given, or a name is unknown.
    """
    if none and chosen is not None:
        raise typer.BadParameter("`--passes` and `--no-passes` exclude each other")
    if none:
        return ()
    if chosen is None:
        return None
    from dslc.passes.base import PASSES

    names = tuple(name.strip() for name in chosen.split(",") if name.strip())
    for name in names:
        if name not in PASSES:
            near = PASSES.nearest(name)
            known = f"did you mean `{near}`?" if near else f"there are {', '.join(PASSES.names())}"
            raise typer.BadParameter(f"there is no pass `{name}`; {known}")
    return names


def chosen(option: str, text: str | None, known: Sequence[str]) -> tuple[str, ...]:
    """Words of a list that the command line gives, each of them a known one.

    Raises:
        BadParameter: when one is unknown.
    """
    words = tuple(word.strip() for word in (text or "").split(",") if word.strip())
    for word in words:
        if word not in known:
            raise typer.BadParameter(f"`{option} {word}`: there are {', '.join(known)}")
    if text is not None and not words:
        raise typer.BadParameter(f"`{option}` needs a word: {', '.join(known)}")
    return words


def use(device: str | None, deterministic: bool = False) -> None:
    """Compute on a kind of device, with programs kept in the user's cache.

    Args:
        deterministic: with nothing that gives other bits from run to run.

    Raises:
        BadParameter: when there is no such kind.
        Failed: when the machine has none.
    """
    from dslc.errors.base import Failed, Problems
    from dslc.errors.internal import NoDevice
    from dslc.lazy import jax
    from dslc.source import NOWHERE
    from dslc.train.device import prepare, repeat_exactly
    from dslc.tuned import recall

    if device is not None and device not in DEVICES:
        raise typer.BadParameter(f"`--device {device}`: there are {', '.join(DEVICES)}")
    if deterministic:
        repeat_exactly()
    reason = ""
    for platform in ("cuda", "rocm") if device == "gpu" else (device,):
        try:
            prepare(platform)
            jax.devices()
            recall(deterministic)
            return
        except (RuntimeError, AssertionError) as error:  # JAX only asserts that a CUDA device is visible
            reason = reason or str(error).split("\n")[0]
    problems = Problems()
    problems.add(NoDevice(NOWHERE, device or "device", reason))
    raise Failed(problems)
