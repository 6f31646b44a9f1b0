"""Tree to program: what a file declares, by name, and what stands where it has no meaning."""

from dataclasses import dataclass, field
from typing import TypeVar

from dslc.catalogue import nearest
from dslc.errors.base import Problems
from dslc.errors.resolve import GivenTwice, Misplaced, NothingChosen, NotWorkingYet, NoVersion, UnknownVersion
from dslc.parse import tree
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
    overrides: tuple[tree.Item, ...] = ()
    """Settings given on the command line."""
    dims: dict[str, int] = field(default_factory=dict[str, int])
    """Dimensions given on the command line."""


def resolve(source: Source, file: tree.File, problems: Problems) -> Program:
    """The declarations of a file; what is declared twice, unknown or not working yet is added to the problems."""
    program = Program(source, file)
    _version(source, file, problems)
    for part in file.parts:
        match part:
            case tree.Block():
                _declare(program.blocks, part, part.kind, problems)
                if part.signature is not None and part.chain is None:
                    what = (
                        f"`{part.name.text}` has a signature, and a body whose inputs and outputs state types as well"
                    )
                    hint = "write the types in the body: `input x: [batch, d]`, `output y: [batch, d] = ...`"
                    problems.add(Misplaced(part.signature.span, what, hint))
                if part.kind == "model":
                    program.models.setdefault(part.name.text, part)
            case tree.Variant():
                _declare(program.variants, part, "variant", problems)
            case tree.Section(kind="train"):
                _declare(program.trains, part, "train block", problems)
            case tree.Section():
                problems.add(NotWorkingYet(part.name.span, f"the `{part.kind}` section"))
            case tree.Import():
                problems.add(NotWorkingYet(part.span, "`import`"))
            case _:
                problems.add(
                    NotWorkingYet(Span(part.span.file, part.span.start, part.span.start + 7), "the `weights` section")
                )
    for variant in program.variants.values():
        if not isinstance(variant.of, tree.Name):
            problems.add(NotWorkingYet(variant.of.span, "a variant of an imported model"))
        elif variant.of.text not in program.models:
            near = nearest(variant.of.text, tuple(program.models))
            known = (near,) if near else tuple(program.models)
            problems.add(NothingChosen(variant.of.span, "model", variant.of.text, known))
    return program


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
