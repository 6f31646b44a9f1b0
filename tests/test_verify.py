"""A graph that does not hang together is found, with the node and what is wrong with it."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from graphs import in_region

from dslc.graph import Graph, Ref
from dslc.ops.base import Op
from dslc.text import from_text
from dslc.types import Type
from dslc.verify import Broken, verify

SOUND = from_text(
    """graph sound {
         x = input("f32", (batch, 3))
         dense.kernel = parameter((3, 4))
         dense = dense(4, bias = false) x; kernel = dense.kernel
         norm.scale = parameter((4,))
         norm.bias = parameter((4,))
         norm.mean = state((4,))
         norm.var = state((4,))
         norm = batch_norm() dense; scale = norm.scale, bias = norm.bias, mean = norm.mean, var = norm.var
         output norm
         update norm.mean = norm[1]
         update norm.var = norm[2]
       }"""
)


def changed(name: str, /, **parts: object) -> Graph:
    return replace(SOUND, nodes={**SOUND.nodes, name: replace(SOUND.nodes[name], **parts)})


def kernel(ref: Ref) -> Graph:
    return changed("dense", weights={"kernel": ref})


def op_of(name: str, **settings: object) -> Op:
    return replace(SOUND.nodes[name].op, **settings)  # type: ignore[type-var]


BROKEN = {
    "is filed under a name that is not its own": lambda: changed("x", name="y"),
    "reads `nothing`, which does not stand before it": lambda: kernel(Ref("nothing")),
    "reads `norm`, which does not stand before it": lambda: kernel(Ref("norm")),
    "reads output 1 of `x`, which has 1": lambda: kernel(Ref("x", 1)),
    "wants `kernel` of shape [3, 4], and gets [batch, 3]": lambda: kernel(Ref("x")),
    "wants the weights ['kernel'], and gets []": lambda: changed("dense", weights={}),
    "has the types [batch, 5], and its op gives [batch, 4]": lambda: changed("dense", types=(SOUND.nodes["dense"].type.with_last(5),)),
    "has the types [batch, 4], and its op gives [batch, 4], [4], [4]": lambda: changed("norm", types=SOUND.nodes["norm"].types[:1]),
    "has the types bf16[batch, 3], and its op gives [batch, 3]": lambda: changed("x", types=(SOUND.nodes["x"].type.with_dtype("bf16"),)),
    "needs floats, and gets i32": lambda: changed("x", op=op_of("x", dtype="i32"), types=(Type(SOUND.nodes["x"].type.shape, "i32"),)),
    "reads `gone`, which does not stand before it": lambda: replace(SOUND, outputs={"y": Ref("gone")}),
    "is updated, and is no node of the type": lambda: replace(SOUND, updates={"norm.mean": Ref("norm")}),
}  # fmt: skip


def test_a_sound_graph_is_given_back():
    assert verify(SOUND) is SOUND


@pytest.mark.parametrize("what", BROKEN)
def test_a_broken_graph_is_found(what: str):
    broken: Callable[[], Graph] = BROKEN[what]
    with pytest.raises(Broken) as found:
        verify(broken())
    assert what in str(found.value)


def test_what_is_broken_in_the_body_of_a_region_is_found():
    region = in_region(SOUND, count=2)
    body = replace(SOUND, nodes={name: SOUND.nodes[name] for name in reversed(SOUND.nodes)})
    loop = region.nodes["region"]
    broken = replace(loop, op=replace(loop.op, body=body))  # type: ignore[type-var]
    with pytest.raises(Broken, match="does not stand before it"):
        verify(replace(region, nodes={**region.nodes, "region": broken}))
