"""What the comment at the top of an example says of it, line by line: `# source:`, `# weights:`, `# expected:`.

    # source: who, year, where it was published
    # weights: 25,557,032 (who published this number, of what)
    # weights of resnet18: 11,689,512 (the same of a variant, or of another model of the file)
    # expected: what a run reaches, or reached where it was published

A number without brackets behind it is counted by hand, or by dslc alone. A line that goes on begins with more blanks.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dslc import compiler
from dslc.source import Source
from dslc.summary import summarize

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
FACT = re.compile(r"^# (source|weights|expected)(?: of (\w+))?: (.+(?:\n#  +.+)*)", re.MULTILINE)
NUMBER = re.compile(r"([\d,]+)(?: \((.+)\))?")


@dataclass(frozen=True)
class Weights:
    """A number of weights that a file names."""

    of: str | None
    """A variant or a model; None: what `dslc summary` shows."""
    count: int
    published: str
    """By whom; empty where nobody did."""


@dataclass(frozen=True)
class Example:
    """A file with the facts of its comment."""

    path: Path
    source: Source
    facts: dict[str, str]
    """What stands behind `source` and `expected`."""
    weights: tuple[Weights, ...]

    @property
    def about(self) -> str:
        """What the file is, in one paragraph."""
        lines = [line for line in self.source.text.partition("\n\n")[0].splitlines()[1:] if line.startswith("#")]
        first = next((at for at, line in enumerate(lines) if FACT.match(line)), len(lines))
        return " ".join(line[2:] for line in lines[:first])

    @property
    def name(self) -> str:
        return self.path.relative_to(EXAMPLES).as_posix()

    def counted(self, of: str | None) -> int:
        """The weights of a variant or a model, as the compiler counts them."""
        variant = of if re.search(rf"^variant {of} ", self.source.text, re.MULTILINE) else None
        options = compiler.Options(model=None if variant else of, variant=variant)
        return summarize(compiler.graph(self.source, options), self.source, {}).parameters


def examples() -> list[Example]:
    """All examples, by their names."""
    return [example(path) for path in sorted(EXAMPLES.rglob("*.net"))]


def example(path: Path) -> Example:
    """A file and what its comment says.

    Raises:
        ValueError: when a number of weights is written otherwise.
    """
    source = compiler.read(str(path))
    facts, weights = dict[str, str](), list[Weights]()
    for kind, of, text in FACT.findall(source.text):
        said = re.sub(r"\n#  +", " ", text)
        if kind != "weights":
            facts[kind] = said
            continue
        found = NUMBER.fullmatch(said)
        if found is None:
            raise ValueError(f"{path.name}: a number, and who published it in brackets, instead of {said!r}")
        weights.append(Weights(of or None, int(found[1].replace(",", "")), found[2] or ""))
    return Example(path, source, facts, tuple(weights))


def page() -> str:
    """The table of all examples with the published numbers of weights and those that dslc counts."""
    rows = [row for found in examples() for row in _rows(found)]
    return (
        "# Models\n\nThe architectures in `examples/`, each a file that checks, trains and draws. `dslc summary` counts the weights of "
        "the last column; a number in the column before it has been published by whom it names. Shared weights are counted "
        "once, running statistics not at all.\n\n"
        "| model | source | published | by | dslc counts |\n|---|---|---:|---|---:|\n" + "\n".join(rows) + "\n"
    )


def _rows(found: Example) -> Iterator[str]:
    for weights in found.weights:
        of = f", `{weights.of}`" if weights.of else ""
        published = f"{weights.count:,}" if weights.published else ""
        source = found.facts.get("source", "")
        yield f"| `{found.name}`{of} | {source} | {published} | {weights.published} | {found.counted(weights.of):,} |"
