"""The house rules that a machine can keep: names, sizes, directions, and pages that tell the truth."""

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import generate
import pytest

from dslc import compiler
from dslc.artifacts import after
from dslc.build.settings import all_catalogues
from dslc.catalogue import Entry
from dslc.compilation import Compilation
from dslc.ops.base import OPS, Op, Sample
from dslc.passes import base as passes
from dslc.passes.base import PASSES, Optimization
from dslc.source import Source

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "dslc"
MODULES = {file: ast.parse(file.read_text("utf-8")) for file in sorted(PACKAGE.rglob("*.py"))}
CODE = [*MODULES, *(file for folder in ("tests", "docs", "benchmarks") for file in (ROOT / folder).rglob("*.py"))]
TEXTS = [
    *CODE,
    *generate.written(),
    *(ROOT / "examples").rglob("*.net"),
    *(PACKAGE / "std").glob("*.net"),
    *(ROOT / "grammar").glob("*"),
    ROOT / ".ci/run",
]

# Who may know whom: what stands on a line imports from its own line and those before it.
LAYERS = (
    ("source", "lazy", "dims", "cache", "amounts"),
    ("types", "catalogue"),
    ("ops", "initializers", "graph", "paths", "errors", "plan", "schedules", "optimizers", "data", "keys"),
    ("text", "verify", "parse"),
    ("passes", "format", "widen", "precision"),
    ("resolve", "build", "bind", "initialize", "optimize", "prepare", "differentiate", "lower"),
    ("lint", "estimate", "recompute", "decode"),
    ("linting",),
    ("compiler", "mend"),
    ("train", "tuned", "tuning", "trained", "view", "summary", "sizes", "compilation", "artifacts", "export", "changes", "compared", "counted", "recompiled",
     "profile", "emit", "agreement", "library", "pages", "plugins", "contracts", "api"),
    ("cli", "__main__", "__init__"),
)  # fmt: skip
# A combinator turns its body into nodes while the graph is built, with the same values as the builder.
BUILDERS = PACKAGE / "ops" / "combinator"
STAGES = ("parse", "resolve", "build", "optimize", "differentiate", "lower")
# Functions of settings, settings of training and names of backward nodes that layers have as well; `.T`; the sum of gradients,
# and its dtype.
SHARED = {
    "frozen", "gradient", "var", "log", "sum", "sqrt", "max", "min", "transpose", "precision", "floor", "ceil", "round", "step",
    "dslc.ops.arithmetic.add", "dslc.ops.shape.cast",
}  # fmt: skip

# A file that every stage changes: a pass joins the two equal nodes.
TWICE = """net 1
model m { input features: [batch, 4]  a = features -> exp  b = features -> exp  output logits = a + b -> dense(3) }
train m { data = iris()  loss = (logits, label) -> cross_entropy }
"""


def entries() -> list[object]:
    return [pytest.param(entry, id=entry.name) for catalogue in (*all_catalogues(), PASSES) for entry in catalogue]


def imports(tree: ast.AST) -> set[str]:
    """Modules of this package that a module imports when it is loaded or later, but not for types alone."""
    found: set[str] = set()
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("dslc"):
            found |= (
                {f"{node.module}.{alias.name}" for alias in node.names}
                if node.module == "dslc"
                else {node.module or ""}
            )
        found |= imports(node)
    return found


def folder_of(file: Path) -> str:
    """The stage or the like that a file belongs to."""
    return "build" if file.is_relative_to(BUILDERS) else file.relative_to(PACKAGE).with_suffix("").parts[0]


@pytest.mark.parametrize("entry", entries())
def test_members_are_named_as_their_files_and_say_what_they_are(entry: type[Entry]) -> None:
    assert entry.__name__ == "".join(part.capitalize() for part in entry.name.split("_"))
    first = entry.summary()
    assert first[0].isupper() or first[0] == "`" or first[0].isdigit()
    assert first.endswith(".")


@pytest.mark.parametrize("op", [pytest.param(op, id=op.name) for op in OPS])
def test_ops_have_shapes_and_samples_with_values_from_outside(op: type[Op]) -> None:
    assert "Shapes:" in (op.__doc__ or "")
    good = [sample for sample in op.samples if isinstance(sample, Sample)]
    assert good
    # What is drawn has no values to write down; a combinator's are those of the layers in its body.
    if not op.random and op.family != "combinator":
        assert any(sample.gives is not None and sample.source for sample in good)


@pytest.mark.parametrize("kind", [pytest.param(kind, id=kind.name) for kind in PASSES])
def test_passes_have_their_algebra_and_samples_of_both_kinds(kind: type[Optimization]) -> None:
    assert all(f"{word}:" in (kind.__doc__ or "") for word in ("Before", "After", "Saves"))
    assert {type(sample) for sample in kind.samples} == {passes.Sample, passes.Refused}


def test_stages_know_no_op() -> None:
    for file, tree in MODULES.items():
        if folder_of(file) in STAGES and BUILDERS not in file.parents:
            ops = {name for name in imports(tree) if re.match(r"dslc\.ops\.(?!core)\w+\.(?!base)\w+", name)}
            words = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)} & {*OPS.names()}
            assert not (ops | words) - SHARED, file


def test_the_grammar_knows_no_op() -> None:
    words = set(re.findall(r'"(\w+)"', (ROOT / "grammar/net.lark").read_text("utf-8")))
    # `step critic { }` in a train block begins a statement; `-> step` is the activation.
    assert not words & {*OPS.names()} - {"step"}


def test_imports_go_one_way() -> None:
    rank = {name: number for number, names in enumerate(LAYERS) for name in names}
    for file, tree in MODULES.items():
        for module in imports(tree):
            target = module.split(".")[1]
            if target in rank:
                assert rank[target] <= rank[folder_of(file)], f"{file} imports {module}"


def test_stages_are_the_same_in_compiler_docs_and_after() -> None:
    table = re.findall(r"^\| `(\w+)` \|", (ROOT / "docs/architecture.md").read_text("utf-8"), re.MULTILINE)
    assert (*table,) == compiler.STAGES
    compilation = Compilation(Source("twice.net", TWICE), compiler.Options())
    assert len({after(stage, compilation) for stage in compiler.STAGES}) == len(compiler.STAGES)


def test_files_and_functions_are_small() -> None:
    for file in CODE:
        text = file.read_text("utf-8")
        assert len(text.splitlines()) <= 400, file
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef):
                assert (node.end_lineno or 0) - node.lineno < 60, f"{file}: {node.name}"


def test_texts_leave_nothing_to_do_and_name_no_machine() -> None:
    for file in {*TEXTS} - {Path(__file__)}:
        text = file.read_text("utf-8")
        assert not re.search(r"\b(TODO|FIXME|XXX|HACK)\b", text), file
        assert not re.search(r"(?<![\w.])/(home|root|work|tmp|Users|opt)/\w", text), file


@pytest.mark.parametrize("page", generate.written(), ids=lambda page: page.name)
def test_pages_show_what_is_so(page: Path) -> None:
    text = page.read_text("utf-8")
    assert generate.refreshed(text) == text, "run `python docs/generate.py`"
    found = generate.fences(text)
    for fence, below in zip(found, [*found[1:], None], strict=False):
        if fence.language == "net":
            wrong = below is not None and below.marker == "error"
            assert bool([*compiler.check(fence.source)]) == wrong, generate.message(fence.source)


def test_every_link_of_a_page_leads_somewhere() -> None:
    made = {generate.DOCS / path for path, _ in generate.generated()}
    for page in generate.written():
        for link in re.findall(r"\]\(([^):#]+)\)", page.read_text("utf-8")):
            target = page.parent / link
            assert target.exists() or target in made, f"{page.name}: {link}"


def test_the_walks_through_a_layer_and_a_pass_are_complete(tmp_path: Path) -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    modules = {
        fence.marker.removeprefix("module: "): fence.text
        for fence in generate.fences(text)
        if "module:" in fence.marker
    }
    assert len(modules) == 2
    for folder in ("dslc", "grammar", "tests"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for path, module in modules.items():
        (tmp_path / path).write_text(module, "utf-8")
    chosen = " or ".join(Path(path).stem for path in modules)
    tests = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "tests/test_ops.py",
        "tests/test_passes.py",
        "-k",
        chosen,
    ]
    done = subprocess.run(
        tests,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert int(re.findall(r"(\d+) passed", done.stdout)[0]) > 20, done.stdout
