"""What `dslc check` does, without Typer: editors and commit hooks call it all the time, and do not wait for that."""

import gc
import json
import sys
from collections.abc import Sequence

from dslc import compiler
from dslc.cli._fixes import fix_file
from dslc.cli._outcome import FINE, HAS_ERRORS, read, show, sources
from dslc.errors.base import Failed, Problems
from dslc.errors.paint import visible
from dslc.errors.render import count, to_json
from dslc.resolve import Program


def check_files(
    files: Sequence[str], options: compiler.Options, as_json: bool, fix: bool = False, strict: bool = False
) -> int:
    """Report on each file, mended first where `fix`; the exit status is that of the worst, warnings count where `strict`."""
    # Trees and graphs are many small objects that stay to the end: looking through them again and again is for nothing.
    gc.set_threshold(20_000, 50, 100)
    worst = FINE
    for number, file in enumerate(files):
        if fix:
            fix_file(file, options, quiet=as_json)
        program, problems = _survey(file, options)
        bad = problems.errors or (strict and any(problem.severity == "warning" for problem in problems))
        worst = max(worst, HAS_ERRORS if bad else FINE)
        if as_json:
            sys.stdout.write(json.dumps(to_json(file, problems, sources)) + "\n")
            continue
        if number and problems.found:
            sys.stderr.write("\n")
        show(problems)
        if program is not None and not problems.errors:
            sys.stdout.write(f"{visible(file)}: {_declared(program)}, {count(problems) or 'no problems'}\n")
    return worst


def _survey(file: str, options: compiler.Options) -> tuple[Program | None, Problems]:
    try:
        return compiler.survey(read(file), options)
    except Failed as failed:
        return None, failed.problems


def _declared(program: Program) -> str:
    blocks = len(program.blocks) - len(program.models)
    counts = {
        "model": len(program.models),
        "block": blocks,
        "variant": len(program.variants),
        "train block": len(program.trains),
        "sample block": len(program.samples),
        "weights section": len(program.weights),
        "import": len(program.imports),
    }
    return ", ".join(f"{number} {what}{'s' * (number != 1)}" for what, number in counts.items() if number) or "nothing"
