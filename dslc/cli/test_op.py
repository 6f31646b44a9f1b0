"""`dslc test-op`."""

from collections.abc import Callable
from typing import Annotated

import typer

from dslc.cli._outcome import FINE, HAS_ERRORS

FILE = typer.Argument(metavar="FILE", help="A file of Python with layers, as `--plugin` takes it.", show_default=False)


def test_op(file: Annotated[str, FILE]) -> int:
    """Check the layers of a plugin as those of the language are: types, values, gradients and cost of their samples."""
    from dslc import plugins
    from dslc.contracts import promises
    from dslc.lazy import jax

    kinds = plugins.load(file)
    # A wrong mix of dtypes or ranks is an error here, as in the tests of the language's own layers.
    jax.config.update("jax_numpy_dtype_promotion", "strict")
    jax.config.update("jax_numpy_rank_promotion", "raise")
    failures = 0
    for kind in kinds:
        found = [(says, _failure(run)) for says, run in promises(kind)]
        failures += sum(reason is not None for _, reason in found)
        typer.echo("\n".join(_line(says, reason) for says, reason in found))
    typer.echo(f"{len(kinds)} {'layer' if len(kinds) == 1 else 'layers'}, {failures or 'no'} broken promises")
    return HAS_ERRORS if failures else FINE


def _line(says: str, reason: str | None) -> str:
    return f"  ok      {says}" if reason is None else f"  BROKEN  {says}: {reason}"


def _failure(run: Callable[[], None]) -> str | None:
    """What a check says that does not hold."""
    try:
        run()
    except Exception as error:  # noqa: BLE001  # the layer is the user's program
        said = " ".join(str(error).split())
        return f"{type(error).__name__}: {said}" if said else type(error).__name__
    return None
