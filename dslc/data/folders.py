"""Where the files of a data set are looked for, and what a path in a `.net` file may name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath

from dslc.data.failures import DataBroken, DataMissing, PathRefused


@dataclass(frozen=True)
class Folders:
    """The folder of the `.net` file, and the folders that the command line names with `--data`, which come first."""

    base: Path
    data: tuple[Path, ...] = ()

    def find(self, relative: str, *names: str) -> Path:
        """The file at a path; with `names`, the first of these files that is there in the folder at the path.

        A folder given with `--data` may itself be the folder that is looked for.

        Raises:
            PathRefused: for a path that could leave the folders.
            DataMissing: when there is no such file.
            DataBroken: when it is not a regular file.
        """
        _require_tame(relative)
        candidates = [file for folder in self._places(relative, bool(names)) for file in _files(folder, names)]
        for candidate in candidates:
            if _is_there(relative, candidate):
                return self._checked(relative, candidate)
        wanted = str(PurePosixPath(relative, names[0])) if names else relative
        what = "the file" if not names else f"the folder with `{names[0]}`"
        raise DataMissing(
            wanted, tuple(candidates), f"put {what} beside the `.net` file, or name its folder with `--data DIR`"
        )

    def find_folder(self, relative: str) -> Path:
        """The folder at a path.

        Raises:
            PathRefused: for a path that could leave the folders.
            DataMissing: when there is no such folder.
        """
        _require_tame(relative)
        candidates = [folder / relative for folder in (*self.data, self.base)]
        found = next((folder for folder in candidates if folder.is_dir()), None)
        if found is None:
            way_out = "put the folder beside the `.net` file, or name the one it is in with `--data DIR`"
            raise DataMissing(relative, tuple(candidates), way_out)
        self._require_inside(relative, found)
        return found

    def inside(self, paths: Iterable[Path]) -> list[Path]:
        """Members of a folder that was found, as they are.

        Raises:
            PathRefused: for a link that leads out of the folders.
        """
        found = list(paths)
        for path in found:
            if path.is_symlink():
                self._require_inside(path.name, path)
        return found

    def _places(self, relative: str, is_folder: bool) -> Iterator[Path]:
        for folder in self.data:
            yield folder / relative
            if is_folder:
                yield folder
        yield self.base / relative

    def _checked(self, relative: str, found: Path) -> Path:
        self._require_inside(relative, found)
        if not found.is_file():
            raise DataBroken(found, "is a folder, not a file" if found.is_dir() else "is not a regular file")
        return found

    def _require_inside(self, relative: str, found: Path) -> None:
        real = found.resolve()
        if not any(real.is_relative_to(root.resolve()) for root in (self.base, *self.data)):
            reason = f"`{relative}` is a link out of its folder"
            raise PathRefused(relative, reason, "name the real folder with `--data DIR`")


def _require_tame(path: str) -> None:
    """Refuse what is absolute or climbs, by the rules of any system, so that a file means the same everywhere."""
    windows = PureWindowsPath(path)
    way_out = "write a path below the folder of the `.net` file, and name other folders with `--data DIR`"
    if not path.strip() or not path.isprintable():
        raise PathRefused(path, "a path needs a name in it", way_out)
    if PurePosixPath(path).is_absolute() or windows.drive or windows.root:
        raise PathRefused(path, f"`{path}` is an absolute path", way_out)
    if ".." in windows.parts:
        raise PathRefused(path, f"`{path}` climbs out with `..`", way_out)


def _files(folder: Path, names: tuple[str, ...]) -> list[Path]:
    return [folder / name for name in names] or [folder]


def _is_there(relative: str, file: Path) -> bool:
    try:
        return file.exists()
    except OSError as error:
        raise PathRefused(relative, f"`{relative}` cannot be looked up: {error.strerror}") from error
