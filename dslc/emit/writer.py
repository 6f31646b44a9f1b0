"""A flat function as the body of a function of Python: names from the layers, short expressions in place, loops as loops.

What a layer computes stands under a comment with its line of the source. A value that is read once, by the same layer, is
written where it is read as long as the line stays short; the others are lines with the name of their layer.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

from dslc.emit.flat import Atom, Flat, Number, Step, Value, flat, scanned
from dslc.emit.primitives import ELEMENTWISE, Unwritten, dtype, is_whole, loose, written
from dslc.emit.text import ATOM, UNARY, Text, call, laid_out, name_of, shape
from dslc.lazy import np
from dslc.profile.hlo import line_of

LONGEST = 56
"""Characters of an expression that is written inside of another."""
MOST = 90
"""Characters of an expression that has an operator outermost, which no bracket lets break."""
SMALL = 64
"""Elements of an array that is written out."""

Lines = Callable[[str, int], str]
"""The text of a line of a source file, by the file's name and the number."""


@dataclass
class Names:
    """Names that are taken, in the whole of a function and those inside of it."""

    taken: set[str]

    def fresh(self, wanted: str) -> str:
        name, number = wanted, 2
        while name in self.taken:
            name, number = f"{wanted}_{number}", number + 1
        self.taken.add(name)
        return name


@dataclass
class Writer:
    """Writes one function; the bodies of its loops are written by others with the same names."""

    names: Names
    lines: Lines
    constants: dict[str, Any]
    """Arrays too long to be written out, by the name under which the module keeps them."""
    indent: int = 1
    out: list[str] = field(default_factory=list[str])
    known: dict[int, Text] = field(default_factory=dict[int, Text])
    """What stands for a value, by its identity."""
    place: str = ""
    """The comment that the last line stands under."""
    preferred: dict[int, str] = field(default_factory=dict[int, str])
    """Names of values that have a better one than that of their layer."""

    def body(self, function: Flat, inputs: Sequence[Text], wanted: Sequence[str] = ()) -> list[Text]:
        """Write the steps; gives the expressions of the outputs, which have the names `wanted` where those are free."""
        self.preferred = {id(atom): name_of(name) for atom, name in zip(function.outputs, wanted, strict=False)}
        self.known |= {id(made): text for made, text in zip(function.inputs, inputs, strict=True)}
        for made, array in function.constants:
            self.known[id(made)] = self._array(array)
        for step in function.steps:
            self._step(step)
        return [self.strict(atom) for atom in function.outputs]

    # Reading

    def strict(self, atom: Atom) -> Text:
        """An atom where an array is needed: a number says its dtype."""
        if isinstance(atom, Number):
            return call(dtype(atom.dtype), self.number(atom))
        return self.known[id(atom)]

    def number(self, atom: Number) -> Text:
        """A number as Python writes it."""
        found = atom.number
        if str(atom.dtype) == "bool":
            return Text(str(bool(found)))
        if "int" in str(atom.dtype):
            text = str(int(found))
            if abs(int(found)) >= 2**31:
                text = f"{dtype(atom.dtype)}({text})"
        else:
            # The shortest decimal that the dtype reads as this number.
            text = str(np.asarray(float(found)).astype(np.dtype(str(atom.dtype))))
            text = {"nan": "jnp.nan", "inf": "jnp.inf", "-inf": "-jnp.inf"}.get(text) or repr(float(text))
        return Text(text, UNARY if text.startswith("-") else ATOM)

    def _given(self, step: Step) -> list[Text]:
        """The operands of a step, broadcast only where the step does not do it itself."""
        spreads = _spreads(step)
        found: list[Text] = []
        for place, atom in enumerate(step.inputs):
            if isinstance(atom, Number):
                typed = step.name in ("concatenate", "stack", "sort", "pad", "dynamic_update_slice") or not spreads
                plain = step.name in ("broadcast_in_dim", "dynamic_slice") or (step.name == "clamp" and place != 1)
                found.append(self.number(atom) if spreads or plain or not typed else self.strict(atom))
            elif spreads and (_is_broadcast(atom) or _is_led(atom, step)):
                found.append(self._before(atom))
            else:
                found.append(self.known[id(atom)])
        return found

    def _before(self, made: Value) -> Text:
        """What a broadcast value was before."""
        step = made.step
        assert step is not None
        (atom, *_) = step.inputs
        return self.number(atom) if isinstance(atom, Number) else loose(step, self.known[id(atom)])

    # Writing

    def _step(self, step: Step) -> None:
        if step.name == "scan":
            self._scan(step)
        elif step.name == "while":
            self._while(step)
        elif step.name == "cond":
            self._choice(step)
        elif (
            _is_broadcast(step.outputs[0])
            and all(_spreads(use) for use in step.outputs[0].uses)
            and not step.outputs[0].returned
        ):
            if isinstance(step.inputs[0], Value) and len(step.outputs[0].uses) > 1:
                self._named(step.inputs[0], step)
        else:
            self._assign(step, written(step, self._given(step)))

    def _assign(self, step: Step, text: Text) -> None:
        if len(step.outputs) > 1:
            names = [self._name(step, output) for output in step.outputs]
            self.say(
                f"{', '.join(name if output.uses or output.returned else '_' for name, output in zip(names, step.outputs, strict=True))} = {text}",
                step.scope,
            )
            return
        (output,) = step.outputs
        if self._stays_inside(step, output, text):
            self.known[id(output)] = text
        else:
            self.say(f"{self._name(step, output)} = {text}", step.scope)

    def _stays_inside(self, step: Step, output: Value, text: Text) -> bool:
        """Whether an expression is short enough to stand where it is read, and is read once, by the same layer."""
        if output.returned or len(output.uses) != 1 or len(text.code) > LONGEST:
            return False
        (use,) = output.uses
        if use.name in ("scan", "while", "cond") or line_of(use.scope) != line_of(step.scope):
            return False
        reader = use
        if use.name == "broadcast_in_dim" and len(use.outputs[0].uses) > 1:
            return False
        return (
            sum(len(self.known[id(atom)].code) for atom in reader.inputs if id(atom) in self.known) + len(text.code)
            < MOST - 4 * self.indent
        )

    def _name(self, step: Step, output: Value) -> str:
        name = self.names.fresh(self.preferred.get(id(output)) or name_of(_layer(step.scope)))
        self.known[id(output)] = Text(name)
        return name

    def _named(self, made: Value, step: Step) -> Text:
        """A value under a name: what several or inner functions read."""
        text = self.known[id(made)]
        if not re.fullmatch(r'\w+(\[(\w+|"[^"]*")\])*', text.code):
            name = self.names.fresh(name_of(_layer(step.scope)))
            self.say(f"{name} = {text}", step.scope)
            self.known[id(made)] = text = Text(name)
        return text

    def say(self, statement: str, scope: str = "") -> None:
        """Write a statement, under the line of the source that it is for."""
        line = line_of(scope)
        if line is not None and line.file:
            place = f"# {line.file}:{line.number}: {self.lines(line.file, line.number)}"
            if place != self.place:
                self.out.append("")
                self.out.append(f"{'    ' * self.indent}{_cut(place, 100 - 4 * self.indent)}")
                self.place = place
        elif self.place and line_of(scope) is None and scope:
            self.place = ""
            self.out.append("")
        self.out += laid_out(statement, self.indent)

    def _array(self, array: Any) -> Text:
        found = np.asarray(array)
        if found.size <= SMALL and found.dtype.kind in "iufb":
            values = np.array2string(
                found, separator=", ", threshold=SMALL + 1, floatmode="unique", max_line_width=10**6
            )
            values = re.sub(r"\s+", " ", values).replace("[ ", "[").replace(". ", ".0 ")
            values = re.sub(r"(\d)\.(?=[,\]])", r"\1.0", values).replace("inf", "jnp.inf").replace("nan", "jnp.nan")
            return call("jnp.array", values, dtype(found.dtype))
        name = f"table_{len(self.constants)}"
        self.constants[name] = found
        return Text(f'CONSTANTS["{name}"]')

    # Loops and choices

    def _scan(self, step: Step) -> None:
        params = step.params
        consts, carried = scanned(params["jaxpr"], step.inputs, step.outputs)
        outer = [self._atom(atom, step) for atom in step.inputs[:consts]]
        carry = [self.strict(atom) for atom in step.inputs[consts : consts + carried]]
        sliced = [self.strict(atom) for atom in step.inputs[consts + carried :]]
        label = name_of(_layer(step.scope))
        turn = self.names.fresh(f"{label}_turn")
        held = [Text(self.names.fresh(f"{label}_held")) for _ in carry]
        given = [Text(self.names.fresh(f"{label}_given")) for _ in sliced]
        head = f"def {turn}({_bundle_name(held, 'carry')}, {_bundle_name(given, 'inputs')}):"
        self._header(step, head, held, given, params["jaxpr"], outer, f"{len(held)}")
        outputs = [self._name(step, output) for output in step.outputs]
        named = [
            name if output.uses or output.returned else "_" for name, output in zip(outputs, step.outputs, strict=True)
        ]
        length = None if sliced else params["length"]
        loop = call(
            "lax.scan", turn, _bundle(carry), _bundle(sliced), length=length, reverse=params["reverse"] or None,
            unroll=params["unroll"] if params["unroll"] != 1 else None,
        )  # fmt: skip
        left = f"{_bundle_target(named[:carried])}, {_bundle_target(named[carried:])}"
        self.say(f"{left} = {loop}", step.scope)

    def _header(
        self, step: Step, head: str, held: list[Text], given: list[Text], closed: Any, outer: list[Text], result: str
    ) -> None:
        """The body of a scan: what it carries and is given, unpacked, and its steps."""
        function = flat(closed, step.scope)
        inner = Writer(self.names, self.lines, self.constants, self.indent + 1, [], dict(self.known))
        for bundle, name in ((held, "carry"), (given, "inputs")):
            if len(bundle) > 1:
                inner.say(f"{', '.join(map(str, bundle))} = {name}")
        found = inner.body(function, [*outer, *held, *given])
        count = int(result)
        inner.say(f"return {_bundle(found[:count])}, {_bundle(found[count:])}")
        self._put(head, inner.out)

    def _put(self, head: str, body: list[str]) -> None:
        """A function inside of this one."""
        while body and not body[0]:
            body.pop(0)
        if self.out and self.out[-1]:
            self.out.append("")
        self.out += [*laid_out(head, self.indent), *body, ""]
        self.place = ""

    def _while(self, step: Step) -> None:
        params = step.params
        first, second = params["cond_nconsts"], params["body_nconsts"]
        own = [self._atom(atom, step) for atom in step.inputs[: first + second]]
        start = [self.strict(atom) for atom in step.inputs[first + second :]]
        for name, closed, outer in (
            ("more", params["cond_jaxpr"], own[:first]),
            ("turn", params["body_jaxpr"], own[first:]),
        ):
            function = self.names.fresh(name)
            held = [Text(self.names.fresh("held")) for _ in start]
            inner = Writer(self.names, self.lines, self.constants, self.indent + 1, [], dict(self.known))
            if len(held) > 1:
                inner.say(f"{', '.join(map(str, held))} = carry")
            found = inner.body(flat(closed, step.scope), [*outer, *held])
            inner.say(f"return {found[0] if name == 'more' else _bundle(found)}")
            self._put(f"def {function}({_bundle_name(held, 'carry')}):", inner.out)
            params = {**params, name: function}
        outputs = [self._name(step, output) for output in step.outputs]
        loop = call("lax.while_loop", params["more"], params["turn"], _bundle(start))
        self.say(f"{_bundle_target(outputs)} = {loop}", step.scope)

    def _choice(self, step: Step) -> None:
        index, *operands = step.inputs
        outer = [self._atom(atom, step) for atom in operands]
        functions: list[str] = []
        for closed in step.params["branches"]:
            functions.append(self.names.fresh("branch"))
            inner = Writer(self.names, self.lines, self.constants, self.indent + 1, [], dict(self.known))
            found = inner.body(flat(closed, step.scope), outer)
            inner.say(f"return {_bundle(found)}")
            self._put(f"def {functions[-1]}():", inner.out)
        outputs = [self._name(step, output) for output in step.outputs]
        choice = call("lax.switch", self.strict(index), f"[{', '.join(functions)}]")
        self.say(f"{_bundle_target(outputs)} = {choice}", step.scope)

    def _atom(self, atom: Atom, step: Step) -> Text:
        """Something that an inner function reads."""
        return self.strict(atom) if isinstance(atom, Number) else self._named(atom, step)


def _spreads(step: Step) -> bool:
    """Whether a step broadcasts its operands and one of them has the whole shape already."""
    if step.name not in ELEMENTWISE or (step.name == "div" and is_whole(step)):
        return False
    if step.name == "shift_right_logical" and not str(step.inputs[0].dtype).startswith("uint"):
        return False
    if step.name == "select_n" and (len(step.inputs) != 3 or str(step.inputs[0].dtype) != "bool"):
        return False
    return any(isinstance(atom, Value) and not _is_broadcast(atom) for atom in step.inputs)


def _is_broadcast(made: Value) -> bool:
    """Whether an array repeats another one, and does not only have more axes."""
    step = made.step
    if step is None or step.name != "broadcast_in_dim":
        return False
    return isinstance(step.inputs[0], Number) or prod(made.shape) > prod(step.inputs[0].shape)


def _is_led(made: Value, reader: Step) -> bool:
    """Whether an array only has more axes in front, which the operator adds by itself for another operand that has them."""
    step = made.step
    if step is None or step.name != "broadcast_in_dim" or not isinstance(step.inputs[0], Value):
        return False
    rank, own = len(made.shape), len(step.inputs[0].shape)
    others = [atom for atom in reader.inputs if isinstance(atom, Value) and atom is not made]
    whole = any(atom.step is None or atom.step.name != "broadcast_in_dim" for atom in others)
    return whole and tuple(step.params["broadcast_dimensions"]) == tuple(range(rank - own, rank))


def _layer(scope: str) -> str:
    """The name of the innermost layer in a scope, or of the part of the program."""
    found = re.findall(r"([^/\[\]()]+)\[[^/\[\]]+:\d+\]", scope)
    parts = [part for part in scope.split("/") if part and "(" not in part]
    return found[-1] if found else parts[-1] if parts else "value"


def _cut(text: str, columns: int) -> str:
    return text if len(text) <= columns else f"{text[: columns - 3]}..."


def _bundle(texts: Sequence[Text]) -> str:
    """What a loop carries: nothing, one array, or a tuple."""
    return "None" if not texts else str(texts[0]) if len(texts) == 1 else shape(map(str, texts))


def _bundle_name(texts: Sequence[Text], several: str) -> str:
    return "_" if not texts else str(texts[0]) if len(texts) == 1 else several


def _bundle_target(names: Sequence[str]) -> str:
    return "_" if not names else names[0] if len(names) == 1 else f"({', '.join(names)})"


def function(
    name: str, doc: str, arguments: Mapping[str, Any], closed: Any, returned: Callable[[list[Text]], str], lines: Lines,
    constants: dict[str, Any], taken: set[str], wanted: Sequence[str] = (),
) -> Iterator[str]:  # fmt: skip
    """A function of the module.

    Args:
        arguments: By name: an expression for each leaf of what is given, in the order of the inputs of `closed`.
        returned: The expression that is returned, from those of the outputs.
    """
    writer = Writer(Names({*taken, *arguments}), lines, constants)
    inputs = [text for texts in arguments.values() for text in texts]
    outputs = writer.body(flat(closed), inputs, wanted)
    writer.place = ""
    writer.say(f"return {returned(outputs)}")
    yield f"def {name}({', '.join(arguments)}):"
    yield from (f"    {line}".rstrip() for line in f'"""{doc}"""'.splitlines())
    yield from _tidy(writer.out)


def _tidy(lines: list[str]) -> Iterator[str]:
    """Lines without two empty ones in a row, and without one at the beginning."""
    last = ""
    for line in lines:
        if line or last:
            yield line
        last = line


__all__ = ["Unwritten", "Writer", "function"]
