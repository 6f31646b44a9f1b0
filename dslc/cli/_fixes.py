"""What `dslc check --fix` does to a file."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from dslc import compiler
from dslc.cli._outcome import show
from dslc.errors.base import Failed, Problem
from dslc.errors.data import FileProblem
from dslc.errors.paint import visible
from dslc.mend import Change, Mended, mend
from dslc.source import Source, Span


def fix_file(file: str, options: compiler.Options, quiet: bool) -> None:
    """Apply the safe fixes of a file, and say what they changed; a file that cannot be read is left to the check."""
    try:
        source = compiler.read(file)
    except Failed:
        return

    def check(text: Source) -> Sequence[Problem]:
        return list(compiler.check(text, options))

    mended = mend(source, check)
    if mended.applied:
        try:
            _write(Path(file), mended.source.text)
        except OSError as error:
            reason = f"cannot be written: {(error.strerror or '').lower()}"
            show([FileProblem(Span(file, 0, 0), file, reason, "check the permissions of the file and its folder")])
            return
    if not quiet:
        sys.stdout.write("".join(f"{line}\n" for line in _said(file, mended)))


def _write(path: Path, new: str) -> None:
    """All or nothing: under a temporary name first. Ends of lines and a byte order mark stay as they are."""
    target = path.resolve()
    raw = target.read_bytes()
    data = new.encode("utf-8")
    if b"\r\n" in raw:
        data = data.replace(b"\n", b"\r\n")
    if raw.startswith(b"\xef\xbb\xbf"):
        data = b"\xef\xbb\xbf" + data
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        temporary.write_bytes(data)
        temporary.chmod(target.stat().st_mode & 0o7777)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def _said(file: str, mended: Mended) -> list[str]:
    file = visible(file)
    lines = [f"{file}:{change.line}: {_change(change)} [{change.problem.code}]" for change in mended.applied]
    for change in mended.refused:
        worse = change.worse[0].headline() if change.worse else "another problem"
        before, after = _shown(change)
        lines.append(f"{file}:{change.line}: `{before}` is left: as `{after}` it gives another error: {visible(worse)}")
    count = len(mended.applied)
    if count:
        lines.append(f"{file}: {count} problem{'s' * (count != 1)} fixed")
    return lines


def _change(change: Change) -> str:
    before, after = _shown(change)
    if not before:
        return f"added `{after}`"
    return f"`{before}` is now `{after}`" if after else f"removed `{before}`"


def _shown(change: Change) -> tuple[str, str]:
    before, after = (visible(" ".join(text.split())) for text in (change.before, change.after))
    return before, after
