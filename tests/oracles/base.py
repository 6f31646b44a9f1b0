"""An op beside the same thing in PyTorch, NumPy or SciPy: outputs and all gradients in 64 bits."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

import jax
import jax.numpy as jnp
import numpy as np
from samples import Case, own_gradients, summed_down, tupled

from dslc.lazy import _Lazy
from dslc.ops.base import Context, Sample
from dslc.ops.metric.base import Metric
from dslc.types import Type

Array = np.ndarray[Any, Any]

# Loaded at the first comparison: entries are listed where PyTorch is not installed, too.
torch: Any = _Lazy("torch")
F: Any = _Lazy("torch.nn.functional")

SHAPES = ("[3, 1, 5]", "[2, 3, 7]", "[1]", "[]")
"""Of every rank, with sizes of 1 and odd ones."""
NAMES = {"float64": "f64", "int32": "i32", "bool": "bool"}
SMALL = 1e-3
"""The norm below which an error is taken relative to this: what vanishes by cancellation is left with roundings."""


@dataclass(frozen=True)
class Oracle:
    """One op with settings, and the function that gives the same for each of several inputs.

    A case is a tuple of inputs: a type as text is drawn at random, an array stands for itself, None is left out.
    The peer takes them as tensors of PyTorch, and the weights by role (`qkv.kernel` is `qkv_kernel`).
    """

    text: str
    source: str
    peer: Callable[..., Any]
    cases: tuple[tuple[Any, ...], ...]
    training: bool = False
    state: Mapping[str, Array] = field(default_factory=dict[str, Array])

    @property
    def op(self) -> str:
        """The name of the op."""
        return self.text.partition("(")[0]

    def error(self) -> float:
        """The worst relative error of outputs and gradients, over all cases."""
        return max(error for error in self.errors() if error is not None)

    def errors(self) -> tuple[float, float | None]:
        """The worst of the outputs, and of the gradients; None where nothing has one."""
        worst: dict[bool, float] = {}
        with jax.enable_x64(True):
            for number, case in enumerate(self.cases):
                for backward, error in self._errors(number, case):
                    worst[backward] = max(error, worst.get(backward, 0.0))
        return worst[False], worst.get(True)

    def _errors(self, number: int, given: tuple[Any, ...]) -> Iterator[tuple[bool, float]]:
        rng = np.random.default_rng(crc32(f"{self.text} {number}".encode()))
        inputs = tuple(_drawn(rng, each) if isinstance(each, str) else each for each in given)
        case = _case(self.text, inputs)
        if isinstance(case.op, Metric):
            yield False, _metric_error(case.op, inputs, self.peer)
            return
        weights = {role: rng.standard_normal(weight.shape) for role, weight in case.weights.items()}
        tensors = [None if a is None else torch.tensor(a, requires_grad=a.dtype == np.float64) for a in inputs]
        leaves = {role: torch.tensor(array, requires_grad=True) for role, array in weights.items()}
        expected = tupled(self.peer(*tensors, **{role.replace(".", "_"): leaf for role, leaf in leaves.items()}))
        expected = tuple(torch.as_tensor(each) for each in expected)
        back = tuple(rng.standard_normal(each.shape) if each.requires_grad else None for each in expected)
        held, arrays, gradient = jax.tree.map(jnp.asarray, ({**weights, **self.state}, inputs, back))
        outputs, by_weight, by_input = jax.jit(lambda h, a, g: _called(case, h, a, g, self.training))(
            held, arrays, gradient
        )
        yield from ((False, _distance(*pair)) for pair in zip(outputs, expected, strict=True))
        if all(each is None for each in back):
            return
        torch.autograd.backward(
            [each for each in expected if each.requires_grad], [torch.tensor(each) for each in back if each is not None]
        )
        ours = (*by_input, *(by_weight[role] for role in leaves))
        for found, leaf in zip(ours, (*tensors, *leaves.values()), strict=True):
            if leaf is not None and leaf.requires_grad:
                yield True, _distance(found, torch.zeros_like(leaf) if leaf.grad is None else leaf.grad)


def oracle(
    text: str, source: str, peer: Callable[..., Any], *cases: Any, training: bool = False, **state: Array
) -> Oracle:
    """An entry; a case of one input may stand without its tuple."""
    return Oracle(
        text, source, peer, tuple(case if isinstance(case, tuple) else (case,) for case in cases), training, state
    )


def ints(high: int, *shape: int) -> Array:
    """Numbers from 0 to below `high`, with some that come twice."""
    return np.random.default_rng(high).integers(0, high, shape).astype(np.int32)


def seen(*shape: int) -> Array:
    """A mask whose first column is true: PyTorch gives NaN where nothing is visible."""
    mask = np.random.default_rng(3).random(shape) < 0.5
    mask[..., 0] = True
    return mask


def channels_first(x: Any) -> Any:
    return x.movedim(-1, 1)


def channels_last(x: Any) -> Any:
    return x.movedim(1, -1)


def _drawn(rng: np.random.Generator, text: str) -> Array:
    """Numbers of both signs in the shape of a type, above zero for one that begins with `+`."""
    values = rng.standard_normal(Type.parse(text.removeprefix("+")).shape)
    return np.asarray(0.2 + np.abs(values) if text.startswith("+") else values)


def _case(text: str, inputs: tuple[Any, ...]) -> Case:
    types = tuple("none" if a is None else f"{NAMES[str(a.dtype)].replace('f64', 'f32')}{[*a.shape]}" for a in inputs)
    return Case.of(Sample(text, types)).wide()


def _called(
    case: Case, weights: Mapping[str, Any], arrays: tuple[Any, ...], back: tuple[Any, ...], training: bool
) -> tuple[Any, Any, list[Any]]:
    """Outputs, and gradients by role and by place: by the op's own rule where it has one."""
    filled = arrays + (None,) * (len(case.inputs) - len(arrays))
    outputs = case.call(weights, filled, training)
    places = [at for at, array in enumerate(filled) if array is not None and jnp.issubdtype(array.dtype, jnp.floating)]
    trained = {role: weights[role] for role in case.weights}
    if case.op.keeps is not None and any(each is not None for each in back):
        given = tuple(
            jnp.zeros_like(out) if by is None else by.astype(out.dtype) for by, out in zip(back, outputs, strict=True)
        )
        by_weight, by_input = own_gradients(case, weights, filled, given if len(given) > 1 else given[0], training)
    else:
        by_weight, by_input = _derived(case, weights, trained, filled, places, back, training)
    shaped = [
        summed_down(by_input[at], array) if at in places and by_input[at] is not None else _zeros(array)
        for at, array in enumerate(arrays)
    ]
    return outputs, by_weight, shaped


def _derived(case: Case, weights: Any, trained: Any, filled: Any, places: Any, back: Any, training: bool) -> Any:
    def call(trained: Any, moved: Any) -> tuple[Any, ...]:
        inputs = list(filled)
        for at, array in zip(places, moved, strict=True):
            inputs[at] = array
        found = case.call({**weights, **trained}, tuple(inputs), training)
        return tuple(each for each, by in zip(found, back, strict=True) if by is not None)

    found, rule = jax.vjp(call, trained, [filled[at] for at in places])
    given = [by for by in back if by is not None]
    by_weight, moved = rule(tuple(by.astype(out.dtype) for by, out in zip(given, found, strict=True)))
    by_input = dict(zip(places, moved, strict=True))
    return by_weight, [by_input.get(at) for at in range(len(filled))]


def _zeros(array: Any) -> Any:
    return None if array is None else jnp.zeros(array.shape)


def _distance(found: Any, expected: Any) -> float:
    ours, theirs = np.asarray(found, np.float64), expected.detach().numpy().astype(np.float64)
    assert ours.shape == theirs.shape, f"{ours.shape} and {theirs.shape}"
    return float(np.linalg.norm(ours - theirs) / max(np.linalg.norm(theirs), SMALL))


def _metric_error(metric: Metric, arrays: tuple[Any, ...], peer: Callable[..., Any]) -> float:
    """The value over two batches of different size, added up as training does it, beside that over all at once."""
    cut = 2 * len(arrays[0]) // 5
    halves = [[None if array is None else jnp.asarray(array[part]) for array in arrays] for part in np.s_[:cut, cut:]]
    sums = [np.asarray(metric.apply({}, *half, ctx=Context()), np.float64) for half in halves]
    found = metric.result(np.concatenate(sums) if metric.gathers else np.sum(sums, axis=0))
    return _distance(found, torch.as_tensor(np.asarray(peer(*arrays), np.float64)))
