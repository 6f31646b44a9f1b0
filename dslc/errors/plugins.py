"""E03: layers that come from a file of the user."""

from dslc.errors.base import Problem, problem


@problem
class PluginBroken(Problem):
    """A file given with `--plugin` is run to get its layers, and must define at least one class with `@op`."""

    code = "E0326"

    path: str
    line: int
    said: str

    def headline(self) -> str:
        place = f" in line {self.line}" if self.line else ""
        return f"the plugin `{self.path}` does not load{place}: {self.said}"

    def help(self) -> str | None:
        return "docs/adding-a-layer.md shows a whole one; `dslc test-op` checks it"


@problem
class PluginNamesTaken(Problem):
    """A layer of a plugin has a name of its own: one that the language has keeps its meaning in every file."""

    code = "E0327"

    path: str
    names: tuple[str, ...]

    def headline(self) -> str:
        names = ", ".join(f"`{name}`" for name in self.names)
        return f"the plugin `{self.path}` defines {names}, which the language has already"

    def help(self) -> str | None:
        return "rename the class: its name in small letters is the name of the layer"


@problem
class PluginFails(Problem):
    """The code of a layer of a plugin raised an exception while a file that uses it was checked, compiled or trained."""

    code = "E0328"

    path: str
    line: int
    said: str

    def headline(self) -> str:
        return f"the plugin `{self.path}` fails in line {self.line}: {self.said}"

    def help(self) -> str | None:
        return "`dslc test-op` checks its layers one by one; `DSLC_TRACEBACK=1` in the environment shows how it came to this"
