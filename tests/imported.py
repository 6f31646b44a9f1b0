"""Files that import each other, for tests."""

from pathlib import Path

from dslc import compiler
from dslc.errors.base import Failed
from dslc.errors.render import render
from dslc.graph import Graph

PARTS = """net 1
import "deeper/norm.net"
block bottleneck(width, act = relu): [batch, h, w, c] -> [batch, h, w, c] =
  residual { norm.conv_norm(width) -> act -> norm.conv_norm(c) }
model net(depths = [1, 2], block = bottleneck) {
  input  image: [batch, 8, 8, 3]
  output logits = image -> repeat n in depths { repeat n { block(4) } } -> global_avg_pool -> dense(10)
}
train net { data = nowhere()  loss = 3 }
"""
NORM = "net 1\nblock conv_norm(width) = conv(width, 3, bias = false) -> batch_norm\n"
HEAD = 'net 1\nimport "blocks/parts.net" as p\n'
IMAGE = "input image: [batch, 8, 8, 3]  output y = image ->"


def two_files(tmp_path: Path) -> Path:
    """A folder with two files to import."""
    write(tmp_path, "blocks/parts.net", PARTS)
    write(tmp_path, "blocks/deeper/norm.net", NORM)
    return tmp_path


def write(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, "utf-8")
    return file


def graph(tree: Path, text: str, **options: object) -> Graph:
    file = write(tree, "main.net", HEAD + text)
    try:
        return compiler.graph(compiler.read(str(file)), compiler.Options(**options))  # type: ignore[arg-type]
    except Failed as failed:
        raise AssertionError([problem.headline() for problem in failed.problems]) from None


def problems(tree: Path, text: str) -> list[tuple[str, str, int]]:
    """Code, file and line of what `check` finds."""
    source = compiler.read(str(write(tree, "main.net", text)))
    found = compiler.check(source)
    return [(one.code, Path(one.span.file).name, source.line_of(one.span)) for one in found]


def message(tree: Path, text: str) -> str:
    source = compiler.read(str(write(tree, "main.net", text)))
    (problem,) = compiler.check(source)
    return render(problem, {source.name: source}).replace(str(tree), "TREE")
