"""Names of blocks and models, branches not taken and blocks not used included: a slip shows before anybody takes them."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from dslc.catalogue import Entry
from dslc.errors.base import Problems
from dslc.errors.imports import ModuleMisused
from dslc.errors.names import UnknownName
from dslc.graph import BUDGETS
from dslc.ops.base import OPS
from dslc.parse import tree
from dslc.resolve import meant
from dslc.types import DTYPES


class Names:
    """Checks the names in one block; `blocks` are the blocks and models of the file, `imports` those of others."""

    def __init__(
        self,
        block: tree.Block,
        blocks: dict[str, tree.Block],
        values: frozenset[str],
        problems: Problems,
        imports: Mapping[str, Mapping[str, tree.Block] | None] = MappingProxyType({}),
    ) -> None:
        self.blocks, self.problems, self.imports = blocks, problems, imports
        self.declared = frozenset(_declared(block))
        self.values = values
        """Names that mean something where a value stands although no block gives them."""
        if block.chain is not None:
            self.chain(block.chain)
        for part in (*block.body, *block.parameters):
            self.statement(part)

    def statement(self, item: tree.Tree) -> None:
        match item:
            case tree.LayerStatement():
                self.chain(item.value)
            case tree.Parameter(default=tree.Tree() as default):
                self.value(default)
            case tree.Require(condition=tree.Binary(operator="<" | "<=" | ">" | ">=", left=left, right=right)):
                # What the whole costs at most; a setting of that name comes first, and is checked where it is built.
                for side in (left, right):
                    if not (isinstance(side, tree.Name) and side.text in BUDGETS):
                        self.value(side)
            case tree.Require():
                self.value(item.condition)
            case tree.Assign() | tree.Output() | tree.Declaration() | tree.Next():
                if item.value is not None:
                    self.value(item.value)
            case _:
                pass

    def chain(self, item: tree.Tree) -> None:
        """A pipe whose head is a stage."""
        if isinstance(item, tree.If):
            self.branch(item, self.chain)
        elif isinstance(item, tree.Pipe):
            for stage in item.stages:
                self.stage(stage.value)

    def stage(self, item: tree.Tree) -> None:
        match item:
            case tree.Name():
                self.layer(item, ())
            case tree.Call(callee=tree.Name() as callee):
                self.layer(callee, item.arguments)
            case tree.Combinator(callee=tree.Name() as callee):
                self.layer(callee, item.arguments)
                for branch in item.branches:
                    self.chain(branch)
            case tree.Repeat():
                self.value(item.over)
                self.chain(item.body)
            case tree.If():
                self.branch(item, self.chain)
            case tree.Attribute(value=tree.Name(text=module)) if module in self.imports:
                self.imported(module, item, ())
            case tree.Call(callee=tree.Attribute(value=tree.Name(text=module)) as callee) if module in self.imports:
                self.imported(module, callee, item.arguments)
            case _:
                self.value(item)

    def imported(self, module: str, callee: tree.Attribute, items: tuple[tree.Item, ...]) -> None:
        """A block of an imported file; nothing is known of one that could not be read."""
        for item in items:
            self.value(item.value)
        blocks = self.imports[module]
        if blocks is None:
            return
        if callee.name not in blocks:
            self.problems.add(meant.block(callee.span, module, callee.name, tuple(blocks)))
            return
        settings = tuple(parameter.name.text for parameter in blocks[callee.name].parameters)
        self.settings(f"{module}.{callee.name}", settings, items)

    def branch(self, item: tree.If, inside: Any) -> None:
        self.value(item.condition)
        inside(item.then)
        if isinstance(item.otherwise, tree.If):
            self.branch(item.otherwise, inside)
        elif item.otherwise is not None:
            inside(item.otherwise)

    def layer(self, callee: tree.Name, items: tuple[tree.Item, ...]) -> None:
        name = callee.text
        for item in items:
            if not self.unquoted(name, item):
                self.value(item.value)
        if name in self.declared:
            return
        if name in self.blocks:
            known = tuple(parameter.name.text for parameter in self.blocks[name].parameters)
            self.settings(name, known, items)
        elif name in OPS:
            member: type[Entry] = OPS[name]
            if not member.open:
                self.settings(name, tuple(field.name for field in member.settings()), items)
        elif name in self.imports:
            self.problems.add(ModuleMisused(callee.span, name, tuple(self.imports[name] or ())))
        else:
            self.problems.add(meant.layer(callee, items, tuple(self.blocks)))

    def unquoted(self, owner: str, item: tree.Item) -> bool:
        """Whether a setting gets one of the words that it chooses from, without its quotes."""
        written = item.value.stages[0].value if isinstance(item.value, tree.Pipe) else item.value
        if not isinstance(written, tree.Name) or written.text in self.declared or owner not in OPS or item.name is None:
            return False
        if written.text not in meant.choices(OPS[owner].setting_types().get(item.name)):
            return False
        self.problems.add(UnknownName(written.span, written.text, f'"{written.text}"', sure=True))
        return True

    def settings(self, owner: str, known: tuple[str, ...], items: tuple[tree.Item, ...]) -> None:
        for item in items:
            if item.name is not None and item.name not in known:
                self.problems.add(meant.setting(item.span, owner, item.name, known))

    def value(self, item: Any) -> None:
        """An expression that stands as a value."""
        match item:
            case tree.Pipe():
                self.value(item.stages[0].value)
                for stage in item.stages[1:]:
                    self.stage(stage.value)
            case tree.Name():
                self.name(item)
            case tree.Call(callee=tree.Name() as callee):
                self.name(callee)
                self.value(item.arguments)
            case tree.Combinator(callee=tree.Name()) | tree.Repeat():
                self.stage(item)
            case tree.If():
                self.branch(item, self.value)
            case tree.Attribute(value=tree.Name(text=module)) if self._is_module(module):
                self.stage(item)
            case tree.Call(callee=tree.Attribute(value=tree.Name(text=module))) if self._is_module(module):
                self.stage(item)
            case tuple():
                for part in item:
                    self.value(part)
            case tree.Tree():
                for field in item.__dataclass_fields__:
                    if field != "span":
                        self.value(getattr(item, field))
            case _:
                pass

    def _is_module(self, name: str) -> bool:
        return name in self.imports and name not in self.declared

    def name(self, item: tree.Name) -> None:
        if (
            item.text in self.imports
            or item.text in self.declared
            or item.text in self.values
            or item.text in self.blocks
            or item.text in OPS
        ):
            return
        self.problems.add(meant.value(item, tuple(self.declared), tuple(self.values)))


def _declared(item: Any) -> Iterator[str]:
    """Every name that a block gives anywhere: inputs, settings, dimensions, labels, tensors, layers."""
    match item:
        case tree.TypeTree():
            for size in item.sizes:
                if isinstance(size, tree.Name) and size.text not in DTYPES:
                    yield size.text
                elif isinstance(size, tree.Bound):
                    yield size.name.text
        case tree.Assign() | tree.Output() | tree.Repeat():
            yield from (name.text for name in item.names)
        case tree.Declaration() | tree.LayerStatement() | tree.Parameter():
            yield item.name.text
        case tree.Stage(label=tree.Name() as label):
            yield label.text
        case _:
            pass
    parts = (
        item if isinstance(item, tuple) else [getattr(item, name) for name in getattr(item, "__dataclass_fields__", ())]
    )
    for part in parts:
        if isinstance(part, tree.Tree | tuple):
            yield from _declared(part)
