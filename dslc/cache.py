"""The user's cache folder: parser tables and XLA's compiled programs. Everything works without it."""

import os
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
