"""Layers with a body in braces."""

LATER = ("bidirectional", "frozen", "remat", "scan")
"""Combinators that the language has and this version does not carry out."""
