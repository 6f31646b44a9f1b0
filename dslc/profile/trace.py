"""The profiler of JAX: how long each instruction of a program took, on CPUs and GPUs alike."""

from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from dslc.lazy import jax


def traced(run: Callable[[], Any], module: str) -> dict[str, float]:
    """Seconds by instruction of the program `module` while `run` runs, summed over threads, streams and calls."""
    with TemporaryDirectory(prefix="dslc-profile-") as folder:
        options = jax.profiler.ProfileOptions()
        options.python_tracer_level = 0
        with jax.profiler.trace(folder, profiler_options=options):
            jax.block_until_ready(run())
        (file,) = Path(folder).rglob("*.xplane.pb")
        return _seconds(jax.profiler.ProfileData.from_file(str(file)), module)


def _seconds(data: Any, module: str) -> dict[str, float]:
    host: dict[str, float] = {}
    device: dict[str, float] = {}
    for plane in data.planes:
        found = device if plane.name.startswith("/device:") else host
        for line in plane.lines:
            for event in line.events:
                stats = dict(event.stats)
                if "hlo_op" in stats and stats.get("hlo_module", module) == module:
                    name = str(stats["hlo_op"])
                    found[name] = found.get(name, 0.0) + event.duration_ns / 1e9
    # On a GPU the host's events are those of starting the kernels.
    return device or host
