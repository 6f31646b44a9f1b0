"""A traced function as a flat list of steps: calls of named functions opened, what nobody needs left out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from dslc.lazy import np

HELPERS = ("_bits",)
"""Functions that the module has under a name of their own: their calls stay calls."""
OPENED = {
    "jit": "jaxpr", "custom_jvp_call": "call_jaxpr", "custom_vjp_call": "call_jaxpr", "closed_call": "call_jaxpr",
    "checkpoint": "jaxpr", "remat2": "jaxpr",
}  # fmt: skip
"""Calls that are replaced by what they call: the backward pass is written out, so that rules for it are not needed."""
SAME = ("stop_gradient", "copy", "copy_p", "optimization_barrier", "random_wrap", "random_unwrap", "name")
"""Steps that give what they take; a random key is the words that it is made of."""


@dataclass(eq=False)
class Value:
    """An array that a step makes, or that a function is given."""

    shape: tuple[int, ...]
    dtype: Any
    step: "Step | None" = None
    uses: "list[Step]" = field(default_factory=list["Step"])
    returned: int = 0
    """How often the function returns it."""


@dataclass(frozen=True, eq=False)
class Number:
    """A scalar that stands in the program."""

    number: Any
    dtype: Any
    shape: tuple[int, ...] = ()


Atom = Value | Number


@dataclass(eq=False)
class Step:
    """One primitive of JAX."""

    name: str
    inputs: list[Atom]
    outputs: list[Value]
    params: dict[str, Any]
    scope: str


@dataclass
class Flat:
    """A function: what it takes, its steps in order, what it gives; arrays that stand in the program."""

    inputs: list[Value]
    steps: list[Step]
    outputs: list[Atom]
    constants: list[tuple[Value, Any]] = field(default_factory=list[tuple[Value, Any]])


def flat(closed: Any, scope: str = "", keep: Sequence[int] | None = None) -> Flat:
    """The flat form of a closed jaxpr; with `keep` of these outputs alone."""
    made = _Flattening()
    inputs = [value(var.aval) for var in closed.jaxpr.invars]
    outputs = made.open(closed.jaxpr, closed.consts, inputs, scope)
    outputs = outputs if keep is None else [outputs[place] for place in keep]
    found = Flat(inputs, made.steps, outputs, made.constants)
    _drop_dead(found)
    return found


def value(aval: Any) -> Value:
    """A value of the type of `aval`; a random key is an array of its words."""
    words = str(aval.dtype).startswith("key<")
    return Value((*aval.shape, 2) if words else tuple(aval.shape), "uint32" if words else str(aval.dtype))


@dataclass
class _Flattening:
    steps: list[Step] = field(default_factory=list[Step])
    constants: list[tuple[Value, Any]] = field(default_factory=list[tuple[Value, Any]])

    def open(self, jaxpr: Any, consts: Sequence[Any], inputs: Sequence[Atom], scope: str) -> list[Atom]:
        """The outputs of a jaxpr, after its steps."""
        known: dict[Any, Atom] = {}
        for var, const in zip(jaxpr.constvars, consts, strict=True):
            known[var] = self._constant(var.aval, const)
        known |= dict(zip(jaxpr.invars, inputs, strict=True))

        def read(atom: Any) -> Atom:
            return Number(atom.val, str(atom.aval.dtype)) if hasattr(atom, "val") else known[atom]

        for eqn in jaxpr.eqns:
            here = f"{scope}/{eqn.source_info.name_stack}"
            given = [read(atom) for atom in eqn.invars]
            made = self._equation(eqn, given, here)
            known |= dict(zip(eqn.outvars, made, strict=True))
        return [read(atom) for atom in jaxpr.outvars]

    def _equation(self, eqn: Any, given: list[Atom], scope: str) -> Sequence[Atom]:
        name = eqn.primitive.name
        if name in SAME:
            return given
        if name in OPENED and eqn.params.get("name") not in HELPERS:
            inner = eqn.params[OPENED[name]]
            return self.open(getattr(inner, "jaxpr", inner), getattr(inner, "consts", ()), given, scope)
        if name == "convert_element_type" and str(given[0].dtype) == str(eqn.params["new_dtype"]):
            return given
        if name == "convert_element_type" and isinstance(given[0], Number):
            return [Number(given[0].number, str(eqn.params["new_dtype"]))]
        outputs = [value(var.aval) for var in eqn.outvars]
        if name == "jit":
            name = eqn.params["name"]
        step = Step(name, given, outputs, dict(eqn.params), scope)
        for output in outputs:
            output.step = step
        self.steps.append(step)
        return outputs

    def _constant(self, aval: Any, array: Any) -> Atom:
        if not aval.shape and not str(aval.dtype).startswith("key<"):
            return Number(np.asarray(array)[()], str(aval.dtype))
        made = value(aval)
        self.constants.append((made, array))
        return made


def _drop_dead(function: Flat) -> None:
    """Leave out the steps that no output needs, and note who reads what."""
    needed = {id(atom) for atom in function.outputs}
    kept: list[Step] = []
    for step in reversed(function.steps):
        if any(id(output) in needed for output in step.outputs):
            needed |= {id(atom) for atom in step.inputs}
            kept.append(step)
    function.steps[:] = kept[::-1]
    function.constants[:] = [pair for pair in function.constants if id(pair[0]) in needed]
    for step in function.steps:
        for atom in _values(step.inputs):
            atom.uses.append(step)
    for atom in _values(function.outputs):
        atom.returned += 1


def _values(atoms: Sequence[Atom]) -> Iterator[Value]:
    return (atom for atom in atoms if isinstance(atom, Value))


def scanned(body: Any, inputs: Sequence[Any], outputs: Sequence[Any]) -> tuple[int, int]:
    """How many inputs a scan reads whole, and how many it carries on, by their shapes: what it goes over has an axis less inside.

    Versions of JAX say it in different words.
    """
    whole = sum(len(outer.shape) == len(inner.shape) for outer, inner in zip(inputs, body.in_avals, strict=True))
    carried = sum(len(outer.shape) == len(inner.shape) for outer, inner in zip(outputs, body.out_avals, strict=True))
    return whole - carried, carried
