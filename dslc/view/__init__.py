"""A graph as an interactive page: one HTML file that needs nothing else."""

from dslc.view.render import View, page

__all__ = ["View", "page"]
