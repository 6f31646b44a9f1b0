"""E022 and E052: imports, their names and their files."""

from dslc.errors.base import Fix, Note, Problem, problem

_MODEL = "model m { input x: [batch, 4]  output y = x -> dense(2) }\n"


@problem
class NotInModule(Problem):
    """An imported file gives its blocks and models, by their names, and nothing else: what it imports itself stays its own."""

    code = "E0220"
    example = "net 1\nimport std.mlp as parts\nmodel m { input x: [batch, 4]  output y = x -> parts.gatd(8) }\n"
    mended = example.replace("gatd", "gated")

    module: str
    name: str
    near: str | None
    known: tuple[str, ...]
    sure: bool = False
    """`near` is what was meant."""

    def headline(self) -> str:
        return f"`{self.module}` has no block called `{self.name}`"

    def help(self) -> str | None:
        if self.near:
            return f"did you mean `{self.module}.{self.near}`?"
        return f"it has {', '.join(f'`{name}`' for name in self.known)}" if self.known else "it declares no block"

    def fix(self) -> Fix | None:
        return self.rewritten(self.near and f"{self.module}.{self.near}", self.sure)


@problem
class NotInLibrary(Problem):
    """Without quotes `import` takes a file of the standard library, by its name behind `std.`; files of your own stand in quotes."""

    code = "E0221"
    example = f"net 1\nimport std.tranformer\n{_MODEL}"
    mended = f"net 1\nimport std.transformer\n{_MODEL}"

    name: str
    near: str | None
    known: tuple[str, ...]

    def headline(self) -> str:
        return f"the standard library has no `{self.name}`"

    def help(self) -> str | None:
        if self.near:
            return f"did you mean `import std.{self.near}`?"
        listed = ", ".join(f"`std.{name}`" for name in self.known)
        return f'there are {listed}; a file of your own stands in quotes: `import "{self.name}.net"`'


@problem
class ImportCycle(Problem):
    """A file that imports itself, directly or through others, would never be read to its end."""

    code = "E0222"
    example = f'net 1\nimport "example.net" as again\n{_MODEL}'
    mended = f"net 1\n{_MODEL}"

    chain: tuple[str, ...]
    links: tuple[Note, ...] = ()

    def headline(self) -> str:
        return f"imports in a circle: {' -> '.join(f'`{name}`' for name in self.chain)}"

    def label(self) -> str:
        return "this closes the circle"

    def notes(self) -> tuple[Note, ...]:
        return self.links

    def help(self) -> str | None:
        return "move what both files need into a third one, and import that in both"


@problem
class ModuleMisused(Problem):
    """The name of an import is no layer and no value: its blocks stand behind a dot."""

    code = "E0223"
    example = "net 1\nimport std.mlp as parts\nmodel m { input x: [batch, 4]  output y = x -> parts }\n"
    mended = example.replace("-> parts", "-> parts.gated(8)")

    module: str
    known: tuple[str, ...]

    def headline(self) -> str:
        return f"`{self.module}` is an import, and stands here as if it were a layer or a value"

    def help(self) -> str | None:
        if not self.known:
            return "it declares no block"
        return f"name one of its blocks: {', '.join(f'`{self.module}.{name}`' for name in self.known[:5])}"


@problem
class NeedsAlias(Problem):
    """An import is called by the name of its file; where that is no name of the language, `as` gives one."""

    code = "E0224"
    example = f'net 1\nimport "resnet-50.net"\n{_MODEL}'
    mended = f"net 1\nimport std.residual as resnet\n{_MODEL}"

    path: str

    def headline(self) -> str:
        return "the name of this file cannot be the name of an import"

    def help(self) -> str | None:
        return f'give it one: `import "{self.path}" as part`'


@problem
class ImportsTooMuch(Problem):
    """So deep a chain, or so many files, come of a mistake or of malice; real models import a handful."""

    code = "E0225"
    mended = f"net 1\nimport std.residual\n{_MODEL}"

    what: str
    most: str

    def headline(self) -> str:
        return f"{self.what}; the limit is {self.most}"

    def help(self) -> str | None:
        return "put blocks that belong together into one file"


@problem
class NotAModel(Problem):
    """A variant is one of a model, which has inputs and a default for every setting; a block becomes one when a model applies it."""

    code = "E0226"
    example = f"net 1\nimport std.residual\n{_MODEL}variant wide of residual.bottleneck(width = 128)\n"
    mended = (
        "net 1\nimport std.residual\n"
        "model m(width = 64) { input x: [batch, 8, 8, 3]  output y = x -> residual.bottleneck(width) }\n"
        "variant wide of m(width = 128)\n"
    )

    name: str

    def headline(self) -> str:
        return f"`{self.name}` is a block, and a variant is one of a model"

    def help(self) -> str | None:
        return f"write a model of this file that applies it: `... -> {self.name}(...)`"


@problem
class ImportMissing(Problem):
    """The path of an import leads from the folder of the file that it stands in, and there is no such file."""

    code = "E0520"
    example = f'net 1\nimport "nowhere/parts.net"\n{_MODEL}'
    mended = f"net 1\nimport std.mlp as parts\n{_MODEL}"

    path: str
    looked: str
    near: str | None

    def headline(self) -> str:
        return f"`{self.path}` is not there"

    def label(self) -> str:
        return f"looked for `{self.looked}`"

    def help(self) -> str | None:
        return f'did you mean `"{self.near}"`?' if self.near else "check the spelling and the folder"


@problem
class ImportRefused(Problem):
    """A file imports from its own folder and what is below, so that it is safe to check and to run whoever wrote it."""

    code = "E0521"
    example = f'net 1\nimport "../parts.net"\n{_MODEL}'
    mended = f"net 1\nimport std.mlp as parts\n{_MODEL}"

    path: str
    reason: str
    hint: str

    def headline(self) -> str:
        return f"`{self.path}` {self.reason}"

    def help(self) -> str | None:
        return self.hint


@problem
class ImportUnreadable(Problem):
    """What is imported is there, and is no text that can be read."""

    code = "E0522"
    mended = f"net 1\nimport std.mlp as parts\n{_MODEL}"

    path: str
    what: str
    hint: str

    def headline(self) -> str:
        return f"`{self.path}` {self.what}"

    def help(self) -> str | None:
        return self.hint


@problem
class ModelOfAnotherFile(Problem):
    """A train block applies and trains the models of its own file. One of another file takes part as a piece of such a model."""

    code = "E0227"

    name: str

    def headline(self) -> str:
        return f"`{self.name}` is a model of another file, and a `train` block applies those of its own"

    def help(self) -> str | None:
        return "make a model of this file that applies it, and train that"
