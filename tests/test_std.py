"""The standard library: what its comments say is so."""

import re

import pytest

from dslc import compiler, library
from dslc.library import Part, Sample
from dslc.text.outline import outline

PARTS = [pytest.param(part, id=part.name) for part in library.every()]
SAMPLES = [
    pytest.param(part, sample, id=f"{part.name}-{number}")
    for part in library.every()
    for number, sample in enumerate(part.samples)
]


@pytest.mark.parametrize("part", PARTS)
def test_every_block_says_what_it_is_where_it_comes_from_and_how_it_is_used(part: Part) -> None:
    assert part.samples
    assert part.summary.endswith(".")
    if part.block.name.text not in ("conv_norm", "double_conv"):  # made of two layers, by nobody in particular
        assert re.search(r"Reference: .+, (19|20)\d\d, arXiv \d{4}\.\d{4,5}", part.prose)
    page = library.explained(part.name)
    assert page is not None
    assert part.text.splitlines()[0] in page
    assert all(line in page for line in outline(part.samples[0].graph(part.module)))


@pytest.mark.parametrize(("part", "sample"), SAMPLES)
def test_samples_have_the_shapes_and_the_weights_that_they_name(part: Part, sample: Sample) -> None:
    graph = sample.graph(part.module)
    assert tuple(str(graph.type(ref)) for ref in graph.outputs.values()) == sample.outputs
    assert sum(int(node.type.size) for node in graph.sources("parameter")) == sample.weights  # type: ignore[arg-type]
    assert not compiler.check(sample.source(part.module)).found


@pytest.mark.parametrize("module", library.library())
def test_files_check_without_a_word_by_themselves(module: str) -> None:
    assert not compiler.check(compiler.read(str(library.LIBRARY / f"{module}.net"))).found


def test_the_library_is_listed_whole() -> None:
    index = library.explained("std")
    assert index is not None
    assert all(f"`{part.name}`" in index for part in library.every())
    assert all(part.summary in (library.explained(f"std.{part.module}") or "") for part in library.every())
    assert library.explained("std.nothing") is None
    assert library.explained("std.mlp.nothing") is None
