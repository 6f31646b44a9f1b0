"""The standard library: what its comments say is so."""

import re

import pytest
from nets import graph_of

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
    assert re.search(r"Reference: .+, (19|20)\d\d, arXiv \d{4}\.\d{4,5}", part.prose)
    page = library.explained(part.name)
    assert page is not None
    assert part.text.splitlines()[0] in page
    picture = page.partition("## Graph")[2]
    graph = part.samples[0].graph(part.module)
    assert all(f" : {graph.type(ref)} = " in picture for ref in graph.outputs.values())
    assert len(picture.splitlines()) == 4 + len(outline(graph))


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


NETWORKS = {
    # The numbers in the documentation of torchvision.
    "resnet18": (
        11_689_512,
        """residual.conv_norm(64, 7, stride = 2) -> relu -> max_pool(3, stride = 2, padding = 1)
        -> repeat filters, stride in zip([64, 128, 256, 512], [1, 2, 2, 2]) {
          residual.residual(filters, stride) -> residual.residual(filters)
        } -> global_avg_pool -> dense(1000)""",
    ),
    "resnet50": (
        25_557_032,
        """residual.conv_norm(64, 7, stride = 2) -> relu -> max_pool(3, stride = 2, padding = 1)
        -> repeat filters, n, stride in zip([64, 128, 256, 512], [3, 4, 6, 3], [1, 2, 2, 2]) {
          residual.bottleneck(filters, stride) -> repeat n - 1 { residual.bottleneck(filters) }
        } -> global_avg_pool -> dense(1000)""",
    ),
    "densenet121": (
        7_978_856,
        """residual.conv_norm(64, 7, stride = 2) -> relu -> max_pool(3, stride = 2, padding = 1)
        -> repeat n in [6, 12, 24] { dense.dense_block(n) -> dense.transition } -> dense.dense_block(16)
        -> batch_norm -> relu -> global_avg_pool -> dense(1000)""",
    ),
    "mobilenet_v2": (
        3_504_872,
        """residual.conv_norm(32, 3, stride = 2) -> relu6
        -> repeat expand, filters, n, stride in zip(
          [1, 6, 6, 6, 6, 6, 6], [16, 24, 32, 64, 96, 160, 320], [1, 2, 3, 4, 3, 3, 1], [1, 2, 2, 2, 1, 2, 1]
        ) {
          repeat i in 0..n {
            mobile.inverted_residual(filters, 3, if i == 0 { stride } else { 1 }, expand, squeeze = none, act = relu6)
          }
        } -> residual.conv_norm(1280, 1) -> relu6 -> global_avg_pool -> dense(1000)""",
    ),
    "efficientnet_b0": (
        5_288_548,
        """residual.conv_norm(32, 3, stride = 2) -> silu
        -> repeat expand, filters, n, stride, kernel in zip(
          [1, 6, 6, 6, 6, 6, 6], [16, 24, 40, 80, 112, 192, 320], [1, 2, 2, 3, 3, 4, 1], [1, 2, 2, 2, 1, 2, 1],
          [3, 3, 5, 3, 5, 5, 3]
        ) {
          repeat i in 0..n { mobile.inverted_residual(filters, kernel, if i == 0 { stride } else { 1 }, expand, drop = 0.1) }
        } -> residual.conv_norm(1280, 1) -> silu -> global_avg_pool -> dense(1000)""",
    ),
    "vit_b_16": (
        86_567_656,
        """vision.patch_embedding(768, patch = 16) -> vision.class_token -> vision.position_embedding
        -> repeat 12 { transformer.encoder(12) } -> layer_norm -> it[:, 0] -> dense(1000)""",
    ),
    # The model file bvlc_googlenet of Caffe, without the classifiers that help in training.
    "googlenet": (
        6_998_552,
        """conv(64, 7, stride = 2) -> relu -> max_pool(3, stride = 2) -> conv(64, 1) -> relu -> conv(192, 3) -> relu
        -> max_pool(3, stride = 2)
        -> inception.inception(64, 96, 128, 16, 32, 32) -> inception.inception(128, 128, 192, 32, 96, 64)
        -> max_pool(3, stride = 2)
        -> inception.inception(192, 96, 208, 16, 48, 64) -> inception.inception(160, 112, 224, 24, 64, 64)
        -> inception.inception(128, 128, 256, 24, 64, 64) -> inception.inception(112, 144, 288, 32, 64, 64)
        -> inception.inception(256, 160, 320, 32, 128, 128) -> max_pool(3, stride = 2)
        -> inception.inception(256, 160, 320, 32, 128, 128) -> inception.inception(384, 192, 384, 48, 128, 128)
        -> global_avg_pool -> dense(1000)""",
    ),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_known_networks_of_its_blocks_have_the_published_number_of_weights(name: str) -> None:
    published, stages = NETWORKS[name]
    imports = "\n".join(f"import std.{module}" for module in library.library())
    graph = graph_of(f"{imports}\nmodel m {{ input image: [batch, 224, 224, 3]  output logits = image -> {stages} }}")
    assert sum(int(node.type.size) for node in graph.sources("parameter")) == published  # type: ignore[arg-type]
