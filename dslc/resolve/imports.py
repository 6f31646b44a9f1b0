"""Imports: which file each of them means, whether it may be read, and what it declares. Each file is read once."""

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from errno import ELOOP
from itertools import islice
from pathlib import Path, PureWindowsPath
from stat import S_ISDIR, S_ISREG
from typing import TYPE_CHECKING

from dslc.catalogue import nearest
from dslc.errors.base import Note, Problem, Problems, Relayed
from dslc.errors.imports import (
    ImportCycle,
    ImportMissing,
    ImportRefused,
    ImportsTooMuch,
    ImportUnreadable,
    NeedsAlias,
    NotInLibrary,
)
from dslc.errors.names import GivenTwice
from dslc.parse import parse, tree
from dslc.source import Source

if TYPE_CHECKING:
    from dslc.resolve import Program

LIBRARY = Path(__file__).parents[1] / "std"
FILES, STD = "files", "std"
"""The two places of imports: around the file, and the library; a run keeps a folder of each."""
RESERVED = ("it", "true", "false", "none", "not", "and", "or", "if", "else", "repeat", "in", "as")
"""Words of expressions: no name of an import, although a file may be called so."""
DEEPEST, MOST, LARGEST = 20, 200, 4_000_000
"""Files that import each other in a row, files, and characters of all of them."""


class Refusal(Exception):
    """Leaves an import whose problem is its argument."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.problem = problem


def library() -> tuple[str, ...]:
    """Names of the files of the standard library."""
    return tuple(sorted(file.stem for file in LIBRARY.glob("*.net")))


@dataclass(frozen=True)
class _Link:
    """A file that is being read, and the import that asked for it."""

    file: Path
    source: Source
    part: tree.Import | None = None


@dataclass
class Imports:
    """Reads what a file imports, and what that imports."""

    root: Source
    done: dict[str, "Program"] = field(default_factory=dict[str, "Program"])
    """By the place that a run keeps them at."""
    chain: list[_Link] = field(default_factory=list[_Link])
    characters: int = 0

    def __post_init__(self) -> None:
        self.chain.append(_Link(_real(Path(self.root.name)), self.root))

    def add(self, program: "Program", part: tree.Import, problems: Problems) -> None:
        """Make what one import names known to the program."""
        alias = _alias(part)
        first = program.imports.setdefault(alias, part)
        if first is not part:
            problems.add(GivenTwice(part.span, alias, "name of an import", first.span))
            return
        try:
            kept = _place(program.source, part)
            _require_name(alias, part)
            program.modules[alias] = self._module(kept, part, problems)
        except Refusal as refusal:
            problems.add(refusal.problem)

    def _module(self, kept: str, part: tree.Import, problems: Problems) -> "Program":
        from dslc.resolve import resolve  # noqa: PLC0415  # the two call each other

        if kept in self.done:
            return self.done[kept]
        file, shown = self._find(kept, part)
        source = self._read(file, shown, kept, part)
        self.root.imported[shown] = source
        self.chain.append(_Link(_real(file), source, part))
        relayed = Relayed(problems, Note(part.span, "imported here"))
        before = len(problems.errors)
        parsed = parse(source, relayed)
        whole = len(problems.errors) == before
        self.done[kept] = made = replace(resolve(source, parsed, relayed, self), whole=whole)
        self.chain.pop()
        return made

    def _find(self, kept: str, part: tree.Import) -> tuple[Path, str]:
        """The file of an import, and how messages call it."""
        area, _, path = kept.partition("/")
        written = part.path
        folder, shown = self._folder(area)
        if area == STD and not (folder / path).is_file():  # a run from before it kept the library
            folder, shown = LIBRARY, "dslc/std"
        file = folder / path
        if not _real(file).is_relative_to(_real(folder)):
            what = "is a link that leads out of the folder of the file"
            raise Refusal(ImportRefused(part.span, written, what, "copy the file to where the link stands"))
        self._bound(file, part)
        name = f"{shown}/{path}".removeprefix("./")
        try:
            kind = file.stat().st_mode
        except (FileNotFoundError, NotADirectoryError):
            raise Refusal(ImportMissing(part.span, written, name, _neighbour(file, written))) from None
        except OSError as error:
            raise Refusal(_unreadable(part, error)) from None
        if not S_ISREG(kind):
            what, hint = ("is a folder", "name a `.net` file in it") if S_ISDIR(kind) else ("is no file", "name a file")
            raise Refusal(ImportUnreadable(part.span, written, what, hint))
        return file, name

    def _folder(self, area: str) -> tuple[Path, str]:
        if self.root.folder is not None:
            return Path(self.root.folder) / area, f"{self.root.folder}/{area}"
        if area == STD:
            return LIBRARY, "dslc/std"
        folder = Path(self.root.name).parent
        return folder, folder.as_posix()

    def _bound(self, file: Path, part: tree.Import) -> None:
        """Refuse circles, and what has no end in sight."""
        real = _real(file)
        at = next((number for number, link in enumerate(self.chain) if link.file == real), None)
        if at is not None:
            round_trip = self.chain[at:]
            names = tuple(link.source.name for link in round_trip)
            notes = tuple(Note(link.part.span, "imported here") for link in round_trip[1:] if link.part is not None)
            raise Refusal(ImportCycle(part.span, (*names, names[0]), notes))
        if len(self.chain) > DEEPEST:
            raise Refusal(ImportsTooMuch(part.span, "this chain of imports is too long", f"{DEEPEST} files in a row"))
        if len(self.root.imported) >= MOST:
            raise Refusal(ImportsTooMuch(part.span, "the file imports too many others", f"{MOST} files"))

    def _read(self, file: Path, shown: str, kept: str, part: tree.Import) -> Source:
        try:
            self.characters += file.stat().st_size
            if self.characters > LARGEST:
                what = "what the file imports is too long"
                raise Refusal(ImportsTooMuch(part.span, what, f"{LARGEST:,} characters in all"))
            data = file.read_bytes()
            return Source(shown, data.decode("utf-8-sig").replace("\r\n", "\n"), kept)
        except UnicodeDecodeError as error:
            what, hint = f"is not UTF-8 text (byte {error.start})", "save it as UTF-8"
            raise Refusal(ImportUnreadable(part.span, shown, what, hint)) from None
        except OSError as error:
            raise Refusal(_unreadable(part, error)) from None


def reached(program: "Program", problems: Problems) -> Iterator[tuple["Program", Problems]]:
    """The file, and those of its own folder that it imports, each once; with a collector for what is wrong in it."""
    seen = {program.source.name}
    waiting = [(program, problems)]
    while waiting:
        here, found = waiting.pop()
        yield here, found
        for name, module in here.modules.items():
            if module.source.name not in seen and module.source.kept.startswith(f"{FILES}/"):
                seen.add(module.source.name)
                waiting.append((module, Relayed(found, Note(here.imports[name].span, "imported here"))))


def _unreadable(part: tree.Import, error: OSError) -> Problem:
    """What the system says about a file that it does not give."""
    if error.errno == ELOOP:
        return ImportUnreadable(part.span, part.path, "is a link that leads to itself", "name the file itself")
    what = f"cannot be read: {(error.strerror or str(error)).lower()}"
    return ImportUnreadable(part.span, part.path, what, "check its name and its permissions")


def _place(importer: Source, part: tree.Import) -> str:
    """Where an import stands among all, such as `files/blocks/resnet.net`."""
    if part.is_file:
        return _place_of_file(importer, part)
    name, known = part.path.removeprefix(f"{STD}."), library()
    if name == part.path or name not in known:
        raise Refusal(NotInLibrary(part.span, name, nearest(name, known), known))
    return f"{STD}/{name}.net"


def _place_of_file(importer: Source, part: tree.Import) -> str:
    path = part.path
    hint = "write a path below the folder of the file, such as `blocks/resnet.net`"
    if not path.isprintable() or "\\" in path:
        raise Refusal(ImportRefused(part.span, path, "has characters that no path has", "write folders with `/`"))
    if posixpath.isabs(path) or PureWindowsPath(path).drive:
        raise Refusal(ImportRefused(part.span, path, "is an absolute path", hint))
    if not path.endswith(".net"):
        raise Refusal(ImportRefused(part.span, path, "is no `.net` file", "add the ending `.net`"))
    area, _, above = (importer.kept or f"{FILES}/").partition("/")
    found = posixpath.normpath(posixpath.join(posixpath.dirname(above), path))
    if found.startswith("../"):
        raise Refusal(ImportRefused(part.span, path, "leads out of the folder of the file", hint))
    return f"{area}/{found}"


def _alias(part: tree.Import) -> str:
    """The name that stands before the dot, which may be none of the language where nobody gave it."""
    if part.name is not None:
        return part.name.text
    return posixpath.basename(part.path).removesuffix(".net") if part.is_file else part.path.rpartition(".")[2]


def _require_name(alias: str, part: tree.Import) -> None:
    if alias in RESERVED or not (alias.isascii() and alias.isidentifier()):
        raise Refusal(NeedsAlias(part.span, part.path))


def _real(file: Path) -> Path:
    """The path without links; as it is where that has no end."""
    try:
        return file.resolve()
    except (OSError, RuntimeError):
        return file.absolute()


def _neighbour(file: Path, written: str) -> str | None:
    """The path of a file beside the one that is not there, with a name like it."""
    try:
        names = tuple(other.name for other in islice(file.parent.iterdir(), 1000) if other.suffix == ".net")
    except OSError:
        return None
    near = nearest(file.name, names)
    return near and posixpath.join(posixpath.dirname(written), near)
