"""What the shell offers for the word at the cursor; `dslc --install-completion` tells the shell to ask."""

from collections.abc import Collection, Iterator

import typer


def subjects(incomplete: str) -> Iterator[tuple[str, str]]:
    """What `dslc explain` has a page for, with its first sentence: names, parts of the library, codes."""
    from dslc import library, pages
    from dslc.catalogue import first_paragraph

    if incomplete[:1].isupper():
        yield from (
            (code, first_paragraph(cls)) for code, cls in pages.problems().items() if code.startswith(incomplete)
        )
        return
    yield from ((cls.name, cls.summary()) for cls in pages.members() if cls.name.startswith(incomplete))
    if incomplete.startswith("std"):
        yield from ((part.name, part.summary) for part in library.every() if part.name.startswith(incomplete))


def models(context: typer.Context, incomplete: str) -> list[str]:
    """Models of the file that stands on the line."""
    return _starting(incomplete, _declared(context)[0])


def variants(context: typer.Context, incomplete: str) -> list[str]:
    """Variants of the file that stands on the line."""
    return _starting(incomplete, _declared(context)[1])


def _declared(context: typer.Context) -> tuple[Collection[str], Collection[str]]:
    """Models and variants of the file; none where it cannot be read: a message would stand in the middle of the line."""
    from dslc import compiler
    from dslc.errors.base import Failed, Problems

    # An option that has no value yet keeps Typer from giving the arguments their names.
    file = next((word for word in (context.params.get("file"), *context.args) if word), "")
    try:
        program = compiler.front(compiler.read(file), Problems())
    except Failed:
        return (), ()
    return program.models, program.variants


def _starting(incomplete: str, names: Collection[str]) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]
