"""`dslc sample`."""

import sys
from typing import Annotated

import typer

from dslc.cli import _options

PROMPT = typer.Option("--prompt", metavar="TEXT", help="What the text begins with.")
TOKENS = typer.Option("--tokens", metavar="N", min=1, help="How many characters to add.")
TEMPERATURE = typer.Option(
    "--temperature", metavar="T", min=0.0, help="Below 1 bolder in the likely, 0 always the likeliest."
)
TOP_K = typer.Option("--top-k", metavar="K", min=1, help="Draw from the K likeliest characters only.")


def sample(
    run: _options.Run,
    prompt: Annotated[str, PROMPT] = "\n",
    tokens: Annotated[int, TOKENS] = 500,
    temperature: Annotated[float, TEMPERATURE] = 1.0,
    top_k: Annotated[int | None, TOP_K] = None,
    seed: _options.Seed = None,
    device: _options.Device = None,
) -> None:
    """Have a trained model of text continue a prompt."""
    from dslc.cli._runs import opened  # noqa: PLC0415  # `dslc --help` does without it

    found = opened(run)
    _options.use(device)
    from dslc.trained.sample import Settings  # noqa: PLC0415
    from dslc.trained.sample import sample as continued  # noqa: PLC0415

    pieces = continued(found, prompt, tokens, Settings(temperature, top_k, seed or 0))
    first = next(pieces)  # what is wrong shows before anything is printed
    sys.stdout.write(prompt + first)
    for piece in pieces:
        sys.stdout.write(piece)
        sys.stdout.flush()
    sys.stdout.write("\n")
