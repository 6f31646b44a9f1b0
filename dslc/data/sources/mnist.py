"""Handwritten digits."""

from dslc.data.base import source
from dslc.data.sources._idx import Pictures


@source
class Mnist(Pictures):
    """70,000 handwritten digits, grey pictures of 28 x 28 with values from 0 to 255, 10,000 of them for testing.

    `folder` holds the four original files, packed with gzip or not.

    Shapes: `image` is `[batch, 28, 28, 1]`, `label` is `[batch]`.
    Reference: LeCun, Bottou, Bengio and Haffner, 1998.
    """

    folder: str = "mnist/"

    names = tuple("0123456789")
