"""Values of expressions: settings are computed exactly at once, tensor arithmetic becomes nodes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from dslc.build import modules, nodes, settings, taps
from dslc.build.functions import FUNCTIONS, arithmetic, compare, short
from dslc.build.scope import Env
from dslc.build.values import Apart, Bundle, Inside, Layer, Skip, Symbol, Taps, Tensor, Varying, kind_of, show
from dslc.catalogue import Catalogue, nearest
from dslc.dims import Dim
from dslc.errors.arithmetic import CannotCall, NotACondition, WrongCall, WrongOperand
from dslc.errors.cells import MixedIndex
from dslc.errors.names import UnknownName
from dslc.errors.placement import NoElse, NothingPiped, WeightsNotYet
from dslc.errors.values import CannotIndex, NoAttribute, OutOfList, TupleForTensor, WrongIndex
from dslc.graph import Ref
from dslc.ops.arithmetic import BINARY, UNARY
from dslc.ops.base import OPS
from dslc.parse import tree
from dslc.resolve import meant
from dslc.source import Span


def value(env: Env, item: tree.Tree) -> Any:
    """What an expression is worth.

    Raises:
        Skip: when it has a problem, which is reported.
    """
    return _RULES[type(item)](env, item)


def _name(env: Env, item: tree.Name) -> Any:
    found = env.read(item.text, item.span)
    if found is not None:
        return taps.values(env, found.value, item.span) if isinstance(found.value, Taps) else found.value
    if is_layer(env, item.text):
        return Symbol(item, (), env, item.span)
    if modules.is_module(env, item):
        raise modules.misused(env, item)
    known = tuple(env.scope.known())
    raise env.fail(meant.value(item, known))


def _lost(env: Env, item: tree.Lost) -> Any:
    """What could not be read fails silently: its syntax error is reported."""
    raise Skip


def is_layer(env: Env, name: str) -> bool:
    """Whether a name that nothing in the block gives means something where a layer, initializer, ... is expected."""
    return name in env.build.program.blocks or any(name in catalogue for catalogue in settings.all_catalogues())


def _it(env: Env, item: tree.It) -> Any:
    if env.it is None:
        raise env.fail(NothingPiped(item.span, "`it`"))
    return env.it


def _tuple(env: Env, item: tree.Tuple) -> Bundle:
    return Bundle(tuple(value(env, part.value) for part in item.items), tuple(part.name for part in item.items))


def _unary(env: Env, item: tree.Unary) -> Any:
    operand = nodes.force(env, value(env, item.operand), item.span)
    if isinstance(operand, Tensor) and item.operator in UNARY:
        name = UNARY[item.operator]
        return nodes.add(env, OPS[name](), (operand,), name, item.span)
    if item.operator == "not" and isinstance(operand, bool):
        return not operand
    if item.operator == "-" and isinstance(operand, Varying):
        return Varying(tuple(-value for value in operand.values))
    if item.operator == "-" and isinstance(operand, int | float | Fraction | Dim) and not isinstance(operand, bool):
        return -operand
    raise env.fail(WrongOperand(item.span, item.operator, (kind_of(operand),)))


def _binary(env: Env, item: tree.Binary) -> Any:
    if item.operator in ("and", "or"):
        return _logic(env, item)
    left, right = (nodes.force(env, value(env, side), side.span) for side in (item.left, item.right))
    if (isinstance(left, Varying) or isinstance(right, Varying)) and not (_has_tensor(left) or _has_tensor(right)):
        return _each(left, right, lambda a, b: _of_settings(env, item, a, b))
    if _has_tensor(left) or _has_tensor(right):
        return _tensor_arithmetic(env, item, left, right)
    return _of_settings(env, item, left, right)


def _of_settings(env: Env, item: tree.Binary, left: Any, right: Any) -> Any:
    if item.operator in ("==", "!=", "<", "<=", ">", ">="):
        return compare(env, item, left, right)
    return arithmetic(env, item, left, right)


def _each(left: Any, right: Any, rule: Callable[[Any, Any], Any]) -> Any:
    """A result for each iteration; one that decides something must be the same in all of them."""
    count = next(len(side.values) for side in (left, right) if isinstance(side, Varying))
    sides = (side.values if isinstance(side, Varying) else (side,) * count for side in (left, right))
    found = tuple(rule(a, b) for a, b in zip(*sides, strict=True))
    if isinstance(found[0], bool):
        if found[0] not in found[1:] or not all(value is found[0] for value in found):
            raise Apart(next(place for place, value in enumerate(found) if value is not found[0]))
        return found[0]
    return Varying(found)


def _has_tensor(value: Any) -> bool:
    return isinstance(value, Tensor) or (isinstance(value, Bundle) and any(map(_has_tensor, value.items)))


def _logic(env: Env, item: tree.Binary) -> bool:
    for side in (item.left, item.right):
        found = value(env, side)
        if not isinstance(found, bool):
            raise env.fail(NotACondition(side.span, item.operator, kind_of(found)))
        if found is (item.operator == "or"):
            return found
    return item.operator == "and"


def _tensor_arithmetic(env: Env, item: tree.Binary, left: Any, right: Any) -> Any:
    if item.operator not in BINARY:
        raise env.fail(WrongOperand(item.at, item.operator, (kind_of(left), kind_of(right))))
    bundle = next((side for side in (left, right) if isinstance(side, Bundle)), None)
    if bundle is not None:
        raise env.fail(TupleForTensor(item.span, f"`{item.operator}`", len(bundle.items)))
    pair = nodes.to_tensors(env, Bundle.of((left, right)), item.span)
    if None in pair:
        raise env.fail(WrongOperand(item.at, item.operator, (kind_of(left), kind_of(right))))
    name = BINARY[item.operator]
    return nodes.add(env, OPS[name](), pair, name, item.span)


def _attribute(env: Env, item: tree.Attribute) -> Any:
    if modules.names_block(env, item):
        return modules.symbol(env, item)
    owner = value(env, item.value)
    if isinstance(owner, Layer):
        return _weight(env, Inside(owner.name, owner.place), item)
    if isinstance(owner, Inside):
        return _weight(env, owner, item)
    owner = nodes.force(env, owner, item.value.span)
    if isinstance(owner, Tensor) and item.name == "shape":
        return list(owner.type.shape)
    if isinstance(owner, Tensor) and item.name == "T":
        return nodes.add(env, OPS["transpose"](), (owner,), "transpose", item.span)
    if isinstance(owner, Bundle) and item.name in owner.names:
        return owner.items[owner.names.index(item.name)]
    dot = Span(item.span.file, item.value.span.end, item.span.end) if isinstance(owner, Tensor) else None
    raise env.fail(NoAttribute(item.span, kind_of(owner), item.name, item.name in OPS, dot))


def _weight(env: Env, layer: Inside, item: tree.Attribute) -> Any:
    """A weight of a named layer, `wte.table`, or of a stage in it, `head.out.kernel`."""
    name, frame = f"{layer.place.path}.{item.name}", layer.place.frame
    node = frame.builder.nodes.get(name)
    if node is not None and node.op.name in ("parameter", "state"):
        return frame.tensor(Ref(name))
    prefix = f"{layer.place.path}."
    weights = [one.name for one in frame.builder.nodes.values() if one.op.name in ("parameter", "state")]
    known = tuple(found.removeprefix(prefix) for found in weights if found.startswith(prefix))
    if any(found.startswith(f"{item.name}.") for found in known):
        return Inside(f"{layer.name}.{item.name}", replace(layer.place, path=name))
    if not known:
        raise env.fail(WeightsNotYet(item.span, layer.name))
    raise env.fail(UnknownName(item.span, f"{layer.name}.{item.name}", nearest(item.name, known)))


def _index(env: Env, item: tree.Index) -> Any:
    tapped = env.scope.find(item.value.text) if isinstance(item.value, tree.Name) else None
    if tapped is not None and isinstance(tapped.value, Taps):
        pieces = list(tapped.value.pieces)
        chosen = _of_list(env, item, pieces)
        if not isinstance(chosen, list):
            return taps.value(env, chosen, item.span)
        return taps.values(env, Taps(tuple(chosen)), item.span)
    owner = nodes.force(env, value(env, item.value), item.value.span)
    if isinstance(owner, Tensor):
        return _tensor_index(env, owner, item)
    if isinstance(owner, Bundle):
        owner = list(owner.items)
    if not isinstance(owner, list | tuple | range | str) or len(item.parts) != 1:
        raise env.fail(
            CannotIndex(item.span, kind_of(owner), len(item.parts) if isinstance(owner, list | tuple | range) else 1)
        )
    return _of_list(env, item, owner)


def _of_list(env: Env, item: tree.Index, owner: Any) -> Any:
    """One element, or several as a list."""
    part = _index_part(env, item.parts[0])
    if isinstance(part, Varying):
        return _each(part, 0, lambda place, _: _entry(env, item, owner, place))
    return _entry(env, item, owner, part)


def _entry(env: Env, item: tree.Index, owner: Any, part: Any) -> Any:
    if isinstance(part, tuple):
        part = slice(*part)
    elif not isinstance(part, int) or isinstance(part, bool) or not -len(owner) <= part < len(owner):
        raise env.fail(
            OutOfList(item.parts[0].span, len(owner), show(part) if isinstance(part, int) else kind_of(part))
        )
    found: Any = owner[part]
    return list(found) if isinstance(part, slice) else found


def _tensor_index(env: Env, owner: Tensor, item: tree.Index) -> Any:
    parts = [_index_part(env, part) for part in item.parts]
    tensors = [part for part in parts if isinstance(part, Tensor)]
    kind: Any = OPS["index"]
    if not tensors:
        varying = {f"items.{place}": part.values for place, part in enumerate(parts) if isinstance(part, Varying)}
        first = tuple(part.values[0] if isinstance(part, Varying) else part for part in parts)
        return nodes.add(env, kind(items=first), (owner,), "index", item.span, varying=varying)
    if len(tensors) > 1 or any(isinstance(part, int | Dim | Varying) for part in parts):
        raise env.fail(MixedIndex(item.span, len(tensors)))
    basic = tuple(_WHOLE if isinstance(part, Tensor) else part for part in parts)
    if any(part not in (_WHOLE, "...") for part in basic):
        owner = nodes.add(env, kind(items=basic), (owner,), "index", item.span)
    kind = OPS["take"]
    return nodes.add(env, kind(axis=_axis(parts, owner.type.rank)), (owner, tensors[0]), "take", item.span)


_WHOLE = (None, None, None)


def _axis(parts: Sequence[Any], rank: int) -> int:
    """The axis that the tensor among the parts of an index goes along, once the slices are taken."""
    axis = next(place for place, part in enumerate(parts) if isinstance(part, Tensor))
    return axis + rank - len(parts) if "..." in [part for part in parts[:axis] if isinstance(part, str)] else axis


def _index_part(env: Env, part: tree.Tree) -> Any:
    """A member of an index: an int, a slice as (start, stop, step), `"..."`, `"none"`, or a tensor of ints."""
    if isinstance(part, tree.Dots):
        return "..."
    if isinstance(part, tree.Slice):
        bounds = (None if bound is None else value(env, bound) for bound in (part.start, part.stop, part.step))
        found = tuple(bounds)
        if all(bound is None or isinstance(bound, int | Dim) for bound in found):
            return found
        raise env.fail(
            WrongIndex(
                part.span,
                next(kind_of(bound) for bound in found if not isinstance(bound, int | Dim | None)),
                in_slice=True,
            )
        )
    found = nodes.force(env, value(env, part), part.span)
    if found is None:
        return "none"
    if isinstance(found, int | Dim | Tensor | Varying) and not isinstance(found, bool):
        return found
    raise env.fail(WrongIndex(part.span, kind_of(found), in_slice=False))


def _call(env: Env, item: tree.Call) -> Any:
    callee = item.callee
    if isinstance(callee, tree.Name) and env.scope.find(callee.text) is None:
        if callee.text in FUNCTIONS and not _is_source(callee.text):
            return FUNCTIONS[callee.text](env, item, [value(env, part.value) for part in _positional(env, item)])
        if is_layer(env, callee.text):
            return Symbol(callee, item.arguments, env, item.span)
        known = (*FUNCTIONS, *env.build.program.blocks)
        near = OPS.nearest(callee.text, known)
        raise env.fail(UnknownName(callee.span, callee.text, near, sure=meant.sure(callee.text, near)))
    found = value(env, callee)
    if isinstance(found, Symbol) and not found.arguments:
        return Symbol(found.callee, item.arguments, replace(env, scope=env.scope), item.span)
    raise env.fail(CannotCall(item.span, kind_of(found), braces=False))


def _is_source(name: str) -> bool:
    return name in OPS and not OPS[name].inputs()


def _positional(env: Env, item: tree.Call) -> Sequence[tree.Item]:
    for part in item.arguments:
        if part.name is not None:
            raise env.fail(WrongCall(part.span, getattr(item.callee, "text", "this"), None, named=part.name))
    return item.arguments


def _pipe(env: Env, item: tree.Pipe) -> Any:
    from dslc.build import stages  # noqa: PLC0415  # the two call each other

    return stages.pipe(env, item)


def _if(env: Env, item: tree.If) -> Any:
    chosen = item.then if condition(env, item.condition) else item.otherwise
    if chosen is None:
        raise env.fail(NoElse(item.span))
    return value(env, chosen)


def condition(env: Env, item: tree.Tree) -> bool:
    """A condition, known before anything runs."""
    found = value(env, item)
    if isinstance(found, bool):
        return found
    raise env.fail(NotACondition(item.span, "", kind_of(found)))


def _misplaced(env: Env, item: tree.Tree) -> Any:
    what = {"Combinator": "a layer with braces", "Repeat": "`repeat`"}.get(type(item).__name__, "this")
    raise env.fail(NothingPiped(item.span, what))


_RULES: Mapping[type[tree.Tree], Callable[[Env, Any], Any]] = {
    tree.Literal: lambda env, item: item.value,  # noqa: ARG005
    tree.Name: _name,
    tree.Lost: _lost,
    tree.It: _it,
    tree.List: lambda env, item: short(env, item, [value(env, part) for part in item.items]),
    tree.Tuple: _tuple,
    tree.Group: lambda env, item: value(env, item.value),
    tree.Unary: _unary,
    tree.Binary: _binary,
    tree.Attribute: _attribute,
    tree.Index: _index,
    tree.Call: _call,
    tree.Pipe: _pipe,
    tree.If: _if,
    tree.Combinator: _misplaced,
    tree.Repeat: _misplaced,
    tree.Dots: _misplaced,
}


@dataclass(frozen=True)
class Expecting:
    """Reads an expression where a member of certain catalogues may stand: `adam(...)`, `normal(std = 0.02)`."""

    env: Env
    catalogues: tuple[Catalogue[Any], ...]

    def value(self, item: tree.Tree) -> Any:
        """The member, or `settings.NO` when the expression is something else."""
        callee, arguments, env = self._callee(item)
        if callee is None:
            return settings.NO
        name = callee.text
        found = env.scope.find(name)
        if found is not None:
            return self._held(found.value)
        for catalogue in self.catalogues:
            if name in catalogue:
                return settings.entry(env, catalogue[name], arguments, item.span)
        if not (
            name in env.build.program.blocks
            or name in FUNCTIONS
            or any(name in other for other in settings.all_catalogues())
        ):
            near = self.catalogues[0].nearest(name)
            raise env.fail(UnknownName(callee.span, name, near, sure=meant.sure(name, near)))
        return settings.NO

    def _held(self, held: Any) -> Any:
        """A setting of the block that holds a symbol."""
        if isinstance(held, Symbol) and isinstance(held.callee, tree.Name):
            call = tree.Call(held.span, held.callee, held.arguments)
            return Expecting(held.env, self.catalogues).value(call)
        return settings.NO

    def _callee(self, item: tree.Tree) -> tuple[tree.Name | None, tuple[tree.Item, ...], Env]:
        while isinstance(item, tree.Group) or (isinstance(item, tree.Pipe) and len(item.stages) == 1):
            item = item.value if isinstance(item, tree.Group) else item.stages[0].value
        if isinstance(item, tree.Name):
            return item, (), self.env
        if isinstance(item, tree.Call) and isinstance(item.callee, tree.Name):
            return item.callee, item.arguments, self.env
        return None, (), self.env
