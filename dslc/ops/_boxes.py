"""Boxes given by two corners, `x1, y1, x2, y2` along the last axis: areas and overlaps."""

from typing import Any

from dslc.lazy import jnp


def overlap(a: Any, b: Any) -> tuple[Any, Any, Any]:
    """Intersection over union, the area of the union, and that of the smallest box around both; 0 over 0 counts as 0."""
    low, high = jnp.maximum(a[..., :2], b[..., :2]), jnp.minimum(a[..., 2:], b[..., 2:])
    both = _area(jnp.maximum(high - low, 0))
    union = _area(a[..., 2:] - a[..., :2]) + _area(b[..., 2:] - b[..., :2]) - both
    around = _area(jnp.maximum(a[..., 2:], b[..., 2:]) - jnp.minimum(a[..., :2], b[..., :2]))
    there = union > 0
    return jnp.where(there, both / jnp.where(there, union, 1), 0), union, around


def _area(size: Any) -> Any:
    return size[..., 0] * size[..., 1]
