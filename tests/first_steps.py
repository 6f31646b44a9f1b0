"""Trains an example for its first steps, at settings that take seconds, on data that are drawn here where it names a file."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import headers
import numpy as np

from dslc import compiler
from dslc.data.folders import Folders
from dslc.source import Source
from dslc.train.session import train

SOURCE = re.compile(r"(\n  data += )\w+\([^()]*\)")


@dataclass(frozen=True)
class Tiny:
    """A small run of an example."""

    name: str
    settings: str = ""
    """As on the command line, one after the other: `width=8 size=32`."""
    files: Mapping[str, Mapping[str, np.ndarray]] = field(default_factory=dict)
    """Arrays in place of the files that it names."""
    steps: int = 12
    watched: str = "loss"
    """A value that the run logs: where steps work against each other, their sum says little."""
    marks: Any = ()
    """Of pytest."""

    def losses(self, folder: Path) -> list[float]:
        """The watched value in each step."""
        source = headers.example(headers.EXAMPLES / f"{self.name}.net").source
        for name, arrays in self.files.items():
            np.savez(folder / name, **arrays)
            # The stages behind the source stay.
            source = Source(source.name, SOURCE.sub(rf'\1npz("{name}")', source.text, count=1))
        given = dict(setting.split("=", 1) for setting in self.settings.split())
        settings = {"log": "1", "steps": str(self.steps), "precision": '"f32"', **given}
        options = compiler.Options(settings=settings, data=(folder,), seed=0)
        plan = compiler.plan(source, options)
        train(plan, source, Folders(folder, (folder,)), folder / "run")
        lines = map(json.loads, (folder / "run" / "metrics.jsonl").read_text().splitlines())
        return [line[self.watched] for line in lines if line["split"] == "train"]
