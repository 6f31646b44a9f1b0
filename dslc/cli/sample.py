"""`dslc sample`."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dslc.cli import _options
from dslc.errors.paint import shown_on, visible

if TYPE_CHECKING:
    from dslc.trained.run import Run
    from dslc.trained.sample import Settings

PROMPT = typer.Option("--prompt", metavar="TEXT", help="Text: what it begins with, else a new line; what to translate.")
TOKENS = typer.Option("--tokens", metavar="N", min=1, help="Text: how many characters to add; else 500.")
TEMPERATURE = typer.Option(
    "--temperature", metavar="T", min=0.0, help="Text: below 1 bolder in the likely, 0 always the likeliest."
)
TOP_K = typer.Option("--top-k", metavar="K", min=1, help="Text: draw from the K likeliest characters only.")
SET = typer.Option("--set", metavar="NAME=VALUE", help="A setting of the sample block, such as n=16; repeatable.")
OUT = typer.Option("--output", "-o", metavar="DIR", help="Where a sample block writes; else the folder of the run.")


def sample(
    run: _options.Run,
    prompt: Annotated[str | None, PROMPT] = None,
    tokens: Annotated[int | None, TOKENS] = None,
    temperature: Annotated[float | None, TEMPERATURE] = None,
    top_k: Annotated[int | None, TOP_K] = None,
    settings: Annotated[list[str] | None, SET] = None,
    out: Annotated[Path | None, OUT] = None,
    seed: _options.Seed = None,
    device: _options.Device = None,
) -> None:
    """Run the sample block of a trained model; have a model of text continue a prompt."""
    from dslc.cli._runs import opened
    from dslc.trained.draw import has_block

    given = _options.options(settings=settings).settings
    of_text = {"--prompt": prompt, "--tokens": tokens, "--temperature": temperature, "--top-k": top_k}
    found = opened(run)
    if has_block(found):
        _refuse(of_text, "belongs to models of text, and this run has a `sample` block")
        _options.use(device)
        _draw(found, dict(given), seed or 0, out)
        return
    _refuse({"--set": settings, "-o": out}, "belongs to `sample` blocks, and this run has none")
    _options.use(device)
    from dslc.trained.sample import Settings

    chosen = Settings(1.0 if temperature is None else temperature, top_k, seed or 0)
    _continue(found, "\n" if prompt is None else prompt, tokens or 500, chosen)


def _refuse(options: Mapping[str, object], why: str) -> None:
    for name, value in options.items():
        if value is not None and value != []:
            raise typer.BadParameter(f"`{name}` {why}")


def _draw(run: "Run", settings: dict[str, str], seed: int, out: Path | None) -> None:
    from dslc.trained.draw import draw, write

    for line in write(draw(run, settings, seed), out or run.path):
        sys.stdout.write(visible(line) + "\n")


def _continue(run: "Run", prompt: str, tokens: int, settings: "Settings") -> None:
    from dslc.cli._outcome import show
    from dslc.trained.sample import sample as continued
    from dslc.trained.translate import translate, translates

    other = translates(run)
    pieces = (translate if other else continued)(run, prompt, tokens, settings, lambda said: show([said]))
    first = next(pieces, "")  # what is wrong shows before anything is printed
    sys.stdout.write(shown_on(sys.stdout, first if other else prompt + first))
    for piece in pieces:
        sys.stdout.write(shown_on(sys.stdout, f" {piece}" if other else piece))
        sys.stdout.flush()
    sys.stdout.write("\n")
