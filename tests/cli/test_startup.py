"""Where people wait nothing heavy is loaded."""

import subprocess
import sys
from pathlib import Path

import pytest
from cli.commands import MLP

HEAVY = ("jax", "numpy", "rich", "networkx", "optax", "sklearn", "safetensors", "importlib.metadata")
PROBE = f"""
import sys
from dslc.cli import main
try:
    main()
except SystemExit as end:
    loaded = [name for name in {HEAVY!r} if name in sys.modules]
    print("LOADED", *loaded)
    sys.exit(end.code)
"""


def loaded(folder: Path, *words: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *words], capture_output=True, text=True, cwd=folder, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.splitlines()[-1].split()[1:])


@pytest.mark.parametrize("words", [("check", "mlp.net"), ("check", "mlp.net", "--json")])
def test_check_loads_nothing_heavy(tmp_path: Path, words: tuple[str, ...]):
    (tmp_path / "mlp.net").write_text(MLP.replace("iris() -> split(0.8, 0.2) -> standardize", "iris()"))
    assert loaded(tmp_path, *words) == set()


@pytest.mark.parametrize(
    "words",
    [
        ("--help",),
        ("--version",),
        ("check", "--help"),
        ("layers",),
        ("layers", "--json"),
        ("explain", "dense"),
        ("explain", "E0301"),
    ],
)
def test_help_and_catalogues_load_neither_jax_nor_numpy(tmp_path: Path, words: tuple[str, ...]):
    assert loaded(tmp_path, *words) <= {"importlib.metadata"}


def test_check_does_without_typer(tmp_path: Path):
    (tmp_path / "mlp.net").write_text(MLP)
    code = PROBE.replace(repr(HEAVY), "('typer', 'jax')")
    done = subprocess.run(
        [sys.executable, "-c", code, "check", "mlp.net"], capture_output=True, text=True, cwd=tmp_path, check=True
    )
    assert done.stdout.splitlines()[-1] == "LOADED"


def test_importing_the_package_loads_nothing_heavy():
    code = f"import sys, dslc; print([name for name in {('jax', 'numpy', 'typer', 'lark', 'dslc.compiler')!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_package_runs_as_a_module(tmp_path: Path):
    done = subprocess.run([sys.executable, "-m", "dslc", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("dslc ")
