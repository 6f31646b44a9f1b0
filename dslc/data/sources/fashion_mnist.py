"""Pieces of clothing."""

from dslc.data.base import source
from dslc.data.sources._idx import Pictures


@source
class FashionMnist(Pictures):
    """70,000 pieces of clothing of ten kinds, grey pictures of 28 x 28 with values from 0 to 255, 10,000 for testing.

    `folder` holds the four original files, packed with gzip or not.

    Shapes: `image` is `[batch, 28, 28, 1]`, `label` is `[batch]`.
    Reference: Xiao, Rasul and Vollgraf, 2017, arXiv:1708.07747.
    """

    folder: str = "fashion_mnist/"

    names = (
        "t-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot",
    )  # fmt: skip
