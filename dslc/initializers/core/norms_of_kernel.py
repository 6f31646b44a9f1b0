"""The lengths that a kernel starts with."""

from dslc.initializers.base import Initializer, initializer

SUFFIX = "_norm.scale"
"""What the name of the scale has behind that of its kernel."""


@initializer
class NormsOfKernel(Initializer):
    """For the scale of a `weight_norm`: the length of each unit's part of the kernel, so that this starts as it is drawn.

    There is nothing to draw: `dslc/initialize.py` works it out from the kernel.

    Reference: Salimans and Kingma, 2016, arXiv:1602.07868.
    """
