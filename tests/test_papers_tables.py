"""The sizes of feature maps that papers print in a table or a figure, beside those of the examples."""

import re
from dataclasses import dataclass
from itertools import groupby

import headers
import pytest

from dslc import compiler
from dslc.summary import summarize


@dataclass(frozen=True)
class Table:
    """The outputs of some layers, one after the other; equal neighbours count once."""

    name: str
    source: str
    layers: str
    """A pattern for the paths of the layers that the table has a row for."""
    sizes: str
    """`56x56x64` is height, width and channels."""
    options: str = ""
    """A variant or a model of the file."""


STAGES = r"stages\.\d\.layers\..*(project|last)|stem\.conv|last\.conv"
TABLES = [
    Table(
        "vision/lenet5", "LeCun and others, 1998, figure 2", "conv|pool|dense",
        "28x28x6 14x14x6 10x10x16 5x5x16 120 84 10",
    ),
    Table(
        "vision/alexnet", "Krizhevsky, 2014, the sizes that follow from its layers", "conv|pool|dense",
        "55x55x64 27x27x64 27x27x192 13x13x192 13x13x384 13x13x256 6x6x256 4096 1000",
    ),
    Table(
        "vision/vgg", "Simonyan and Zisserman, 2014, table 1, D", "conv|pool|dense|head",
        "224x224x64 112x112x64 112x112x128 56x56x128 56x56x256 28x28x256 28x28x512 14x14x512 7x7x512 4096 1000",
    ),
    Table(
        "vision/googlenet", "Szegedy and others, 2014, table 1",
        r"^trunk\.(conv|max_pool|inception\w*\.concat)|^head",
        "112x112x64 56x56x64 56x56x192 28x28x192 28x28x256 28x28x480 14x14x480 14x14x512 14x14x528 14x14x832 "
        "7x7x832 7x7x1024 1024 1000",
    ),
    Table(
        "vision/resnet", "He and others, 2015, table 1, 50 layers", r"stem\.conv|max_pool|\.add$|head",
        "112x112x64 56x56x64 56x56x256 28x28x512 14x14x1024 7x7x2048 1000",
    ),
    Table(
        "vision/resnet", "He and others, 2015, table 1, 18 layers", r"stem\.conv|max_pool|\.add$|head",
        "112x112x64 56x56x64 28x28x128 14x14x256 7x7x512 1000", "resnet18",
    ),
    Table(
        "vision/resnet1001", "He and others, 2016, for CIFAR: widths 16, 64, 128, 256", r"^stem|\.add$|head",
        "32x32x16 32x32x64 16x16x128 8x8x256 10",
    ),
    Table(
        "vision/densenet", "Huang and others, 2016, table 1, 121 layers",
        r"stem\.conv|^max_pool|repeat\.(5|11|23)\.concat|last\.repeat\.15\.concat|transition\.(conv|avg_pool)|head",
        "112x112x64 56x56x64 56x56x256 56x56x128 28x28x128 28x28x320 28x28x512 28x28x256 14x14x256 14x14x448 14x14x640 "
        "14x14x1024 14x14x512 7x7x512 7x7x704 7x7x896 7x7x1024 1000",
    ),
    Table(
        "vision/squeezenet", "Iandola and others, 2016, table 1", r"^conv|max_pool|concat|global",
        "111x111x96 55x55x96 55x55x128 55x55x256 27x27x256 27x27x384 27x27x512 13x13x512 13x13x1000 1000",
    ),
    Table(
        "vision/mobilenet_v2", "Sandler and others, 2018, table 2", rf"{STAGES}|global|head",
        "112x112x32 112x112x16 56x56x24 28x28x32 14x14x64 14x14x96 7x7x160 7x7x320 7x7x1280 1280 1000",
    ),
    Table(
        "vision/efficientnet", "Tan and Le, 2019, table 1", rf"{STAGES}|head",
        "112x112x32 112x112x16 56x56x24 28x28x40 14x14x80 14x14x112 7x7x192 7x7x320 7x7x1280 1000",
    ),
    Table(
        "vision/convnext", "Liu and others, 2022, table 9", r"patches|smaller|\.add$|head",
        "56x56x96 28x28x192 14x14x384 7x7x768 1000",
    ),
    Table(
        "vision/swin", "Liu and others, 2021, figure 3 and table 7", r"embed$|merging\.dense|drop_path|head",
        "56x56x96 28x28x192 14x14x384 7x7x768 1000",
    ),
    Table(
        "vision/vit", "Dosovitskiy and others, 2020, table 1: base, 16 x 16", r"patches\.reshape|concat|attention|head",
        "196x768 197x768 1000",
    ),
    Table(
        "vision/deit", "Touvron and others, 2020, table 1: Ti", r"patch_embedding\.reshape|concat|attention|head",
        "196x192 197x192 1000",
    ),
    Table(
        "vision/unet", "Ronneberger and others, 2015, figure 1", r"conv|max_pool",
        "570x570x64 568x568x64 284x284x64 282x282x128 280x280x128 140x140x128 138x138x256 136x136x256 68x68x256 "
        "66x66x512 64x64x512 32x32x512 30x30x1024 28x28x1024 56x56x512 54x54x512 52x52x512 104x104x256 102x102x256 "
        "100x100x256 200x200x128 198x198x128 196x196x128 392x392x64 390x390x64 388x388x64 388x388x2",
    ),
    Table(
        "generative/dcgan", "Radford and others, 2015, figure 1, at half the width", r"conv_transpose",
        "4x4x512 8x8x256 16x16x128 32x32x64 64x64x3", "generator",
    ),
    Table(
        "generative/ddpm", "Ho and others, 2020, appendix B: 32x32 to 4x4", r"^conv(_\d)?$",
        "32x32x128 16x16x128 8x8x256 4x4x256 8x8x256 16x16x256 32x32x256 32x32x3",
    ),
]  # fmt: skip


@pytest.mark.parametrize("table", [pytest.param(table, id=f"{table.name} {table.options}".strip()) for table in TABLES])
def test_feature_maps_are_as_large_as_in_the_paper(table: Table) -> None:
    source = headers.example(headers.EXAMPLES / f"{table.name}.net").source
    is_variant = f"variant {table.options} " in re.sub(" +", " ", source.text)
    chosen = {("variant" if is_variant else "model"): table.options or None}
    found = summarize(compiler.graph(source, compiler.Options(**chosen)), source, {})
    rows = [row for row in found.layers if re.search(table.layers, row.path)]
    sizes = ["x".join(map(str, row.outputs[0].shape[1:])) for row in rows]
    assert [size for size, _ in groupby(sizes)] == table.sizes.split()
