"""Types of tensors: a dtype and a shape whose sizes are ints or symbolic dimensions."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from dslc.dims import Size, parse_size, substitute

FLOATS = ("f16", "bf16", "f32", "f64")
PRECISIONS = ("f32", "bf16", "f16")
"""What a train block may compute in."""
INTEGERS = ("i8", "u8", "i32", "i64")
DTYPES = (*FLOATS, *INTEGERS, "bool")
JAX_DTYPES = {
    "f16": "float16", "bf16": "bfloat16", "f32": "float32", "f64": "float64",
    "i8": "int8", "u8": "uint8", "i32": "int32", "i64": "int64", "bool": "bool",
}  # fmt: skip
BYTES = {"f16": 2, "bf16": 2, "f32": 4, "f64": 8, "i8": 1, "u8": 1, "i32": 4, "i64": 8, "bool": 1}


@dataclass(frozen=True, slots=True)
class Type:
    """Type of one tensor, for example `f32[batch, 28, 28, 1]`."""

    shape: tuple[Size, ...]
    dtype: str = "f32"

    @property
    def rank(self) -> int:
        return len(self.shape)

    @property
    def is_float(self) -> bool:
        return self.dtype in FLOATS

    @property
    def is_integer(self) -> bool:
        return self.dtype in INTEGERS

    @property
    def size(self) -> Size:
        """Number of elements."""
        total: Size = 1
        for size in self.shape:
            total = total * size
        return total

    def with_shape(self, *shape: Size) -> "Type":
        return Type(tuple(shape), self.dtype)

    def with_last(self, size: Size) -> "Type":
        """The same type with another last axis."""
        return Type((*self.shape[:-1], size), self.dtype)

    def with_dtype(self, dtype: str) -> "Type":
        return Type(self.shape, dtype)

    def stacked(self, count: Size) -> "Type":
        """The type of `count` such tensors, along a first axis."""
        return Type((count, *self.shape), self.dtype)

    def bind(self, dims: Mapping[str, Size]) -> "Type":
        """The type with sizes put in for dimension names."""
        return Type(tuple(substitute(size, dims) for size in self.shape), self.dtype)

    @classmethod
    def parse(cls, text: str) -> "Type":
        """Read `f32[batch, 4 * d]`; without a dtype, f32.

        Raises:
            ValueError: when the text is not a type.
        """
        match = re.fullmatch(r"\s*(\w+)?\s*\[(.*)\]\s*", text, re.DOTALL)
        if match is None or (match[1] or "f32") not in DTYPES:
            raise ValueError(f"not a type: {text}")
        sizes = [part for part in _split_commas(match[2]) if part.strip()]
        return cls(tuple(parse_size(size) for size in sizes), match[1] or "f32")

    def __str__(self) -> str:
        sizes = ", ".join(map(str, self.shape))
        return f"[{sizes}]" if self.dtype == "f32" else f"{self.dtype}[{sizes}]"


def _split_commas(text: str) -> list[str]:
    """Split at commas outside of parentheses."""
    parts, depth = [""], 0
    for char in text:
        depth += (char == "(") - (char == ")")
        if char == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += char
    return parts
