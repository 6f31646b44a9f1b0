"""JAX as strict as it can be, for every test; 64 bits only where a test asks for them; XLA as quick as it can be."""

import os
from collections.abc import Iterator
from typing import Any

import jax
import jaxlib.version
import pytest

# A wrong mix of dtypes or ranks in an op is an error here, and not a conversion that nobody sees.
jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")

# A test runs its programs once or a few times, on a handful of numbers: most of the time of all tests was XLA's, to make
# them fast. With these it takes the shorter way to machine code, and leaves that as it comes, in one piece: a third of the
# time. Programs fuse less, and round differently in the last bit; `optimized` has them as users do.
VERSION = jaxlib.version.__version_info__
QUICK: dict[str, Any] = {"xla_backend_optimization_level": 0, "xla_cpu_parallel_codegen_split_count": 1}
USUAL: dict[str, Any] = {"xla_backend_optimization_level": 3, "xla_cpu_parallel_codegen_split_count": 32}
if VERSION < (0, 11):
    QUICK["xla_cpu_use_fusion_emitters"], USUAL["xla_cpu_use_fusion_emitters"] = False, True

# A flag that XLA does not know ends the process: none are set for versions that nobody has tried them with.
if VERSION < (0, 12):
    flags = (f"--{name}={str(value).lower()}" for name, value in QUICK.items())
    os.environ["XLA_FLAGS"] = " ".join((*flags, os.environ.get("XLA_FLAGS", "")))

KEPT = 400
"""Programs that a process keeps: some 2 MB each, of which all tests together would hold many thousands."""


class _Programs:
    """How many XLA has compiled since they were dropped."""

    count = 0

    def compiled(self, event: str, seconds: float, **more: Any) -> None:
        self.count += event.endswith("/backend_compile_duration")

    def drop(self) -> None:
        if self.count > KEPT:
            jax.clear_caches()
            self.count = 0


PROGRAMS = _Programs()
jax.monitoring.register_event_duration_secs_listener(PROGRAMS.compiled)


def pytest_runtest_logfinish() -> None:
    """Drop programs between two tests."""
    PROGRAMS.drop()


@pytest.fixture
def float64() -> Iterator[None]:
    """JAX with 64-bit floats for one test."""
    with jax.enable_x64(True):
        yield


@pytest.fixture
def optimized(monkeypatch: pytest.MonkeyPatch) -> None:
    """XLA as users have it where a program is compiled by name, for tests that count what it makes of one."""
    compile = jax.stages.Lowered.compile

    def usual(lowered: jax.stages.Lowered, compiler_options: dict[str, Any] | None = None) -> jax.stages.Compiled:
        return compile(lowered, {**(USUAL if VERSION < (0, 12) else {}), **(compiler_options or {})})

    monkeypatch.setattr(jax.stages.Lowered, "compile", usual)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What trains for long does so in the programs that users run."""
    for item in items:
        if isinstance(item, pytest.Function) and item.get_closest_marker("slow"):
            item.fixturenames.append("optimized")
