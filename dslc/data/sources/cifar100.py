"""Small colour pictures of a hundred kinds."""

from typing import ClassVar

from dslc.data.base import source
from dslc.data.sources._cifar import Cifar


@source
class Cifar100(Cifar):
    """60,000 colour pictures of 32 x 32 with values from 0 to 255, of 100 kinds in 20 groups, 10,000 of them for testing.

    `folder` holds the two files of the binary version, `train.bin` and `test.bin`. `label` is the kind, `group` its group.

    Shapes: `image` is `[batch, 32, 32, 3]`, `label` and `group` are `[batch]`.
    Reference: Krizhevsky, 2009, Learning multiple layers of features from tiny images.
    """

    folder: str = "cifar100/"

    aliases = ("cifar_100",)
    parts: ClassVar[dict[str, tuple[str, ...]]] = {"train": ("train.bin",), "test": ("test.bin",)}
    labels: ClassVar[tuple[tuple[str, int], ...]] = (("group", 20), ("label", 100))
