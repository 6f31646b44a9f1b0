"""Kills a training run with SIGKILL at random moments, goes on by `--resume`, and compares the end with a run left alone.

python benchmarks/killed.py [--kills 50] [--seed 0]
"""

import argparse
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).parent
EPOCHS = 15_000


def command(folder: Path, *more: str) -> list[str]:
    file = str(HERE / "digits.net")
    return [sys.executable, "-m", "dslc", "train", file, "-o", str(folder), "--set", f"epochs={EPOCHS}", *more]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    dice = random.Random(options.seed)  # noqa: S311  # moments to kill at, no secrets
    with tempfile.TemporaryDirectory() as base:
        whole, parts = Path(base) / "whole", Path(base) / "parts"
        subprocess.run(command(whole), check=True, capture_output=True)
        reached: list[str] = []
        for number in range(options.kills):
            more = ("--resume",) if (parts / "model.net").exists() else ()
            with subprocess.Popen(
                command(parts, *more), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
            ) as process:
                assert process.stderr is not None
                # Most of the moments lie in the training; every fifth anywhere, the start included.
                while number % 5 and not process.stderr.readline().startswith("step") and process.poll() is None:
                    pass
                time.sleep(dice.uniform(0.0, 1.5))
                process.kill()
            found = sorted((parts / "checkpoints").glob("step-*.safetensors")) if parts.exists() else []
            reached.append(found[-1].stem.removeprefix("step-").lstrip("0") if found else "0")
            print(f"kill {number + 1}: newest checkpoint at step {reached[-1]}", flush=True)
        more = ("--resume",) if parts.exists() else ()
        subprocess.run(command(parts, *more), check=True, capture_output=True)
        same = (whole / "weights.safetensors").read_bytes() == (parts / "weights.safetensors").read_bytes()
        print(f"{options.kills} kills; the weights at the end are {'the same, bit for bit' if same else 'DIFFERENT'}")
        sys.exit(0 if same else 1)


if __name__ == "__main__":
    main()
