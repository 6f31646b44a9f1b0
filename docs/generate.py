"""Makes the pages of ops, passes, errors and their like from the files that they are about, and keeps the others true.

A hand-written page shows files, messages and commands in fenced blocks. A comment in the line before says what a block is:

- `file: examples/digits.net`: the text of that file,
- `error`: what the compiler says about the block above,
- `dslc summary examples/digits.net`: what that command prints,
- `inside: input x: [batch, 8]`: statements of a model with these inputs.

`python docs/generate.py` writes all of that; with `--check` it writes nothing and says what is out of date.
"""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import headers

from dslc import compiler, library, pages
from dslc.build.settings import all_catalogues
from dslc.errors.render import render
from dslc.passes.base import PASSES
from dslc.source import Source

DOCS = Path(__file__).parent
ROOT = DOCS.parent
FENCE = re.compile(
    r"^(?:<!-- (?P<marker>[^\n]*?) -->\n)?```(?P<language>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
SHOWN = "model.net"
_SHOWN = (
    "A small file for each group of constructs, which a test trains to the result that it states. All of them stand in "
    "`tests/language`; whole models stand in [`examples`](#examples)."
)


@dataclass(frozen=True)
class Fence:
    """A block of code on a page."""

    marker: str
    language: str
    text: str
    span: tuple[int, int]

    @property
    def source(self) -> Source:
        """A block of the language as a whole file."""
        kind, _, inputs = self.marker.partition(": ")
        if kind == "inside":
            return Source(SHOWN, f"net 1\nmodel example {{ {inputs}\n{self.text}}}\n")
        return Source(SHOWN, self.text if self.text.startswith("net ") else f"net 1\n{self.text}")


def written() -> list[Path]:
    """The pages that are written by hand."""
    return [*ROOT.glob("*.md"), *DOCS.glob("*.md")]


def fences(page: str) -> list[Fence]:
    """The blocks of a page, in order."""
    return [
        Fence(found["marker"] or "", found["language"], found["text"], found.span("text"))
        for found in FENCE.finditer(page)
    ]


def message(source: Source) -> str:
    """What `dslc check` says about a file."""
    return "\n\n".join(render(problem, {source.name: source}) for problem in compiler.check(source)) + "\n"


def _wanted(fence: Fence, above: Fence | None) -> str:
    """What a block has to show."""
    kind, _, rest = fence.marker.partition(" ")
    if kind == "file:":
        return (ROOT / rest).read_text(encoding="utf-8")
    if kind == "error" and above is not None:
        return message(above.source)
    return _printed(rest) if kind == "dslc" else fence.text


def _printed(arguments: str) -> str:
    """What a command prints; it runs where the examples are, and knows no speeds of a machine."""
    done = subprocess.run(  # noqa: S603  # the commands stand on our own pages
        [sys.executable, "-m", "dslc", *arguments.split()],
        cwd=ROOT, env={**os.environ, "COLUMNS": "80", "NO_COLOR": "1", "XDG_CACHE_HOME": os.devnull}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return "\n".join(line.rstrip() for line in (done.stdout + done.stderr).strip("\n").split("\n")) + "\n"


def refreshed(page: str) -> str:
    """A page with its marked blocks as they should be."""
    found = fences(page)
    for above, fence in reversed([*zip([None, *found], found, strict=False)]):
        start, end = fence.span
        page = page[:start] + _wanted(fence, above) + page[end:]
    return page


def generated() -> Iterator[tuple[str, str]]:
    """Path and text of each page that a file of the package stands behind."""
    for catalogue in (*all_catalogues(), PASSES):
        folder = catalogue.package.removeprefix("dslc.").replace(".", "-")
        members = sorted(catalogue, key=lambda member: (member.family, member.name))
        for member in members:
            yield f"{folder}/{member.name}.md", pages.entry_page(member)
        title = folder.replace("-", " ").capitalize()
        yield f"{folder}/index.md", f"# {title}\n\n" + "\n".join(_families(members))
    yield "std/index.md", _linked(library.index())
    yield from ((f"std/{module}.md", _of_module(module)) for module in library.library())
    yield "shown/index.md", _shown()
    yield "models/index.md", headers.page()
    codes = pages.problems()
    yield from ((f"errors/{code}.md", pages.problem_page(problem)) for code, problem in codes.items())
    lines = [f"- [{code}]({code}.md): {' '.join((problem.__doc__ or '').split())}" for code, problem in codes.items()]
    yield "errors/index.md", "# Errors and warnings\n\n" + "\n".join(lines) + "\n"


def _of_module(module: str) -> str:
    """The page of a file of the library, with those of its blocks below."""
    found = (
        library.page(part).replace("\n## ", "\n### ").replace("# std.", "## std.", 1) for part in library.parts(module)
    )
    return library.module_page(module) + "\n" + "\n".join(found)


def _shown() -> str:
    """Every construct with the files that show it, as these say in their `# shows:` line; and the examples."""
    files = {path: path.read_text("utf-8") for path in sorted((ROOT / "tests/language").glob("*.net"))}
    shown = {
        path: found[1].split(", ")
        for path, text in files.items()
        if (found := re.search(r"^# shows: (.+)$", text, re.MULTILINE))
    }
    rows = [(construct, path.name) for path, constructs in shown.items() for construct in constructs]
    rows.sort(key=lambda row: (not row[0][0].isalpha(), row))
    table = [
        f"| {construct if construct[0].isalpha() else f'`{construct}`'} | [`{name}`](#{name.replace('.', '')}) |"
        for construct, name in rows
    ]
    parts = ["# Constructs and examples", _SHOWN, "| construct | file |\n|---|---|\n" + "\n".join(table)]
    parts += [f"## {path.name}\n\n```net\n{text}```" for path, text in files.items()]
    parts += [
        "## Examples",
        "\n".join(f"- `examples/{found.name}`: {found.about}" for found in headers.examples()),
    ]
    return "\n\n".join(parts) + "\n"


def _linked(page: str) -> str:
    """The list of the library, with a link to the file of each block."""
    return re.sub(r"^- `std\.(\w+)\.(\w+)`", r"- [`std.\1.\2`](\1.md#std\1\2)", page, flags=re.MULTILINE)


def _families(members: list[type[pages.Entry]]) -> Iterator[str]:
    """A list of the members of each folder."""
    for family, group in groupby(members, lambda member: member.family):
        lines = [f"- [`{member.name}`]({member.name}.md): {member.summary()}" for member in group]
        yield f"## {family.capitalize()}\n\n" + "\n".join(lines) + "\n"


def main(arguments: list[str]) -> int:
    """Write the pages, or check them."""
    stale = {
        page: text for page in written() if (text := refreshed(page.read_text("utf-8"))) != page.read_text("utf-8")
    }
    made = {DOCS / path: text for path, text in generated()}
    if "--check" in arguments:
        print("\n".join(f"{page.relative_to(ROOT)} is out of date: run `python docs/generate.py`" for page in stale))
        print(f"{len(made)} generated and {len(written())} written pages, {len(stale)} of them out of date")
        return bool(stale)
    for page, text in (stale | made).items():
        page.parent.mkdir(exist_ok=True)
        page.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
