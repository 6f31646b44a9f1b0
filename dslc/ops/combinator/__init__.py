"""Layers with a body in braces."""
