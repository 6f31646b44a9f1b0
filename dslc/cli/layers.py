"""`dslc layers`."""

import json
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dslc.cli import _options
from dslc.cli._outcome import FINE, HAS_ERRORS

if TYPE_CHECKING:
    from dslc.catalogue import Entry


def layers(
    query: Annotated[
        str | None, typer.Argument(metavar="QUERY", help="Words to look for, other frameworks' names too.")
    ] = None,
    as_json: _options.Json = False,
) -> int:
    """List what the language knows: layers, losses, metrics, optimizers, schedules, initializers, data."""
    from dslc import pages  # noqa: PLC0415  # `dslc --help` does without it

    found = [member for member in pages.members() if pages.kind(member) != "pass" and _matches(member, query or "")]
    if as_json:
        typer.echo(json.dumps([_to_json(member) for member in found], indent=2))
        return FINE
    if not found:
        typer.echo(f"nothing here is about `{query}`; `dslc layers` lists everything", err=True)
        return HAS_ERRORS
    typer.echo("\n".join(_table(found)))
    return FINE


def _matches(member: "type[Entry]", query: str) -> bool:
    from dslc.pages import kind  # noqa: PLC0415

    said = " ".join((member.name, *member.aliases, kind(member), member.family, member.summary())).lower()
    return all(word in said for word in query.lower().split())


def _to_json(member: "type[Entry]") -> dict[str, Any]:
    from dslc import pages  # noqa: PLC0415
    from dslc.build.settings import words  # noqa: PLC0415

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


def _table(found: "list[type[Entry]]") -> Iterator[str]:
    """Each member with its settings, and one sentence below."""
    from dslc.errors.paint import fill, paint_for  # noqa: PLC0415
    from dslc.errors.render import columns_of  # noqa: PLC0415
    from dslc.pages import kind, signature  # noqa: PLC0415

    paint, most = paint_for(sys.stdout), columns_of(sys.stdout)
    title = ""
    for member in found:
        family = f"{kind(member)}s" if kind(member) != "layer" else f"layers: {member.family}"
        family = family.replace("losss", "losses")
        if family != title:
            yield "\n" * bool(title) + paint("headline", family)
            title = family
        call, *more = fill(signature(member), most - 2)
        yield f"  {paint('help', call)}"
        yield from (f"    {paint('help', line)}" for line in more)
        yield from (f"      {line}" for line in fill(member.summary(), most - 6))
