"""Puts ops into the graph: checks their types, makes their weights, and says where a size that does not fit comes from."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from inspect import Parameter
from math import prod
from typing import Any

from dslc.build.scope import Env
from dslc.build.values import Apart, Bundle, Symbol, Tensor, Varying, kind_of, show
from dslc.dims import Dim, symbols
from dslc.errors.base import Note
from dslc.errors.bounds import DoesNotFit, TooMuchMemory
from dslc.errors.cells import KeptInLoop, PartlyFrozen
from dslc.errors.infer import Refusal, SharedDiffers, WrongInputs
from dslc.errors.names import UnknownName
from dslc.errors.placement import PartlyRemade
from dslc.errors.settings import NotKnown
from dslc.errors.values import TensorWanted
from dslc.graph import Node, Ref
from dslc.ops.base import OPS, Mismatch, MixedDtypes, Op, Weight
from dslc.ops.core.numbered import with_number
from dslc.resolve import dotted
from dslc.source import Span
from dslc.types import BYTES, Type

LARGEST = 1 << 40
"""Bytes of one tensor."""
RANGES = {"i8": (-(1 << 7), 1 << 7), "u8": (0, 1 << 8), "i32": (-(1 << 31), 1 << 31), "i64": (-(1 << 63), 1 << 63)}
Given = Tensor | None


def add(
    env: Env, op: Op, given: Sequence[Given], name: str, span: Span, place_path: str | None = None,
    varying: Mapping[str, tuple[Any, ...]] | None = None,
) -> Any:  # fmt: skip
    """The output of `op` on tensors, a Bundle where there are several. `name` is its name below the place.

    Args:
        varying: settings that are another number in each iteration of the repeat that is built; `op` has the first.

    Raises:
        Skip: when the op refuses; the problem is reported.
    """
    types = [tensor.type if tensor else None for tensor in given]
    path = env.place.name(name) if place_path is None else place_path
    outputs = _checked(env, op, given, types, span)
    weights = _weights(env, op, types, path, span)
    weights = {role: _remade(env, role, ref, f"{path}.{role}", span) for role, ref in weights.items()}
    for output in outputs:
        _bounded(env, "a tensor", output, span)
    if env.frozen and type(op).state is not Op.state:
        op = OPS["still"](of=op)  # pyright: ignore[reportCallIssue]
    states = tuple(Type(weight.shape, weight.dtype) for weight in op.state(*types).values())
    inputs = tuple(env.frame.ref(tensor) if tensor else None for tensor in given)
    node = Node(path, op, inputs, weights, outputs + states, path, span, (), env.blocks)
    ref = env.frame.builder.add(node)
    for setting, values in (varying or {}).items():
        _vary(env, op, types, ref, setting, values)
    for position, state in enumerate(op.state(*types) if env.build.keeps else ()):
        env.frame.builder.updates[weights[state].node] = Ref(ref.node, len(outputs) + position)
    made = tuple(Tensor(Ref(ref.node, i), type, env.frame) for i, type in enumerate(outputs))
    return made[0] if len(made) == 1 else Bundle.of(made)


def _vary(env: Env, op: Op, types: list[Any], ref: Ref, setting: str, values: tuple[Any, ...]) -> None:
    """Note the numbers of a setting, all of which must do.

    Raises:
        Apart: when the iterations cannot be one graph.
    """
    if env.frame.numbers is None:
        raise Apart
    for place, value in enumerate(values):
        try:
            if type(value) is not type(values[0]) or with_number(op, setting, value).infer(*types) != op.infer(*types):
                raise Apart(place)
        except Mismatch:
            raise Apart(place) from None
    env.frame.numbers[ref.node, setting] = values


def _checked(env: Env, op: Op, given: Sequence[Given], types: list[Any], span: Span) -> tuple[Type, ...]:
    left_out = _left_out(op, given)
    if left_out is not None:
        names = tuple(parameter.name for parameter in op.inputs())
        raise env.fail(WrongInputs(span, op.symbol or op.name, names, f"needs `{left_out}`, and gets `none`"))
    try:
        found = op.infer(*types)
    except Mismatch as refusal:
        at_fault = [given[refusal.input]] if refusal.input is not None and not op.symbol else given
        shown = tuple(str(type) for type in types if type)
        origins = origin_notes(env, at_fault, span)
        mixed = isinstance(refusal, MixedDtypes)
        name = op.symbol or op.name
        raise env.fail(Refusal(span, name, shown, refusal.reason, origins, refusal.help, mixed)) from None
    return found if isinstance(found, tuple) else (found,)


def _bounded(env: Env, what: str, type: Type, span: Span) -> None:
    """Refuse what no machine could hold; sizes that are not known count as 1."""
    count = prod(size for size in type.shape if isinstance(size, int)) * BYTES[type.dtype]
    if count > LARGEST:
        raise env.fail(TooMuchMemory(span, what, str(type), count))


def _left_out(op: Op, given: Sequence[Given]) -> str | None:
    """The first input that is `none` and may not be."""
    inputs = op.inputs()
    for position, tensor in enumerate(given):
        parameter = inputs[min(position, len(inputs) - 1)]
        if tensor is None and parameter.default is parameter.empty:
            return parameter.name
    return None


def origin_notes(env: Env, given: Sequence[Given], span: Span) -> tuple[Note, ...]:
    """Where each of the tensors was made, if not at the place of the problem itself."""
    notes: list[Note] = []
    for tensor in given:
        if tensor is None:
            continue
        node = tensor.home.builder.nodes[tensor.ref.node]
        if node.span != span and node.span.file:
            what = f"`{node.labels[0]}` is" if node.labels else "this is"
            notes.append(Note(node.span, f"{what} {tensor.type}"))
    return tuple(dict.fromkeys(notes))


def _weights(env: Env, op: Op, types: list[Any], path: str, span: Span) -> dict[str, Ref]:
    try:
        wanted = [("parameter", op.weights(*types)), ("state", op.state(*types))]
    except Mismatch as refusal:
        shown = tuple(str(type) for type in types if type)
        raise env.fail(Refusal(span, op.name, shown, refusal.reason, (), refusal.help)) from None
    refs: dict[str, Ref] = {}
    for kind, weights in wanted:
        for role, weight in weights.items():
            refs[role] = weight_ref(env, kind, f"{path}.{role}", weight, span)
    return refs


def _remade(env: Env, role: str, ref: Ref, path: str, span: Span) -> Ref:
    """A kernel as the op makes it that the surroundings ask for; other weights as they are."""
    if role.rpartition(".")[2] not in ("kernel", "recurrent"):
        return ref
    by, first = env.place.frame.remade.setdefault(path, (env.remade, env.use or span))
    if by != env.remade:
        raise env.fail(PartlyRemade(env.use or span, path, env.remade, by, first))
    if not env.remade:
        return ref
    made = add(replace(env, remade=""), OPS[env.remade](), (env.frame.tensor(ref),), "", span, f"{path}_norm")
    assert isinstance(made, Tensor)
    env.build.remade[env.remade] = env.build.remade.get(env.remade, 0) + 1
    return made.ref


def weight_ref(env: Env, kind: str, name: str, weight: Weight, span: Span) -> Ref:
    """The node of a weight, in the frame that its place belongs to, as the present frame sees it."""
    for size in weight.shape:
        if isinstance(size, Dim):
            raise env.fail(NotKnown(span, str(size), tuple(sorted(symbols(size))), f"the shape of `{name}`"))
    _bounded(env, f"the weight `{name}`", Type(weight.shape, weight.dtype), span)
    owner = env.place.frame
    if kind == "state" and owner is not env.frame and env.build.keeps:
        raise env.fail(KeptInLoop(span, name))
    tensor = owner.tensor(owner.weight(kind, name, weight, span, not env.frozen))
    first: Any = owner.builder.nodes[tensor.ref.node]
    if kind == "parameter" and first.op.trainable is env.frozen:
        raise env.fail(PartlyFrozen(env.use or span, name, (Note(first.span, "the same weights here"),)))
    if tensor.type.shape != weight.shape:
        shapes = [str(list(shape)) for shape in (tensor.type.shape, weight.shape)]
        raise env.fail(
            SharedDiffers(env.use or span, name, shapes[0], shapes[1], (Note(first.span, f"{shapes[0]} from here"),))
        )
    return env.frame.ref(tensor)


def fill(env: Env, op: type[Op], value: Any, span: Span) -> list[Given]:
    """The op's inputs from what is in the pipe: positional first, then by name."""
    parameters = op.inputs()
    names = tuple(parameter.name for parameter in parameters)
    if isinstance(value, list) and value and all(isinstance(one, Tensor) for one in value):  # pyright: ignore[reportUnknownVariableType]
        value = Bundle.of(tuple(value))  # what the iterations of a repeat give  # pyright: ignore[reportUnknownArgumentType]
    items = value if isinstance(value, Bundle) else Bundle((value,), (None,))
    tensors = to_tensors(env, items, span)
    if parameters and parameters[0].kind is Parameter.VAR_POSITIONAL:
        return list(tensors)
    given = arrange(env, op.name, names, items.names, tensors, span)
    for parameter in parameters:
        if parameter.default is Parameter.empty and parameter.name not in given:
            raise env.fail(WrongInputs(span, op.name, names, f"needs its input `{parameter.name}`"))
    return [given.get(name) for name in names]


def arrange(
    env: Env, owner: str, names: tuple[str, ...], given: tuple[str | None, ...], values: Sequence[Any], span: Span
) -> dict[str, Any]:
    """Values by input name, from their order and their names."""
    found: dict[str, Any] = {}
    position = 0
    for said, value in zip(given, values, strict=True):
        name = said
        if name is None:
            if position >= len(names):
                count = sum(other is None for other in given)
                takes = f"takes {len(names)} input{'s' * (len(names) != 1)}, and gets {count}"
                raise env.fail(WrongInputs(span, owner, names, takes))
            name, position = names[position], position + 1
        elif name not in names:
            raise env.fail(WrongInputs(span, owner, names, f"has no input `{name}`"))
        if name in found:
            raise env.fail(WrongInputs(span, owner, names, f"gets its input `{name}` twice"))
        found[name] = value
    return found


def to_tensors(env: Env, items: Bundle, span: Span) -> list[Given]:
    """Tensors of a bundle's items; numbers become constants of the dtype of the first tensor of floats."""
    forced = [force(env, item, span) for item in items.items]
    like = next((item.type for item in forced if isinstance(item, Tensor) and item.type.is_float), None)
    return [None if item is None else constant(env, item, like, span) for item in forced]


def constant(env: Env, value: Any, like: Type | None, span: Span) -> Tensor:
    """A tensor as it is; a number as a `constant` node."""
    if isinstance(value, Tensor):
        return value
    if isinstance(value, bool | int | float) or hasattr(value, "numerator"):
        whole = isinstance(value, int) and not isinstance(value, bool)
        dtype = "bool" if isinstance(value, bool) else like.dtype if like else "i32" if whole else "f32"
        number = value if isinstance(value, bool) else _number(env, value, dtype, span)
        return add(env, OPS["constant"](value=number, dtype=dtype), (), "constant", span)  # pyright: ignore[reportCallIssue]
    if isinstance(value, Varying):
        made = constant(env, value.values[0], like, span)
        if env.frame.numbers is None:
            raise Apart
        whole = made.type.dtype in RANGES
        numbers = tuple(_number(env, one, made.type.dtype, span) for one in value.values)
        if whole and not all(isinstance(one, int) for one in value.values):
            raise Apart
        env.frame.numbers[made.ref.node, "value"] = numbers
        return made
    if isinstance(value, Dim):
        raise env.fail(NotKnown(span, str(value), tuple(sorted(symbols(value))), "a size used as a number"))
    raise env.fail(TensorWanted(span, kind_of(value)))


def _number(env: Env, value: Any, dtype: str, span: Span) -> Any:
    """A number of settings as an element of a dtype."""
    try:
        number = value if dtype in RANGES else float(value)
    except OverflowError:
        raise env.fail(DoesNotFit(span, show(value), dtype)) from None
    if dtype in RANGES and not RANGES[dtype][0] <= number < RANGES[dtype][1]:
        raise env.fail(DoesNotFit(span, show(value), dtype))
    return number


def force(env: Env, value: Any, span: Span) -> Any:
    """A source such as `normal([batch, 20])` becomes its tensor; a layer that stands as a value is a problem."""
    if not isinstance(value, Symbol):
        return value
    from dslc.build import stages  # noqa: PLC0415  # the two call each other

    made = stages.source(value)
    if made is None:
        name = dotted(value.callee) or "this"
        raise env.fail(UnknownName(value.span, name, None, is_layer=True))
    return made


def force_all(env: Env, value: Any, span: Span) -> Any:
    """`force`, also for what stands in a tuple; a setting stays what it is."""
    if isinstance(value, Bundle):
        return replace(value, items=tuple(force_all(env, item, span) for item in value.items))
    return force(env, value, span)


def label(env: Env, value: Any, name: str) -> None:
    """Note on the node that the author calls its output `name`."""
    if isinstance(value, Tensor) and value.home is env.frame:
        nodes = env.frame.builder.nodes
        node = nodes[value.ref.node]
        nodes[node.name] = replace(node, labels=(*node.labels, name))


def named(tensors: Mapping[str, Any]) -> Any:
    """Outputs of a block: the tensor itself, or a bundle with names."""
    if len(tensors) == 1:
        return next(iter(tensors.values()))
    return Bundle(tuple(tensors.values()), tuple(tensors))
