"""The folder of a run: what is in it, and how it is written so that no file is ever half there."""

import json
import math
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from dslc.errors.data import FileProblem
from dslc.errors.train import RunExists
from dslc.source import Source, Span
from dslc.train.checkpoint import TEMPORARY, Checkpoints, replacing
from dslc.train.task import failed

SOURCE, CONFIG, METRICS = "model.net", "config.json", "metrics.jsonl"
WEIGHTS, REPORT, CHECKPOINTS = "weights.safetensors", "report.html", "checkpoints"
RUNS = "runs"
IMPORTS = "imports"
"""What the source imports, in a folder for files and one for the library."""

Line = dict[str, Any]


class RunFolder:
    """The files of one run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.checkpoints = Checkpoints(path / CHECKPOINTS)

    @property
    def weights(self) -> Path:
        return self.path / WEIGHTS

    @property
    def is_started(self) -> bool:
        """A run has been here."""
        return (self.path / CONFIG).is_file()

    def open(self, source: Source, config: Mapping[str, Any]) -> None:
        """Make the folder, and put the source and the settings into it; a run that was killed may have left half a file."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            for left in self.path.rglob(f".*{TEMPORARY}"):
                left.unlink()
            self.write(SOURCE, source.text)
            for other in source.imported.values():
                (self.path / IMPORTS / other.kept).parent.mkdir(parents=True, exist_ok=True)
                self.write(f"{IMPORTS}/{other.kept}", other.text)
            self.write(CONFIG, json.dumps(plain(config), indent=2, ensure_ascii=False) + "\n")
        except OSError as error:
            why = f"cannot be written: {(error.strerror or str(error)).lower()}"
            raise failed(
                FileProblem(Span(source.name, 0, 0), str(self.path), why, "name another folder with `-o`")
            ) from error

    def write(self, name: str, text: str) -> None:
        """Write a text file."""
        with replacing(self.path / name) as temporary:
            temporary.write_text(text, encoding="utf-8")

    def config(self) -> dict[str, Any]:
        """The settings of the run that is here; empty when they cannot be read."""
        try:
            found = json.loads((self.path / CONFIG).read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}  # pyright: ignore[reportUnknownVariableType]

    def add(self, line: Line) -> None:
        """One more line of metrics."""
        with (self.path / METRICS).open("a", encoding="utf-8") as file:
            file.write(_jsonl([line]))

    def lines(self) -> list[Line]:
        """The lines of metrics; a last one that was cut short is left out."""
        try:
            text = (self.path / METRICS).read_text("utf-8")
        except FileNotFoundError:
            return []
        return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]

    def cut(self, step: int, splits: Iterable[str]) -> None:
        """Forget the lines after a step, and those of other splits: a run that goes on writes them again."""
        wanted = set(splits)
        kept = [line for line in self.lines() if line["step"] <= step and line["split"] in wanted]
        self.write(METRICS, _jsonl(kept))


def choose(path: Path | None, model: str, resume: bool, span: Span) -> RunFolder:
    """The folder of a run: the one that is named, else the first free `runs/<model>-<n>` (the last one to resume).

    Raises:
        Failed: when it holds something and is not to be resumed.
    """
    if path is None:
        return RunFolder(_numbered(model, resume))
    folder = RunFolder(path)
    if path.is_dir() and any(path.iterdir()) and not (resume and folder.is_started):
        raise failed(RunExists(span, str(path), folder.is_started))
    if path.exists() and not path.is_dir():
        raise failed(FileProblem(span, str(path), "is a file", "name a folder with `-o`"))
    return folder


def _numbered(model: str, resume: bool) -> Path:
    pattern = re.compile(rf"{re.escape(model)}-(\d+)")
    found = (pattern.fullmatch(path.name) for path in Path(RUNS).glob(f"{model}-*"))
    last = max((int(match[1]) for match in found if match), default=0)
    return Path(RUNS) / f"{model}-{last if resume and last else last + 1}"


def plain(value: Any) -> Any:
    """A value as JSON has it: catalogue members and durations by their settings, no NaN."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int | str):
        return value
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    settings = {name: plain(getattr(value, name)) for name in getattr(value, "__dataclass_fields__", ())}
    name = getattr(value, "name", None)
    return {"name": name, **settings} if name and "name" not in settings else settings or str(value)


def _jsonl(lines: Iterable[Line]) -> str:
    return "".join(json.dumps(plain(line), allow_nan=False) + "\n" for line in lines)
