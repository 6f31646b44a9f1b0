"""Arguments to settings: which value goes to which field, and whether it is of the kind that the field takes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass
from fractions import Fraction
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from dslc.build.scope import Env
from dslc.build.values import Broken, Bundle, Skip, Tensor, Varying, kind_of, show
from dslc.catalogue import Catalogue, Entry, nearest
from dslc.dims import Dim, symbols
from dslc.errors.settings import MissingSetting, NotKnown, TooManySettings, WrongSetting
from dslc.errors.values import SettingsRefused
from dslc.ops.base import Mismatch
from dslc.parse import tree
from dslc.plan import Duration
from dslc.resolve import meant
from dslc.source import Span

NO = object()


@dataclass(frozen=True)
class Wanted:
    """A setting that a call may give."""

    name: str
    annotation: Any
    required: bool


def entry(env: Env, cls: type[Entry], items: Sequence[tree.Item], span: Span, hidden: Sequence[str] = ()) -> Any:
    """A catalogue member with the settings of a call.

    Raises:
        Skip: when a setting is unknown, missing or of the wrong kind; all such problems of the call are reported.
    """
    types = cls.setting_types()
    wanted = [
        Wanted(field.name, types[field.name], field.default is MISSING and field.default_factory is MISSING)
        for field in cls.settings()
        if field.name not in hidden and field.name != cls.open
    ]
    loose, items = _loose(env, cls, wanted, items) if cls.open else ({}, items)
    if getattr(cls, "rest", ""):
        items = _collected(items, cls.rest, span)  # pyright: ignore[reportAttributeAccessIssue]
    trees = arrange(env, cls.name, wanted, items, span)
    values: dict[str, Any] = dict.fromkeys(trees, NO)
    varying: dict[str, tuple[Any, ...]] = {}
    for name, item in trees.items():
        try:
            values[name] = setting(env, item, types[name], cls.name, name, name in getattr(cls, "numbers", ()))
        except Skip:
            continue
        if isinstance(values[name], Varying):
            varying[name] = values[name].values
            values[name] = varying[name][0]
    if NO in values.values():
        raise Skip
    try:
        made = cls(**values, **loose)
        if varying:
            env.build.varying[id(made)] = made, varying
        return made
    except Mismatch as refusal:
        raise env.fail(SettingsRefused(span, cls.name, refusal.reason, refusal.help)) from None


def _loose(
    env: Env, cls: type[Entry], wanted: Sequence[Wanted], items: Sequence[tree.Item]
) -> tuple[dict[str, Any], list[tree.Item]]:
    """What an open setting takes, `rearrange("b (h p) -> b h p", p = 2)`, and the arguments that are left."""
    known = {setting.name for setting in wanted}
    rest = [item for item in items if item.name is None or item.name in known]
    pairs: dict[str, Any] = {}
    (pair, *_) = get_args(cls.setting_types()[cls.open])
    for item in items:
        if item.name is not None and item.name not in known:
            if item.name in pairs:
                raise env.fail(WrongSetting(item.span, cls.name, item.name, "one value", "a second one", "remove one"))
            pairs[item.name] = setting(env, item.value, get_args(pair)[1], cls.name, item.name)
    return {cls.open: tuple(pairs.items())}, rest


def _collected(items: Sequence[tree.Item], name: str, span: Span) -> list[tree.Item]:
    """All values given by position as one list: `split(0.8, 0.2)`."""
    loose = tuple(item.value for item in items if item.name is None)
    rest = [item for item in items if item.name is not None]
    return [tree.Item(span, name, tree.List(span, loose)), *rest] if loose else rest


def arrange(
    env: Env, owner: str, wanted: Sequence[Wanted], items: Sequence[tree.Item], span: Span
) -> dict[str, tree.Tree]:
    """Trees by setting, from their order and their names."""
    names = tuple(setting.name for setting in wanted)
    found: dict[str, tree.Tree] = {}
    failed = False
    for position, item in enumerate(items):
        name = item.name
        if name is None:
            if position >= len(names):
                raise env.fail(TooManySettings(item.span, owner, names, sum(i.name is None for i in items)))
            name = names[position]
        if name not in names or name in found:
            failed = True
            if name in found:
                env.build.problems.add(WrongSetting(item.span, owner, name, "one value", "a second one", "remove one"))
            else:
                env.build.problems.add(meant.setting(item.span, owner, name, names))
            continue
        found[name] = item.value
    for one in wanted:
        if one.required and one.name not in found and not failed:
            call = ", ".join(f"{other.name} = ..." for other in wanted if other.required)
            raise env.fail(MissingSetting(span, owner, one.name, f"{owner}({call})"))
    if failed:
        raise Skip
    return found


def setting(env: Env, item: tree.Tree, annotation: Any, owner: str, name: str, may_vary: bool = False) -> Any:
    """The value of one setting; where it may vary, a number for each iteration of a repeat as well.

    Raises:
        Skip: when it is not of the kind that the annotation says; the problem is reported.
    """
    from dslc.build import evaluate  # noqa: PLC0415  # the two call each other

    expected = catalogues(annotation)
    with_kind = evaluate.Expecting(env, expected).value(item) if expected else NO
    value = with_kind if with_kind is not NO else evaluate.value(env, item)
    if isinstance(value, Broken):
        raise Skip
    if isinstance(value, Varying) and may_vary:
        numbers = tuple(convert(one, annotation) for one in value.values)
        if NO not in numbers:
            return Varying(numbers)
    made = convert(value, annotation)
    if made is not NO:
        return made
    if isinstance(value, Dim) and convert(1, annotation) is not NO:
        raise env.fail(NotKnown(item.span, str(value), tuple(sorted(symbols(value))), f"`{name}` of `{owner}`"))
    hint, instead, sure = None, None, False
    if isinstance(value, Tensor):
        hint = f"tensors flow along arrows and settings stand in parentheses: `(x, {name}) -> {owner}`"
    if isinstance(value, float) and convert(1, annotation) is not NO and value.is_integer():
        instead, sure = str(int(value)), True
    if isinstance(value, str) and (option := nearest(value, meant.choices(annotation))):
        instead, sure = f'"{option}"', True
    got = f"{kind_of(value)}, `{show(value)}`" if not isinstance(value, Tensor | Bundle) else kind_of(value)
    raise env.fail(
        WrongSetting(item.span, owner, name, words(annotation), got, hint, instead, sure and _is_literal(item))
    )


def _is_literal(item: tree.Tree) -> bool:
    """Whether the value stands right there, and is not worked out from something else."""
    while isinstance(item, tree.Pipe) and len(item.stages) == 1:
        item = item.stages[0].value
    return isinstance(item, tree.Literal)


def convert(value: Any, annotation: Any) -> Any:
    """The value as the annotation wants it, or `NO`."""
    if annotation is Any or annotation is object:
        return value
    origin = get_origin(annotation)
    if origin in (Union, UnionType):
        tried = (convert(value, option) for option in get_args(annotation))
        return next((made for made in tried if made is not NO), NO)
    if origin is Literal:
        return value if value in get_args(annotation) and not isinstance(value, bool) else NO
    if origin in (tuple, list):
        return _sequence(value, annotation)
    return _SIMPLE.get(annotation, _instance(annotation))(value)


def _sequence(value: Any, annotation: Any) -> Any:
    if isinstance(value, Bundle):
        value = value.items
    if not isinstance(value, list | tuple | range):
        return NO
    options = get_args(annotation)
    if (len(options) == 2 and options[1] is Ellipsis) or get_origin(annotation) is list:
        options = (options[0],) * len(value)
    if len(options) != len(value):
        return NO
    made = tuple(convert(item, option) for item, option in zip(value, options, strict=True))
    return NO if NO in made else made


def _int(value: Any) -> Any:
    return value if isinstance(value, int) and not isinstance(value, bool) else NO


def _float(value: Any) -> Any:
    if not isinstance(value, int | float | Fraction) or isinstance(value, bool):
        return NO
    try:
        return float(value)
    except OverflowError:
        return NO


def _duration(value: Any) -> Any:
    if isinstance(value, Duration):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return Duration(steps=value)
    return Duration(fraction=_float(value)) if isinstance(value, float | Fraction) and _float(value) is not NO else NO


def _instance(annotation: Any) -> Callable[[Any], Any]:
    return lambda value: value if isinstance(annotation, type) and isinstance(value, annotation) else NO


_SIMPLE: Mapping[Any, Callable[[Any], Any]] = {
    int: _int,
    float: _float,
    bool: lambda value: value if isinstance(value, bool) else NO,
    str: lambda value: value if isinstance(value, str) else NO,
    NoneType: lambda value: value if value is None else NO,
    Duration: _duration,
}


@cache
def catalogues(annotation: Any) -> tuple[Catalogue[Any], ...]:
    """The catalogues whose members an annotation takes."""
    options = get_args(annotation) or (annotation,)
    return tuple(
        catalogue
        for option in options
        if isinstance(option, type)
        for catalogue in all_catalogues()
        if catalogue.base is option
    )


@cache
def all_catalogues() -> tuple[Catalogue[Any], ...]:
    from dslc.data.base import SOURCES, STAGES  # noqa: PLC0415  # together they cost a file with no train block
    from dslc.initializers.base import INITIALIZERS  # noqa: PLC0415
    from dslc.ops.base import OPS  # noqa: PLC0415
    from dslc.optimizers.base import OPTIMIZERS  # noqa: PLC0415
    from dslc.schedules.base import SCHEDULES  # noqa: PLC0415

    return OPS, INITIALIZERS, SCHEDULES, OPTIMIZERS, SOURCES, STAGES


def words(annotation: Any) -> str:
    """What a setting takes, in the words of a message."""
    origin, options = get_origin(annotation), get_args(annotation)
    if origin in (Union, UnionType):
        kinds = [words(option) for option in options if option is not Dim]
        return " or ".join(dict.fromkeys(kinds))
    if origin is Literal:
        return "one of " + ", ".join(
            f'`"{option}"`' if isinstance(option, str) else f"`{option}`" for option in options
        )
    if origin in (tuple, list):
        return "a pair" if options[-1] is not Ellipsis and len(options) == 2 else f"a list of {_plural(options[0])}"
    known = {int: "an int", float: "a number", bool: "`true` or `false`", str: "a string", NoneType: "`none`"}
    if annotation in known:
        return known[annotation]
    if annotation is Duration:
        return "a duration (steps, a part of the run, or `epochs(n)`)"
    names = [f"{'an' if catalogue.what[0] in 'aeio' else 'a'} {catalogue.what}" for catalogue in catalogues(annotation)]
    return names[0] if names else str(getattr(annotation, "__name__", annotation)).lower()


def _plural(annotation: Any) -> str:
    """What a list holds: `ints`, `ints or pairs`."""
    kinds = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    found = (words(kind).removeprefix("an ").removeprefix("a ") for kind in kinds if kind is not Dim)
    return " or ".join(f"{kind}s" for kind in found)


def block_settings(parameters: Sequence[tree.Parameter]) -> list[Wanted]:
    return [Wanted(parameter.name.text, Any, parameter.default is None) for parameter in parameters]
