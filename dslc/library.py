"""The standard library: what its files say about their blocks, and the samples in their comments."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from dslc import compiler
from dslc.errors.base import Problems
from dslc.graph import Graph
from dslc.parse import parse, tree
from dslc.resolve.imports import LIBRARY, STD, library
from dslc.source import Source
from dslc.text.outline import outline

SAMPLE = re.compile(
    r"sample: (?P<inputs>.+?) -> (?P<stage>.+) : (?P<outputs>[\[(a-z].*[\])]), (?P<weights>[\d,]+) weights?"
)
PICTURED = "sample.net"


@dataclass(frozen=True)
class Sample:
    """A use of a block: what goes in, the stage, what comes out, and how many weights it has."""

    given: str
    stage: str
    gives: str
    weights: int

    @property
    def inputs(self) -> tuple[tuple[str, str], ...]:
        """Type of each input, and its name where it is given by that."""
        parts = (part.rpartition(" = ") for part in _members(self.given))
        return tuple((name, type) for name, _, type in parts)

    @property
    def outputs(self) -> tuple[str, ...]:
        return _members(self.gives)

    def source(self, module: str) -> Source:
        """A file with a model that is the sample."""
        names = [name or f"x{number}" * (number > 0) or "x" for number, (name, _) in enumerate(self.inputs)]
        inputs = "".join(f"  input {name}: {type}\n" for name, (_, type) in zip(names, self.inputs, strict=True))
        given = [f"{named} = {name}" if named else name for name, (named, _) in zip(names, self.inputs, strict=True)]
        pipe = f"({', '.join(given)})" if len(given) > 1 else given[0]
        results = ", ".join(f"y{number}" for number in range(len(self.outputs)))
        body = f"{inputs}  output {results} = {pipe} -> {module}.{self.stage}\n"
        return Source(PICTURED, f"net 1\nimport std.{module}\nmodel sample {{\n{body}}}\n")

    def graph(self, module: str) -> Graph:
        return compiler.graph(self.source(module))


@dataclass(frozen=True)
class Part:
    """A block of the library."""

    module: str
    block: tree.Block
    file: Source
    prose: str
    """A line for each paragraph of its comment."""
    samples: tuple[Sample, ...]

    @property
    def name(self) -> str:
        return f"std.{self.module}.{self.block.name.text}"

    @property
    def summary(self) -> str:
        """The first sentence."""
        return re.split(r"(?<=\.) ", self.prose.split("\n")[0])[0]

    @property
    def settings(self) -> tuple[tuple[str, str | None], ...]:
        """Names and defaults, as they are written."""
        found = self.block.parameters
        return tuple((one.name.text, self.file.snippet(one.default.span) if one.default else None) for one in found)

    @property
    def signature(self) -> str:
        """`encoder(heads, hidden = none)`."""
        settings = ", ".join(name if default is None else f"{name} = {default}" for name, default in self.settings)
        return f"{self.block.name.text}({settings})" if settings else self.block.name.text

    @property
    def inputs(self) -> tuple[str, ...]:
        """The inputs of a body, as they are declared."""
        found = (one for one in self.block.body if isinstance(one, tree.Declaration) and one.kind == "input")
        return tuple(self.file.snippet(one.span).removeprefix("input").strip() for one in found)

    @property
    def text(self) -> str:
        """The block as it stands in its file."""
        return self.file.snippet(self.block.span)


@cache
def parts(module: str) -> tuple[Part, ...]:
    """The blocks of a file of the library, in its order."""
    source = compiler.read(str(LIBRARY / f"{module}.net"))
    return tuple(
        _part(module, block, source) for block in parse(source, Problems()).parts if isinstance(block, tree.Block)
    )


def every() -> Iterator[Part]:
    """All blocks of the library."""
    for module in library():
        yield from parts(module)


def _part(module: str, block: tree.Block, source: Source) -> Part:
    comment = _comment(source, block)
    lines = re.sub(r"\n(?=(?:sample|Reference): )", "\n\n", comment)
    paragraphs = [" ".join(part.split()) for part in re.split(r"\n\s*\n", lines) if part.strip()]
    found = [SAMPLE.fullmatch(part) for part in paragraphs if part.startswith("sample: ")]
    assert None not in found, f"{module}.{block.name.text}: a sample is not of the form that there is"
    samples = tuple(
        Sample(one["inputs"], one["stage"], one["outputs"], int(one["weights"].replace(",", "")))
        for one in found
        if one
    )
    prose = "\n".join(part for part in paragraphs if not part.startswith("sample: "))
    return Part(module, block, source, prose, samples)


def _comment(source: Source, block: tree.Block) -> str:
    """The lines of comment right above a block."""
    line = source.line_of(block.span) - 1
    found: list[str] = []
    while (text := source.line(line).strip()).startswith("#"):
        found.insert(0, text.removeprefix("#").strip())
        line -= 1
    return "\n".join(found)


def _members(text: str) -> tuple[str, ...]:
    """`([a, b], c)` as `[a, b]` and `c`; what has no parentheses is one."""
    if not text.startswith("("):
        return (text,)
    found, depth = [""], 0
    for char in text[1:-1]:
        depth += (char == "[") - (char == "]")
        if char == "," and not depth:
            found.append("")
        else:
            found[-1] += char
    return tuple(part.strip() for part in found)


def page(part: Part) -> str:
    """What is known of a block: its comment, uses of it, its source, and the graph that its first use becomes."""
    lines = [f"# {part.name}", f"`{part.signature}`, a block of the standard library: `import std.{part.module}`."]
    lines.append(part.prose.replace("\n", "\n\n"))
    if part.inputs:
        lines.append(f"Inputs, in order: {', '.join(f'`{text}`' for text in part.inputs)}.")
    lines += ["## Examples", "\n".join(map(_example, part.samples)), "## Source", _code(part.text)]
    return "\n\n".join((*lines, "## Graph", f"Of the first example:\n\n{_code(_picture(part))}")) + "\n"


def _example(sample: Sample) -> str:
    count = f"{sample.weights:,} weight{'s' * (sample.weights != 1)}"
    return f"    {sample.given} -> {sample.stage}\n        gives {sample.gives}, {count}"


def _picture(part: Part) -> str:
    """The graph of the first sample in lines, with places as the block itself has them."""
    lines = outline(part.samples[0].graph(part.module))
    inside = rf"\b{part.block.name.text}(?:_\d+)?\."
    return "\n".join(re.sub(inside, "", re.sub(r"( none)+$", "", line)) for line in lines)


def _code(text: str) -> str:
    return "\n".join(f"    {line}".rstrip() for line in text.splitlines())


def module_page(module: str) -> str:
    """The blocks of a file of the library."""
    head = f"`import std.{module}` brings in these blocks, to be used as `{module}.{parts(module)[0].block.name.text}`."
    found = "\n".join(f"- `{part.signature}`: {part.summary}" for part in parts(module))
    return f"# {STD}.{module}\n\n{head}\n\n{found}\n"


def index() -> str:
    """All of the library."""
    head = "The standard library: blocks that architectures are made of, written in the language itself."
    found = "\n".join(f"- `{part.name}`: {part.summary}" for part in every())
    return f"# {STD}\n\n{head}\n\n{found}\n"


def explained(subject: str) -> str | None:
    """The page of `std`, `std.module` or `std.module.block`; None where there is no such thing."""
    if subject == STD:
        return index()
    module, _, block = subject.removeprefix(f"{STD}.").partition(".")
    if not subject.startswith(f"{STD}.") or module not in library():
        return None
    if not block:
        return module_page(module)
    return next((page(part) for part in parts(module) if part.block.name.text == block), None)
