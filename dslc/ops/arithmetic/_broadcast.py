"""What the operators share: one dtype and one rank for operands that differ in them."""

from dslc.lazy import jax, jnp
from dslc.ops.base import Mismatch, MixedDtypes, broadcast
from dslc.types import Type


def common(*types: Type) -> Type:
    """Type in which operands meet: broadcast shape, and integers or bools as floats where one operand has floats.

    Raises:
        Mismatch: when an axis does not fit; `MixedDtypes` when the dtypes do not.
    """
    floats = [position for position, type in enumerate(types) if type.is_float]
    judged = floats or range(len(types))
    first = types[judged[0]].dtype
    for position in judged:
        if types[position].dtype != first:
            other = types[position].dtype
            raise MixedDtypes(
                f"the dtypes {first} and {other} do not mix",
                f'cast one of them: `-> cast("{other if first == "bool" else first}")`',
                position,
            )
    return Type(broadcast(*types), first)


def alike(*arrays: "jax.Array") -> "tuple[jax.Array, ...]":
    """The arrays in the dtype where they meet.

    Of several float dtypes the widest counts: constants stay float32 when a model runs in float64.
    """
    floats = [array.dtype for array in arrays if jnp.issubdtype(array.dtype, jnp.floating)]
    dtype = max(floats, key=lambda dtype: dtype.itemsize) if floats else arrays[0].dtype
    return tuple(array.astype(dtype) for array in arrays)


def together(*arrays: "jax.Array") -> "tuple[jax.Array, ...]":
    """The arrays in the dtype where they meet, with axes of size 1 in front up to the largest rank."""
    rank = max(array.ndim for array in arrays)
    return tuple(jnp.expand_dims(array, tuple(range(rank - array.ndim))) for array in alike(*arrays))


def numbers(*types: Type) -> None:
    """Refuse bools where arithmetic on them has no meaning.

    Raises:
        Mismatch: when all operands are bool.
    """
    if all(type.dtype == "bool" for type in types):
        raise Mismatch("needs numbers, and gets bool", 'cast it first: `-> cast("f32")`', 0)
