"""E048: what goes wrong while the ways to compute a call are measured."""

from typing import ClassVar, Literal

from dslc.errors.base import Problem, problem


@problem
class NotKept(Problem):
    """`--tune` keeps what it measures in the user's cache folder, so that later runs choose by it. Where there is no such folder, or nothing can be written there, the choice holds for this run alone."""

    code = "E0480"
    severity: ClassVar[Literal["error", "warning", "note"]] = "note"

    calls: int

    def headline(self) -> str:
        many = "call is" if self.calls == 1 else "calls is"
        return f"what was measured of {self.calls} {many} not kept: there is no cache folder to write to"

    def help(self) -> str | None:
        return "set `XDG_CACHE_HOME` to a folder of your own"
