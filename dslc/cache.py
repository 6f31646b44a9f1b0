"""The user's cache folder: parser tables and XLA's compiled programs. Everything works without it."""

import os
from contextlib import suppress
from pathlib import Path


def folder(part: str) -> Path | None:
    """`$XDG_CACHE_HOME/dslc/<part>` (or below `~/.cache`), made when missing, readable by its owner alone.

    None where it cannot be made or belongs to somebody else: what lies there is loaded as it is.
    """
    base = os.environ.get("XDG_CACHE_HOME") or Path("~/.cache").expanduser()
    path = Path(base) / "dslc" / part
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        owned = not hasattr(os, "getuid") or path.stat().st_uid == os.getuid()
        return path if owned and os.access(path, os.W_OK) else None
    except (OSError, RuntimeError):
        return None


def keep(file: Path, text: str) -> bool:
    """Write a file whole or not at all, as other processes may read or write it now; false where that is not possible."""
    temporary = file.with_name(f"{file.name}.{os.getpid()}")
    try:
        temporary.write_text(text, "utf-8")
        temporary.replace(file)
    except OSError:
        with suppress(OSError):
            temporary.unlink()
        return False
    return True


def cores() -> int:
    """Cores that this process may use: a container or `taskset` may leave it fewer than there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
