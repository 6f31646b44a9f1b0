"""The ops that the compiler puts in by itself: sources, constants, slices and gathers."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from dslc.dims import dim
from dslc.ops.base import OPS, Context, Mismatch
from dslc.ops.core.constant import Constant
from dslc.ops.core.index import Index
from dslc.ops.core.input import Input
from dslc.ops.core.parameter import Parameter
from dslc.ops.core.state import State
from dslc.ops.core.take import Take
from dslc.types import Type

BATCH, SEQ = dim("batch"), dim("seq")
WHOLE = (None, None, None)

SLICES = [
    ((0,), np.s_[0]),
    ((-1, WHOLE, 2), np.s_[-1, :, 2]),
    ((WHOLE, (1, None, None)), np.s_[:, 1:]),
    ((WHOLE, (None, -1, None)), np.s_[:, :-1]),
    ((WHOLE, (-3, -1, None)), np.s_[:, -3:-1]),
    (("...", (None, None, 2)), np.s_[..., ::2]),
    (("...", (1, None, 3)), np.s_[..., 1::3]),
    (((None, None, -1),), np.s_[::-1]),
    (("...", (5, 0, -2)), np.s_[..., 5:0:-2]),
    (("...", (None, None, -4)), np.s_[..., ::-4]),
    (("none", WHOLE, "...", "none", 0), np.s_[None, :, ..., None, 0]),
    ((WHOLE, 1, "none", "none", (2, 5, None)), np.s_[:, 1, None, None, 2:5]),
    (("...",), np.s_[...]),
]


def apply(op: Any, *inputs: Any) -> Any:
    return op.apply({}, *inputs, ctx=Context())


def test_hidden_ops_have_no_name_in_the_language() -> None:
    for op in (Input, Parameter, State, Constant, Index, Take):
        assert OPS[op.name] is op
        assert op.name not in OPS


def test_sources_give_the_type_they_are_told() -> None:
    assert Input("i32", (BATCH, 4), (("batch", 64),)).infer() == Type((BATCH, 4), "i32")
    assert Constant(2.5, "f32").infer() == Type((), "f32")


@pytest.mark.parametrize("kind", [Parameter, State])
def test_stored_arrays_have_an_entry_for_every_iteration(kind: type[Parameter | State]) -> None:
    assert kind((3, 4)).infer() == Type((3, 4))
    assert kind((3, 4), "f32", None, 3, 4, ((0, 12), (1, 2))).infer() == Type((12, 2, 3, 4))


@pytest.mark.parametrize(("value", "dtype"), [(1.5, "float32"), (-7, "int32"), (True, "bool")])
def test_constants_are_their_value(value: float | bool, dtype: str) -> None:
    name = {"float32": "f32", "int32": "i32", "bool": "bool"}[dtype]
    found = apply(Constant(value, name))
    assert str(found.dtype) == dtype
    assert found.shape == ()
    assert found.item() == value


@pytest.mark.parametrize(("items", "expected"), SLICES)
def test_slices_take_what_numpy_takes(items: tuple[Any, ...], expected: Any) -> None:
    x = np.arange(4 * 5 * 6, dtype=np.float32).reshape(4, 5, 6)
    found = apply(Index(items), jnp.asarray(x))
    np.testing.assert_array_equal(found, x[expected])
    assert Index(items).infer(Type((4, 5, 6))).shape == x[expected].shape


@pytest.mark.parametrize(
    ("items", "shape"),
    [
        ((WHOLE, 0), (BATCH, 8)),
        ((WHOLE, (None, -1, None)), (BATCH, SEQ - 1, 8)),
        ((WHOLE, (1, None, None)), (BATCH, SEQ - 1, 8)),
        ((WHOLE, (-3, None, None)), (BATCH, 3, 8)),
        ((WHOLE, (None, None, -1)), (BATCH, SEQ, 8)),
        ((WHOLE, (None, None, 2)), (BATCH, (SEQ + 1) // 2, 8)),
        ((WHOLE, (None, SEQ - 1, None)), (BATCH, SEQ - 1, 8)),
        ((WHOLE, SEQ - 1), (BATCH, 8)),
        (("...", "none"), (BATCH, SEQ, 8, 1)),
    ],
)
def test_slices_of_symbolic_sizes_have_symbolic_sizes(items: tuple[Any, ...], shape: tuple[Any, ...]) -> None:
    assert Index(items).infer(Type((BATCH, SEQ, 8))).shape == shape


@pytest.mark.parametrize(
    ("items", "reason"),
    [
        ((WHOLE, WHOLE, 8), "index 8 is outside of axis 2, which has size 8"),
        ((WHOLE, WHOLE, -9), "index -9 is outside"),
        ((WHOLE, SEQ), "index seq is outside"),
        ((WHOLE, WHOLE, (None, 9, None)), "the bound 9 is outside"),
        ((WHOLE, (None, SEQ + 1, None)), "the bound seq + 1 is outside"),
        ((WHOLE, WHOLE, (5, 2, None)), "from 5 to 2 is empty"),
        ((WHOLE, WHOLE, (2, 2, None)), "from 2 to 2 is empty"),
        ((WHOLE, WHOLE, (None, None, 0)), "step of a slice is 0"),
        ((0, 0, 0, 0), "4 axes are indexed, and the tensor has 3"),
    ],
)
def test_slices_outside_of_the_tensor_are_refused(items: tuple[Any, ...], reason: str) -> None:
    with pytest.raises(Mismatch) as caught:
        Index(items).infer(Type((BATCH, SEQ, 8)))
    assert reason in caught.value.reason


def test_a_slice_that_may_fit_is_refused_only_when_the_size_is_known() -> None:
    position = Index(((None, SEQ, None),))
    assert position.infer(Type((dim("context"), 4))).shape == (SEQ, 4)
    with pytest.raises(Mismatch, match="the bound 9 is outside"):
        Index(((None, 9, None),)).infer(Type((8, 4)))


def test_take_gathers_along_the_first_axis() -> None:
    x, index = np.arange(12.0, dtype=np.float32).reshape(4, 3), np.array([[3, 0], [-1, 2]], np.int32)
    np.testing.assert_array_equal(apply(Take(), jnp.asarray(x), jnp.asarray(index)), x[index])
    assert Take().infer(Type((4, 3)), Type((BATCH, 2), "i32")) == Type((BATCH, 2, 3))


def test_take_of_a_missing_entry_is_not_a_number() -> None:
    assert np.isnan(apply(Take(), jnp.ones(3), jnp.asarray(3, jnp.int32)))


@pytest.mark.parametrize(
    ("inputs", "reason"),
    [((Type((4, 3)), Type((BATCH,))), "needs integers, and gets f32"), ((Type(()), Type((), "i32")), "scalar")],
)
def test_take_refuses_what_cannot_be_indexed(inputs: tuple[Type, Type], reason: str) -> None:
    with pytest.raises(Mismatch, match=reason):
        Take().infer(*inputs)


@pytest.mark.parametrize("op", [Index((WHOLE, (None, None, -2))), Index((1, "none"))])
def test_linear_transposes_of_slices_put_gradients_in_place(op: Index) -> None:
    x = jnp.arange(12.0).reshape(3, 4)
    like = jax.ShapeDtypeStruct(x.shape, x.dtype)
    gradient = jnp.full(op.infer(Type(x.shape)).shape, 2.0)
    (found,) = jax.linear_transpose(lambda x: apply(op, x), like)(gradient)
    expected = np.zeros(x.shape)
    taken = np.arange(12).reshape(3, 4)[
        tuple(slice(*i) if isinstance(i, tuple) else None if i == "none" else i for i in op.items)
    ]
    expected.flat[taken.ravel()] = 2.0
    np.testing.assert_array_equal(found, expected)
