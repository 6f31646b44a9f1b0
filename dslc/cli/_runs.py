"""The folder of a run, as an argument."""

from pathlib import Path

from dslc.cli._outcome import sources
from dslc.trained.run import Run, open_run


def opened(path: str, data: list[Path] | None = None, seed: int | None = None) -> Run:
    """The run in a folder; messages about it show lines of the source that it has kept.

    Raises:
        Failed: when the folder is not that of a run.
    """
    run = open_run(Path(path), tuple(data or ()), seed)
    sources[run.source.name] = run.source
    return run
