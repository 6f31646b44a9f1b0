"""Blocks: settings are bound, inputs met, the chain or the statements run, and the outputs collected."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dslc.build import budgets, declared, evaluate, modules, nodes, settings, types
from dslc.build.scope import Env, Scope
from dslc.build.values import BROKEN, Bundle, Layer, Skip, Tensor
from dslc.errors.infer import AssertionFailed, InputMismatch, WrongCount, WrongInputs
from dslc.errors.names import Recursive
from dslc.errors.placement import NoOutput, UnnamedOutput, WrongStatement
from dslc.errors.settings import RequireFailed
from dslc.errors.values import TensorAsSetting
from dslc.parse import tree
from dslc.source import Span

if TYPE_CHECKING:
    from dslc.resolve import Program


def apply(
    env: Env, block: tree.Block, items: tuple[tree.Item, ...], label: str, span: Span, home: "Program | None" = None
) -> Any:
    """What a block gives for the value in the pipe; `home` is the file that it stands in, where that is another one."""
    build, name = modules.within(env.build, home, span), block.name.text
    title = build.program.title(name)
    if title in env.build.active:
        raise env.fail(Recursive(span, (*env.build.active[env.build.active.index(title) :], title)))
    place = env.place if env.sole else env.place.child(label)
    inner = replace(env, build=build, place=place, scope=Scope(), sole=False, blocks=(*env.blocks, place.path))
    trees = settings.arrange(env, name, settings.block_settings(block.parameters), items, span)
    for parameter in block.parameters:
        _bind_setting(inner, parameter, trees, env)
    env.build.active.append(title)
    try:
        return run(inner, block, env.it, span)
    finally:
        env.build.active.pop()


def _bind_setting(inner: Env, parameter: tree.Parameter, trees: Mapping[str, tree.Tree], outer: Env) -> None:
    name = parameter.name.text
    if name in trees:
        value = evaluate.value(outer, trees[name])
        if isinstance(value, Tensor | Bundle):
            raise outer.fail(TensorAsSetting(trees[name].span, name))
    else:
        assert parameter.default is not None
        value = evaluate.value(inner, parameter.default)
    inner.bind(name, value, parameter.span, "setting")


def run(env: Env, block: tree.Block, value: Any, span: Span) -> Any:
    """What the chain or the statements of a block give for a value; its settings are bound."""
    from dslc.build import stages  # noqa: PLC0415  # the two call each other

    if block.chain is None:
        items = value if isinstance(value, Bundle) else Bundle((value,), (None,))
        return nodes.named(statements(env, block, _given(env, block, items, span)))
    if block.signature:
        given = value.items if isinstance(value, Bundle) else (value,)
        _meet_all(env, block.signature.inputs, given, block.name.text, span)
    found = stages.chain(replace(env, it=value), block.chain, value)
    if block.signature:
        made = found.items if isinstance(found, Bundle) else (found,)
        meet_outputs(env, block.signature.outputs, made)
    return found


def _meet_all(env: Env, wanted: tuple[tree.TypeTree, ...], given: tuple[Any, ...], name: str, span: Span) -> None:
    if len(wanted) != len(given):
        reason = f"takes {len(wanted)} input{'s' * (len(wanted) != 1)}, and gets {len(given)}"
        raise env.fail(WrongInputs(span, name, ("x",) * len(wanted), reason))
    for position, (item, tensor) in enumerate(zip(wanted, given, strict=True)):
        meet_input(env, item, tensor, name, str(position + 1), span)


def meet_input(env: Env, item: tree.TypeTree, tensor: Any, block: str, name: str, span: Span) -> None:
    """Refuse a tensor that does not have the type of a block's input."""
    if not isinstance(tensor, Tensor):
        raise env.fail(WrongInputs(span, block, (name,), f"needs a tensor for its input `{name}`"))
    meets = types.meet(env, item, tensor)
    if meets.reason:
        origins = nodes.origin_notes(env, (tensor,), span)
        raise env.fail(
            InputMismatch(span, block, name, f"`{meets.written}`", str(tensor.type), meets.reason, origins, meets.bound)
        )


def meet_outputs(env: Env, wanted: tuple[tree.TypeTree, ...], made: tuple[Any, ...]) -> None:
    """Refuse outputs that do not have the types of a block's signature."""
    if len(wanted) != len(made):
        raise env.fail(WrongCount(wanted[0].span, len(wanted), len(made)))
    for item, tensor in zip(wanted, made, strict=True):
        if isinstance(tensor, Tensor):
            meets = types.meet(env, item, tensor)
            if meets.reason:
                origins = nodes.origin_notes(env, (tensor,), item.span)
                raise env.fail(
                    AssertionFailed(
                        item.span, f"`{meets.written}`", str(tensor.type), meets.reason, origins, meets.bound
                    )
                )


def _given(env: Env, block: tree.Block, items: Bundle, span: Span) -> Callable[[Env, tree.Declaration], Any]:
    """Gives every input of a block its tensor."""
    wanted = [part for part in block.body if isinstance(part, tree.Declaration) and part.kind == "input"]
    names = tuple(part.name.text for part in wanted)
    tensors = nodes.to_tensors(env, items, span) if wanted else ()
    if not wanted and any(item is not None for item in items.items):
        raise env.fail(WrongInputs(span, block.name.text, (), "has no input, and a tensor is piped in"))
    given = nodes.arrange(env, block.name.text, names, items.names if wanted else (), tensors, span)

    def input_of(inner: Env, item: tree.Declaration) -> Any:
        name = item.name.text
        if name not in given and item.value is None:
            raise env.fail(WrongInputs(span, block.name.text, names, f"needs its input `{name}`"))
        value = given[name] if name in given else evaluate.value(inner, item.value or item)
        if value is not None:
            value = nodes.constant(inner, nodes.force(inner, value, item.span), None, item.span)
            meet_input(inner, item.type, value, block.name.text, name, span)
        return value

    return input_of


def statements(
    env: Env, block: tree.Block | tree.Section, input_of: Callable[[Env, tree.Declaration], Any]
) -> dict[str, Any]:
    """Run the statements of a body; gives the outputs by name. One that fails leaves the rest to be checked."""
    outputs: dict[str, Any] = {}
    failed = False
    for item in block.body:
        try:
            statement(env, item, input_of, outputs)
        except Skip:
            failed = True
            for name in names_of(item):
                if env.scope.find(name.text) is None:
                    env.bind(name.text, BROKEN, name.span, "tensor")
    declared.require_next(env, block.body)
    if failed:
        raise Skip
    if not outputs:
        last = next((item.span for item in reversed(block.body) if isinstance(item, tree.Assign)), None)
        raise env.fail(NoOutput(block.name.span, block.name.text, last))
    return outputs


def names_of(item: tree.Tree) -> tuple[tree.Name, ...]:
    """The names that a statement gives."""
    if isinstance(item, tree.Assign | tree.Output):
        return item.names
    return (item.name,) if isinstance(item, tree.Declaration | tree.LayerStatement) else ()


def statement(
    env: Env, item: tree.Tree, input_of: Callable[[Env, tree.Declaration], Any], outputs: dict[str, Any]
) -> None:
    """Run one statement of a body; an output is added to `outputs`."""
    match item:
        case tree.Declaration(kind="input"):
            value = input_of(env, item)
            if env.scope.find(item.name.text) is None or value is not None:
                env.bind(item.name.text, value, item.name.span, "tensor")
        case tree.Declaration():
            declared.declare(env, item)
        case tree.Next():
            declared.give_next(env, item)
        case tree.Assign():
            assign(env, item.names, item.value)
        case tree.Output():
            _output(env, item, outputs)
        case tree.LayerStatement():
            place = replace(env.place, path=env.place.name(item.name.text), counts={})
            env.bind(item.name.text, Layer(item.name.text, item.value, env, place), item.name.span, "layer")
        case tree.Require():
            require(env, item)
        case _:
            what = {"Step": "`step`", "WeightGroup": "`group`"}.get(type(item).__name__, "this statement")
            raise env.fail(WrongStatement(item.span, what))


def assign(env: Env, names: tuple[tree.Name, ...], item: tree.Tree) -> Any:
    """`a, b = value`: every name gets its part."""
    value = nodes.force_all(env, evaluate.value(env, item), item.span)
    if len(names) == 1:
        nodes.label(env, value, names[0].text)
        env.bind(names[0].text, value, names[0].span, "tensor" if isinstance(value, Tensor | Bundle) else "setting")
        return value
    parts = value.items if isinstance(value, Bundle) else value if isinstance(value, list | tuple) else (value,)
    if len(parts) != len(names):
        raise env.fail(WrongCount(item.span, len(names), len(parts)))
    for name, part in zip(names, parts, strict=True):
        if name.text != "_":
            nodes.label(env, part, name.text)
            env.bind(name.text, part, name.span, "tensor" if isinstance(part, Tensor) else "setting")
    return value


def _output(env: Env, item: tree.Output, outputs: dict[str, Any]) -> None:
    if item.value is not None:
        assign(env, item.names, item.value)
    named = [name for name in item.names if name.text != "_"]
    if not named:
        raise env.fail(UnnamedOutput(item.names[0].span))
    for name in named:
        found = env.read(name.text, name.span)
        value = found.value if found else evaluate.value(env, name)
        if not isinstance(value, Tensor):
            value = nodes.constant(env, value, None, name.span)
        if item.type is not None:
            types.assertion(env, item.type, value)
        outputs[name.text] = value


def require(env: Env, item: tree.Require) -> None:
    """A condition of the author, with the values of the names in it."""
    if budgets.noted(env, item) or evaluate.condition(env, item.condition):
        return
    found: dict[str, str] = {}
    for name in _names_in(item.condition):
        binding = env.scope.find(name)
        if binding is not None:
            found[name] = str(binding.value)
    raise env.fail(RequireFailed(item.span, item.message, tuple(found.items())))


def _names_in(item: tree.Tree) -> list[str]:
    if isinstance(item, tree.Name):
        return [item.text]
    parts = (getattr(item, name) for name in ("left", "right", "operand", "value") if hasattr(item, name))
    return [name for part in parts if isinstance(part, tree.Tree) for name in _names_in(part)]
