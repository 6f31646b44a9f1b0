"""What ops have to say about the way that they took, while a program is traced: for the report."""

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar

_REMARKS: ContextVar[list[str] | None] = ContextVar("remarks", default=None)


@contextmanager
def remarked() -> Generator[list[str]]:
    """What is said inside, each thing once."""
    said: list[str] = []
    token = _REMARKS.set(said)
    try:
        yield said
    finally:
        _REMARKS.reset(token)


def remark(text: str) -> None:
    """Say something where somebody listens."""
    said = _REMARKS.get()
    if said is not None and text not in said:
        said.append(text)
