"""Ctrl-C: asked once, a run stops in good order; asked twice, at once."""

import signal
import threading
from types import FrameType
from typing import Any, Self


class Interrupt:
    """While it is entered, the first Ctrl-C only sets `asked`."""

    def __init__(self) -> None:
        self.asked = False
        self.before: Any = None

    def __enter__(self) -> Self:
        # Python lets no other thread take signals; there Ctrl-C stays what it was.
        if threading.current_thread() is threading.main_thread():
            self.before = signal.signal(signal.SIGINT, self._ask)
        return self

    def __exit__(self, *_: object) -> None:
        self._restore()

    def _ask(self, number: int, frame: FrameType | None) -> None:
        self.asked = True
        self._restore()

    def _restore(self) -> None:
        if self.before is not None:
            signal.signal(signal.SIGINT, self.before)
            self.before = None
