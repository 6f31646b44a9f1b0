"""Tree to program: what a file declares, by name, and what stands where it has no meaning."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from dslc.catalogue import nearest
from dslc.errors.base import Problems
from dslc.errors.imports import NotAModel
from dslc.errors.names import GivenTwice, NothingChosen
from dslc.errors.placement import SignatureTwice
from dslc.errors.resolve import NotWorkingYet, NoVersion, UnknownVersion
from dslc.parse import tree
from dslc.resolve import meant
from dslc.resolve.effort import Effort
from dslc.resolve.imports import Imports
from dslc.source import Source, Span

VERSION = 1
_Part = TypeVar("_Part", tree.Block, tree.Variant, tree.Section)


@dataclass(frozen=True)
class Program:
    """The declarations of a file."""

    source: Source
    file: tree.File
    blocks: dict[str, tree.Block] = field(default_factory=dict[str, tree.Block])
    """Blocks and models."""
    models: dict[str, tree.Block] = field(default_factory=dict[str, tree.Block])
    variants: dict[str, tree.Variant] = field(default_factory=dict[str, tree.Variant])
    trains: dict[str, tree.Section] = field(default_factory=dict[str, tree.Section])
    weights: list[tree.WeightsSection] = field(default_factory=list[tree.WeightsSection])
    samples: dict[str, tree.Section] = field(default_factory=dict[str, tree.Section])
    overrides: tuple[tree.Item, ...] = ()
    """Settings given on the command line."""
    dims: dict[str, int] = field(default_factory=dict[str, int])
    """Dimensions given on the command line."""
    imports: dict[str, tree.Import] = field(default_factory=dict[str, tree.Import])
    """By the name that stands before the dot; those that failed as well."""
    modules: "dict[str, Program]" = field(default_factory=dict[str, "Program"])
    """What the imported files declare, by that name."""
    effort: Effort = field(default_factory=Effort, compare=False)
    """What its builds have done so far."""
    whole: bool = True
    """No part is left out for a syntax error."""

    def model(self, name: str) -> "tuple[Program, tree.Block] | None":
        """A model with the file that it stands in: of this file, of an imported one (`r.resnet`), or a variant of such a one."""
        name = self.varied(name) if self.borrowed(name) else name
        module, _, inner = name.rpartition(".")
        home = self.modules.get(module) if module else self
        return (home, home.models[inner]) if home is not None and inner in home.models else None

    def varied(self, variant: str) -> str:
        """The name of the model that a variant is of."""
        return dotted(self.variants[variant].of)

    def variant(self, model: str, chosen: str | None = None) -> str | None:
        """The variant of a model: the one that is chosen, or the name itself where that is a variant of an imported model."""
        return chosen or (model if self.borrowed(model) else None)

    def borrowed(self, name: str) -> bool:
        """Whether a name is a variant of an imported model, and so a model of this file."""
        return name in self.variants and name not in self.models and "." in self.varied(name)

    @property
    def imported(self) -> Mapping[str, Mapping[str, tree.Block] | None]:
        """Blocks by the name of the import; None for one that could not be read as a whole."""
        found = {name: self.modules.get(name) for name in self.imports}
        return {name: part.blocks if part is not None and part.whole else None for name, part in found.items()}

    def title(self, block: str) -> str:
        """The name of a block of this file among those of all files."""
        return f"{self.source.name}: {block}" if self.source.kept else block


def resolve(source: Source, file: tree.File, problems: Problems, imports: Imports | None = None) -> Program:
    """The declarations of a file; what is declared twice, unknown or not working yet is added to the problems.

    Args:
        imports: reads what the file imports, when it is imported itself.
    """
    program = Program(source, file)
    imports = imports or Imports(source)
    _version(source, file, problems)
    for part in file.parts:
        match part:
            case tree.Block():
                _declare(program.blocks, part, part.kind, problems)
                if part.signature is not None and part.chain is None:
                    problems.add(SignatureTwice(part.signature.span, part.name.text))
                if part.kind == "model":
                    program.models.setdefault(part.name.text, part)
            case tree.Variant():
                _declare(program.variants, part, "variant", problems)
            case tree.Section(name=name) if name.text in problems.lost:
                pass  # of a model that could not be read
            case tree.Section(kind="train"):
                _declare(program.trains, part, "train block", problems)
            case tree.Section(kind="sample"):
                _declare(program.samples, part, "sample block", problems)
            case tree.Section():
                problems.add(NotWorkingYet(part.name.span, f"the `{part.kind}` section"))
            case tree.Import():
                imports.add(program, part, problems)
            case tree.WeightsSection():
                program.weights.append(part)
            case _:
                raise AssertionError(type(part).__name__)
    for name, part in program.imports.items():
        if name in program.blocks:
            problems.add(GivenTwice(program.blocks[name].name.span, name, "name of an import", part.span))
    for variant in program.variants.values():
        _variant(program, variant, problems)
    for name, sample in program.samples.items():
        if name not in program.trains:
            problems.add(NothingChosen(sample.name.span, "train block", name, tuple(program.trains)))
    return program


def _variant(program: Program, variant: tree.Variant, problems: Problems) -> None:
    """Refuse a variant of what is no model."""
    name = dotted(variant.of)
    module, _, inner = name.rpartition(".")
    if program.model(name) is not None or program.imported.get(module, {}) is None:
        return
    if module in program.modules:
        blocks = program.modules[module].blocks
        missing = meant.block(variant.of.span, module, inner, tuple(blocks))
        problems.add(NotAModel(variant.of.span, name) if inner in blocks else missing)
        return
    near = nearest(name, tuple(program.models))
    known = (near,) if near else tuple(program.models)
    problems.add(NothingChosen(variant.of.span, "model", name, known))


def dotted(item: tree.Tree) -> str:
    """`resnet` or `r.resnet`, as it was written; empty for anything else."""
    if isinstance(item, tree.Attribute):
        return f"{dotted(item.value)}.{item.name}"
    return item.text if isinstance(item, tree.Name) else ""


def _version(source: Source, file: tree.File, problems: Problems) -> None:
    if file.header is not None and file.header.version != VERSION:
        problems.add(UnknownVersion(file.header.span, file.header.version))
    if file.header is None and not problems.errors:
        problems.add(NoVersion(Span(source.name, 0, min(1, len(source.text)))))


def _declare(table: dict[str, _Part], part: _Part, what: str, problems: Problems) -> None:
    name = part.name
    if name.text in table:
        problems.add(GivenTwice(name.span, name.text, what, table[name.text].name.span))
    else:
        table[name.text] = part
