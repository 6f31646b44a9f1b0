"""Programs that were compiled once are kept in the user's cache."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import jax
from dslc.train.device import prepare
prepare("cpu")
jax.jit(lambda x: x * 3 + 1)(2.0)
assert jax.default_backend() == "cpu"
"""


@pytest.mark.parametrize("own", [False, True])
def test_compiled_programs_are_kept_in_the_users_cache(tmp_path: Path, own: bool) -> None:
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    environment.pop("JAX_COMPILATION_CACHE_DIR", None)
    if own:
        settings = {"JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0"}
        environment |= settings | {"JAX_COMPILATION_CACHE_DIR": str(tmp_path / "own")}
    root = Path(__file__).parents[2]
    subprocess.run([sys.executable, "-c", PROGRAM], env=environment, cwd=root, check=True)
    assert bool(list((tmp_path / "cache").rglob("*-cache"))) == (not own)
    assert bool(list(tmp_path.glob("own/*-cache"))) == own
