"""Written types against found ones: free names are bound by their first use, and every later use must meet them."""

from dataclasses import dataclass
from typing import Any

from dslc.build import evaluate, nodes
from dslc.build.scope import Env
from dslc.build.values import Bundle, Tensor, kind_of
from dslc.catalogue import nearest
from dslc.dims import Dim, Size, dim, less_equal, same
from dslc.errors.infer import AssertionFailed, Known, UnknownDtype
from dslc.errors.values import RankNotFixed, TensorWanted, TupleForTensor, WrongSize
from dslc.parse import tree
from dslc.source import Span
from dslc.types import DTYPES, Type


@dataclass(frozen=True)
class Meets:
    """How a tensor's type meets a written one: `reason` is empty when it does."""

    reason: str
    written: str
    bound: Known | None = None
    """The name that has another size already, and where it got it."""


def dtype(env: Env, item: tree.TypeTree) -> str:
    """The dtype that a type states; f32 when left out."""
    name = item.dtype or "f32"
    if name not in DTYPES:
        aliases = {"float": "f32", "float32": "f32", "double": "f64", "float64": "f64", "float16": "f16", "half": "f16",
                   "bfloat16": "bf16", "int": "i32", "int32": "i32", "int64": "i64", "long": "i64", "uint8": "u8", "int8": "i8",
                   "byte": "u8", "boolean": "bool"}  # fmt: skip
        raise env.fail(
            UnknownDtype(item.span, name, aliases.get(name) or nearest(name, DTYPES), DTYPES, name in aliases)
        )
    return name


def declare(env: Env, item: tree.TypeTree) -> tuple[Type, tuple[tuple[str, int], ...]]:
    """The type of a model's input: free names become dimensions; bounds are given beside it."""
    sizes: list[Size] = []
    bounds: list[tuple[str, int]] = []
    for position, size in enumerate(item.sizes):
        if isinstance(size, tree.Dots):
            raise env.fail(RankNotFixed(size.span))
        if isinstance(size, tree.Anything):
            sizes.append(dim(f"_{item.span.start}_{position}"))
        elif isinstance(size, tree.Bound):
            limit = _known(env, size.limit)
            assert isinstance(limit, int)
            sizes.append(_free(env, size.name))
            bounds.append((size.name.text, limit))
        else:
            sizes.append(_free(env, size) if isinstance(size, tree.Name) else _known(env, size))
    return Type(tuple(sizes), dtype(env, item)), tuple(bounds)


def exact(env: Env, item: tree.TypeTree) -> Type:
    """The type of what a body declares by itself: every size is known by what stands before."""
    for size in item.sizes:
        if isinstance(size, tree.Dots | tree.Anything | tree.Bound):
            raise env.fail(RankNotFixed(size.span, "what is declared here"))
    return Type(tuple(_known(env, size) for size in item.sizes), dtype(env, item))


def _free(env: Env, name: tree.Name) -> Size:
    """The size that a name means, bound to a dimension of that name (or to what `--dim` says) at its first use."""
    found = env.read(name.text, name.span)
    if found is None:
        size: Size = env.build.dims[name.text] if name.text in env.build.dims else dim(name.text)
        env.bind(name.text, size, name.span, "dimension")
        return size
    return _size(env, name, found.value)


def _known(env: Env, item: tree.Tree) -> Size:
    return _size(env, item, evaluate.value(env, item))


def _size(env: Env, item: tree.Tree, value: Any) -> Size:
    if isinstance(value, Dim):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and value >= 1:
        return value
    what = f"`{value}`" if isinstance(value, int) else kind_of(value)
    raise env.fail(WrongSize(item.span, what, value is None or value == -1))


def meet(env: Env, item: tree.TypeTree, tensor: Tensor) -> Meets:
    """Bind the free names of a written type to the sizes of a tensor, and say where the two do not meet."""
    found, made = tensor.type, tensor.home.builder.nodes[tensor.ref.node].span
    wanted = dtype(env, item)
    sizes = list(item.sizes)
    dots = next((i for i, size in enumerate(sizes) if isinstance(size, tree.Dots)), None)
    if dots is None and len(sizes) != found.rank:
        return Meets(f"it has {found.rank} axes, and {len(sizes)} are written", _written(env, item))
    if dots is not None and len(sizes) - 1 > found.rank:
        return Meets(f"it has {found.rank} axes, and at least {len(sizes) - 1} are written", _written(env, item))
    if dots is not None:
        tail = len(sizes) - dots - 1
        pairs = [*zip(sizes[:dots], range(dots), strict=True)]
        pairs += zip(sizes[dots + 1 :], range(found.rank - tail, found.rank), strict=True)
    else:
        pairs = [*zip(sizes, range(found.rank), strict=True)]
    for size, axis in pairs:
        reason = _meet_size(env, size, found.shape[axis], made)
        if reason:
            return Meets(f"axis {axis}: {reason}", _written(env, item), _bound(env, size))
    if wanted != found.dtype and item.dtype is not None:
        return Meets(f"its dtype is {found.dtype}", _written(env, item))
    return Meets("", _written(env, item))


def _bound(env: Env, item: tree.Tree) -> Known | None:
    """Where the name of a size got the size that it has."""
    name = item.name if isinstance(item, tree.Bound) else item
    binding = env.scope.find(name.text) if isinstance(name, tree.Name) else None
    if binding is None or binding.what != "dimension" or not isinstance(name, tree.Name):
        return None
    made = binding.made if binding.made is not None and binding.made.file else None
    return Known(name.text, str(binding.value), binding.span, made)


def _meet_size(env: Env, item: tree.Tree, actual: Size, made: Span) -> str:
    if isinstance(item, tree.Anything):
        return ""
    if isinstance(item, tree.Bound):
        limit = _known(env, item.limit)
        if less_equal(actual, limit) is False:
            return f"{actual} is more than {limit}"
        item = item.name
    if isinstance(item, tree.Name) and env.scope.find(item.text) is None:
        env.bind(item.text, actual, item.span, "dimension")
        env.scope.names[item.text].made = made
        return ""
    wanted = _known(env, item)
    if same(wanted, actual) is True:
        return ""
    name = (
        f"`{item.text}` is {wanted}"
        if isinstance(item, tree.Name) and str(wanted) != item.text
        else f"{wanted} is written"
    )
    return f"{name}, and it has {actual}"


def _written(env: Env, item: tree.TypeTree) -> str:
    """A type as it is written, on one line."""
    return " ".join(env.build.program.source.snippet(item.span).split())


def assertion(env: Env, item: tree.TypeTree, found: Any) -> None:
    """A type behind a stage."""
    if isinstance(found, Bundle):
        raise env.fail(TupleForTensor(item.span, "a type", len(found.items)))
    if not isinstance(found, Tensor):
        raise env.fail(TensorWanted(item.span, kind_of(found), "type"))
    meets = meet(env, item, found)
    if meets.reason:
        origins = nodes.origin_notes(env, (found,), item.span)
        raise env.fail(
            AssertionFailed(item.span, f"`{meets.written}`", str(found.type), meets.reason, origins, meets.bound)
        )
