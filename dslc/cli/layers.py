"""`dslc layers`."""

import json
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dslc.cli import _options
from dslc.cli._outcome import FINE, HAS_ERRORS

if TYPE_CHECKING:
    from dslc.catalogue import Entry
    from dslc.library import Part


def layers(
    query: Annotated[
        str | None, typer.Argument(metavar="QUERY", help="Words to look for, other frameworks' names too.")
    ] = None,
    as_json: _options.Json = False,
) -> int:
    """List what the language knows: layers, losses, metrics, optimizers, schedules, initializers, data, library blocks."""
    from dslc import library, pages

    found = [member for member in pages.members() if pages.kind(member) != "pass" and _matches(member, query or "")]
    parts = [part for part in library.every() if _says(f"{part.name} block {part.prose}", query or "")]
    if as_json:
        typer.echo(json.dumps([*map(_to_json, found), *map(_part_to_json, parts)], indent=2))
        return FINE
    if not (found or parts):
        typer.echo(f"nothing here is about `{query}`; `dslc layers` lists everything", err=True)
        return HAS_ERRORS
    typer.echo("\n".join(_table((*_rows(found), *_part_rows(parts)))))
    return FINE


def _matches(member: "type[Entry]", query: str) -> bool:
    from dslc.pages import kind

    return _says(" ".join((member.name, *member.aliases, kind(member), member.family, member.summary())), query)


def _says(text: str, query: str) -> bool:
    return all(word in text.lower() for word in query.lower().split())


def _to_json(member: "type[Entry]") -> dict[str, Any]:
    from dslc import pages
    from dslc.build.settings import words

    types = member.setting_types()
    return {
        "name": member.name,
        "kind": pages.kind(member),
        "family": member.family,
        "summary": member.summary(),
        "settings": [
            {"name": "...", "takes": "ints by name", "default": None}
            if field.name == member.open
            else {"name": field.name, "takes": words(types[field.name]), "default": pages.default(field)}
            for field in member.settings()
        ],
        "aliases": list(member.aliases),
    }


def _part_to_json(part: "Part") -> dict[str, Any]:
    return {
        "name": part.name,
        "kind": "block",
        "family": part.name.rpartition(".")[0],
        "summary": part.summary,
        "settings": [{"name": name, "takes": None, "default": default} for name, default in part.settings],
        "aliases": [],
    }


def _rows(found: "list[type[Entry]]") -> Iterator[tuple[str, str, str]]:
    """Family, settings and sentence of each member."""
    from dslc.pages import kind, signature

    for member in found:
        family = f"{kind(member)}s" if kind(member) != "layer" else f"layers: {member.family}"
        yield family.replace("losss", "losses"), signature(member), member.summary()


def _part_rows(parts: "list[Part]") -> Iterator[tuple[str, str, str]]:
    for part in parts:
        module = part.name.rpartition(".")[0]
        yield f"blocks: {module}", part.signature, part.summary


def _table(rows: Iterable[tuple[str, str, str]]) -> Iterator[str]:
    """Each member with its settings, and one sentence below."""
    from dslc.errors.paint import fill, paint_for
    from dslc.errors.render import columns_of

    paint, most = paint_for(sys.stdout), columns_of(sys.stdout)
    title = ""
    for family, signature, summary in rows:
        if family != title:
            yield "\n" * bool(title) + paint("headline", family)
            title = family
        call, *more = fill(signature, most - 2)
        yield f"  {paint('help', call)}"
        yield from (f"    {paint('help', line)}" for line in more)
        yield from (f"      {line}" for line in fill(summary, most - 6))
