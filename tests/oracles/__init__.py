"""What every op is compared with: entries by family, a runner in `tests/test_oracles.py`, the table in `docs/oracles.md`.

An entry is the text of an op, the function of another library that means the same, and inputs. `python
tests/oracle_table.py` runs all of them and writes the table.
"""

from importlib import import_module
from pathlib import Path

from oracles.base import Oracle

FAMILIES = sorted(file.stem for file in Path(__file__).parent.glob("*.py") if file.stem not in ("__init__", "base"))
ORACLES: list[Oracle] = [entry for family in FAMILIES for entry in import_module(f"oracles.{family}").ORACLES]

DRAWS = "moments and shares of what it draws (`tests/test_noise.py`, `tests/test_dropout.py`)"
BY_HAND = {
    "alpha_dropout": DRAWS,
    "bernoulli": DRAWS,
    "categorical": DRAWS,
    "drop_path": DRAWS,
    "dropout": DRAWS,
    "gaussian_noise": DRAWS,
    "gumbel": DRAWS,
    "normal": DRAWS,
    "randint": DRAWS,
    "spatial_dropout": DRAWS,
    "uniform": DRAWS,
}
"""Ops that no other library can be compared with number by number, and what stands in."""
