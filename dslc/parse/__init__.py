"""Text to tree. `parse` gives the tree of a file and adds what is wrong with its syntax to the problems."""

from dslc.parse.reader import parse

__all__ = ["parse"]
