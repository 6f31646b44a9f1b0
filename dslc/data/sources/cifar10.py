"""Small colour pictures of ten kinds."""

from dataclasses import replace
from typing import ClassVar

from dslc.data.base import Folders, Parts, source
from dslc.data.sources._cifar import Cifar

NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


@source
class Cifar10(Cifar):
    """60,000 colour pictures of 32 x 32 with values from 0 to 255, of ten kinds, 10,000 of them for testing.

    `folder` holds the six files of the binary version: `data_batch_1.bin` to `data_batch_5.bin` and `test_batch.bin`.

    Shapes: `image` is `[batch, 32, 32, 3]`, `label` is `[batch]`.
    Reference: Krizhevsky, 2009, Learning multiple layers of features from tiny images.
    """

    folder: str = "cifar10/"

    aliases = ("cifar", "cifar_10")
    parts: ClassVar[dict[str, tuple[str, ...]]] = {
        "train": tuple(f"data_batch_{number}.bin" for number in range(1, 6)),
        "test": ("test_batch.bin",),
    }
    labels: ClassVar[tuple[tuple[str, int], ...]] = (("label", 10),)

    def load(self, folders: Folders) -> Parts:
        return replace(super().load(folders), names={"label": NAMES})
