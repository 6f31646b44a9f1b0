"""What is known of a name or a code, as a page of Markdown: `dslc explain` prints it and the docs show it."""

import re
from collections.abc import Iterator
from dataclasses import MISSING, Field
from functools import cache
from importlib import import_module
from pathlib import Path
from textwrap import dedent
from typing import Any

from dslc import compiler
from dslc.build.settings import all_catalogues, words
from dslc.build.values import show
from dslc.catalogue import Entry
from dslc.errors.base import Failed, Problem
from dslc.errors.render import render
from dslc.lint.base import LINTS
from dslc.ops.base import Op, Refused
from dslc.ops.loss.base import Loss
from dslc.ops.metric.base import Metric
from dslc.passes.base import PASSES, Optimization
from dslc.passes.base import Sample as Rewrite
from dslc.plan import Duration
from dslc.source import Source

EXAMPLE = "example.net"


def members() -> Iterator[type[Entry]]:
    """Everything that a `.net` file can name, then the passes; a family's members stand together."""
    for catalogue in (*all_catalogues(), PASSES):
        yield from sorted(catalogue, key=lambda cls: (kind(cls) != catalogue.what, kind(cls), cls.family, cls.name))


def named(name: str) -> list[type[Entry]]:
    """The members of this name: an initializer and a layer may share one."""
    return [catalogue[name] for catalogue in (*all_catalogues(), PASSES) if name in catalogue]


def kind(cls: type[Entry]) -> str:
    """What sort of thing a member is, in one or two words."""
    if issubclass(cls, Metric | Loss):
        return "metric" if issubclass(cls, Metric) else "loss"
    return next(catalogue.what for catalogue in (*all_catalogues(), PASSES) if issubclass(cls, catalogue.base))


def signature(cls: type[Entry]) -> str:
    """The call with its settings and their defaults: `dense(units, bias = true)`."""
    shown = ("..." if field.name == cls.open else _setting(field) for field in cls.settings())
    return f"{cls.name}({', '.join(shown)})" if cls.settings() else cls.name


def _setting(field: Field[Any]) -> str:
    text = default(field)
    return field.name if text is None else f"{field.name} = {text}"


def default(field: Field[Any]) -> str | None:
    """What a setting is when it is not given, as the language writes it; None when it must be given."""
    if field.default is not MISSING:
        return _value(field.default)
    return None if field.default_factory is MISSING else _value(field.default_factory())


def _value(value: Any) -> str:
    match value:
        case Entry():
            given = [
                f"{field.name} = {text}"
                for field in value.settings()
                if (text := _value(getattr(value, field.name))) != default(field)
            ]
            return f"{value.name}({', '.join(given)})" if given else value.name
        case Duration(steps=int(steps)):
            return str(steps)
        case Duration(epochs=float() | int() as epochs):
            return f"epochs({epochs:g})"
        case Duration(fraction=fraction):
            return f"{fraction:g}"
        case _:
            return show(value)


def entry_page(cls: type[Entry]) -> str:
    """Page of a layer, loss, metric, optimizer, schedule, initializer, data source, data stage or pass."""
    article = "an" if kind(cls)[0] in "aeiou" else "a"
    parts = [f"# {cls.name}", f"`{signature(cls)}`, {article} {kind(cls)}.", _prose(cls)]
    types = cls.setting_types()
    settings = [
        f"- `{field.name}`: {words(types[field.name])}{_by_default(field)}"
        for field in cls.settings()
        if field.name != cls.open
    ]
    settings += ["- any other name: an int"] if cls.open else []
    if settings:
        parts += ["## Settings", "\n".join(settings)]
    if issubclass(cls, Op):
        parts += _op_parts(cls)
    if issubclass(cls, Optimization):
        parts += _pass_parts(cls)
    if cls.aliases:
        parts.append(f"Elsewhere called {', '.join(f'`{alias}`' for alias in cls.aliases)}.")
    return "\n\n".join(parts) + "\n"


def _by_default(field: Field[Any]) -> str:
    text = default(field)
    return "" if text is None else f", by default `{text}`"


def _prose(cls: type) -> str:
    """The docstring, a line for each paragraph; `Shapes:` and its like begin one."""
    text = re.sub(r"\n\s*(?=[A-Z][a-z]+: )", "\n\n", (cls.__doc__ or "").strip())
    return "\n\n".join(" ".join(part.split()) for part in re.split(r"\n\s*\n", text))


def _op_parts(cls: type[Op]) -> Iterator[str]:
    names = [f"`{input.name}{' = none' if input.default is None else ''}`" for input in cls.inputs()]
    if len(names) > 1:
        yield f"Inputs, in order: {', '.join(names)}."
    if cls.symbol:
        yield f"The operator `{cls.symbol}` means the same."
    good = [_good(sample) for sample in cls.samples if not isinstance(sample, Refused)]
    bad = [f"    {_stage(sample)}\n        {_refusal(sample)}" for sample in cls.samples if isinstance(sample, Refused)]
    if good:
        yield "## Examples"
        yield "\n".join(good)
    if bad:
        yield "## Refused"
        yield "\n".join(bad)


def _good(sample: Any) -> str:
    count = f", {sample.parameters:,} weight{'s' * (sample.parameters != 1)}" if sample.parameters else ""
    return f"    {_stage(sample)}\n        gives {sample.output}{count}"


def _stage(sample: Any) -> str:
    if not sample.inputs:
        return sample.text
    given = ", ".join(sample.inputs)
    return f"{given if len(sample.inputs) == 1 else f'({given})'} -> {sample.text}"


def _refusal(sample: Refused) -> str:
    """What the compiler says about a stage that an op refuses."""
    names = [f"x{number}" for number in range(len(sample.inputs))]
    inputs = "  ".join(
        f"input {name}: {text}" for name, text in zip(names, sample.inputs, strict=True) if text != "none"
    )
    given = ", ".join("none" if text == "none" else name for name, text in zip(names, sample.inputs, strict=True))
    text = f"net 1\nmodel m {{ {inputs}  output y = {f'({given}) -> ' * bool(given)}{sample.text} }}\n"
    problem = next(iter(compiler.check(Source(EXAMPLE, text)).errors), None)
    return sample.reason if problem is None else problem.label() or problem.headline()


def _pass_parts(cls: type[Optimization]) -> Iterator[str]:
    runs = {
        "always": "in every program",
        "training": "in training",
        "inference": "for inference",
        "export": "for export",
    }
    exact = "exact, but for rounding" if cls.exact else f"equal to {cls.bound:g} of a result's size"
    yield (
        f"It runs {runs[cls.phase]}, is {exact}, and saves {cls.claim}."
        if cls.claim != "readability"
        else (f"It runs {runs[cls.phase]}, is {exact}, and claims no saving: it makes the graph easier to read.")
    )
    for sample in cls.samples:
        if isinstance(sample, Rewrite):
            yield f"## Before\n\n{_indented(sample.before)}\n\n## After\n\n{_indented(sample.after)}"
        else:
            yield f"## Refused\n\n{_indented(sample.before)}\n\nbecause {sample.reason}"


def _indented(text: str) -> str:
    """A block of code; its first line stands behind the source's quotes, the others are indented with the source."""
    first, *rest = text.strip().splitlines()
    return _code("\n".join((first, dedent("\n".join(rest)))))


@cache
def problems() -> dict[str, type[Problem]]:
    """Every problem by its code, in the order of the codes."""
    found: dict[str, type[Problem]] = {}
    for file in sorted((Path(__file__).parent / "errors").glob("*.py")):
        for cls in vars(import_module(f"dslc.errors.{file.stem}")).values():
            if isinstance(cls, type) and issubclass(cls, Problem) and cls.code:
                found.setdefault(cls.code, cls)
    found |= {cls.code: cls for cls in LINTS}
    return dict(sorted(found.items()))


def problem_page(cls: type[Problem]) -> str:
    """Page of a code: why it is a problem, a file that has it with the message, and the mended file."""
    title = re.sub(r"(?<!^)(?=[A-Z])", " ", cls.__name__).lower()
    parts = [f"# {cls.code}: {title}", _prose(cls)]
    if cls.example:
        parts += ["## A file that has it", _code(cls.example), "## What dslc says", _code("\n\n".join(messages(cls)))]
    if cls.mended:
        parts += ["## Mended", _code(cls.mended)]
    return "\n\n".join(parts) + "\n"


@cache
def messages(cls: type[Problem]) -> tuple[str, ...]:
    """What the compiler says about the example of a problem, under its code."""
    source = Source(EXAMPLE, cls.example)
    found = list(compiler.check(source))
    if not any(problem.code == cls.code for problem in found):
        found = _of_building(source)
    return tuple(render(problem, {EXAMPLE: source}) for problem in found if problem.code == cls.code)


def _of_building(source: Source) -> list[Problem]:
    """Problems that a check leaves alone, because nothing has been asked of the file yet."""
    found: list[Problem] = []
    for stage in (compiler.graph, compiler.plan):
        try:
            stage(source)
        except Failed as failed:
            found += failed.problems
    return found


def _code(text: str) -> str:
    return "\n".join(f"    {line}".rstrip() for line in text.rstrip("\n").splitlines())
