"""`dslc explain`."""

import re
import sys
from typing import Annotated

import typer

from dslc.cli import _completion

SUBJECT = typer.Argument(
    metavar="CODE|LAYER|PASS|STD", help="Such as `E0301`, `dense`, `collapse_dense` or `std.transformer`.",
    autocompletion=_completion.subjects,
)  # fmt: skip


def explain(subject: Annotated[str, SUBJECT]) -> None:
    """Print the page of a code, of a name that the language or the compiler knows, or of a part of the library."""
    from dslc import library, pages

    if re.fullmatch(r"[A-Za-z]\d+", subject):
        found = pages.problems().get(subject.upper())
        if found is None:
            raise typer.BadParameter(f"there is no code {subject.upper()}; {_nearest_code(subject.upper())}")
        _print(pages.problem_page(found))
        return
    part = library.explained(subject)
    if part is not None:
        _print(part)
        return
    members = pages.named(subject)
    if not members:
        raise typer.BadParameter(f"nothing is called `{subject}`; {_way_out(subject)}")
    _print("\n".join(map(pages.entry_page, members)))


def _print(page: str) -> None:
    """The page with its prose in lines that fit, its code as it is."""
    from dslc.errors.paint import fill, paint_for
    from dslc.errors.render import columns_of

    paint, most = paint_for(sys.stdout), columns_of(sys.stdout)
    for line in page.splitlines():
        if line.startswith("#"):
            typer.echo(paint("headline", line))
        else:
            typer.echo(line if line.startswith(" ") or not line else "\n".join(fill(line, most)))


def _nearest_code(code: str) -> str:
    from difflib import get_close_matches

    from dslc import pages

    near = get_close_matches(code, pages.problems(), n=1, cutoff=0.8)
    return f"the nearest is {near[0]}" if near else "codes look like E0301"


def _way_out(subject: str) -> str:
    from dslc import library, pages
    from dslc.catalogue import nearest

    known = {member.name: member for member in pages.members()}
    meant = next((name for name, member in known.items() if subject in member.aliases), None)
    blocks = {part.block.name.text: part.name for part in library.every()}
    near = meant or blocks.get(subject) or nearest(subject, (*known, *blocks.values()))
    return f"did you mean `{near}`?" if near else "`dslc layers` lists the names"
