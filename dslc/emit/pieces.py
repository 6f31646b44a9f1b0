"""The functions of a training step, each traced and written by itself: forward, backward, the change of a weight, the rest."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from dslc.emit.flat import flat
from dslc.emit.split import KEPT, halves
from dslc.emit.text import Text
from dslc.emit.writer import Names, Writer, function
from dslc.lazy import jax, np
from dslc.lower import Program, shapes_of
from dslc.plan import Update
from dslc.source import Source
from dslc.train.follow import clocks, followers
from dslc.train.generator import key_of
from dslc.train.packing import Packing
from dslc.train.program import Loop
from dslc.train.task import Task
from dslc.train.update import Moving, gradient_of, penalized

RESERVED = {
    "jax", "jnp", "lax", "np", "weights", "state", "batch", "key", "kept", "data", "rows", "carry", "inputs", "random_bits",
    "mixed", "fold_in", "random_split", "shuffled", "train_step", "train_steps", "partial", "gradient", "weight", "slots",
    "counts", "lambda", "in", "is", "if", "for", "not", "and", "or", "def", "return", "from", "import", "with", "as", "class",
    "sum", "max", "min", "abs", "map", "range", "len", "str", "int", "float", "print", "step", "json", "sys", "open", "dict",
    "gradients", "changed", "followed", "take_batch", "number", "round", "pow", "type", "id", "input", "pass", "while", "global",
    "forward", "backward", "advance", "adjusted", "None", "True", "False", "main", "train", "load", "save", "set", "list",
}  # fmt: skip
"""Names that no value gets."""


def sub(name: str, key: str) -> Text:
    """An entry of a dictionary."""
    return Text(f'{name}["{key}"]')


def entries(name: str, arrays: Mapping[str, Any]) -> list[Text]:
    """The expressions of the arrays of a dictionary, in the order in which JAX flattens it."""
    return [sub(name, key) for key in sorted(arrays)]


def dictionary(names: Sequence[str], texts: Sequence[Text]) -> str:
    """A dictionary, from its keys and values."""
    return "{" + ", ".join(f'"{name}": {text}' for name, text in zip(names, texts, strict=True)) + "}"


@dataclass
class Pieces:
    """Writes the functions of a task."""

    task: Task
    source: Source
    constants: dict[str, Any] = field(default_factory=dict[str, Any])
    tables: dict[str, str] = field(default_factory=dict[str, str])

    def line(self, file: str, number: int) -> str:
        """The text of a line of the source or of what it imports."""
        for one in (self.source, *self.source.imported.values()):
            if one.name.endswith(file):
                return one.line(number).strip()
        return ""

    def shapes(self) -> tuple[Any, Any, Any, Any]:
        """Of weights, state, batch and key."""
        kept = self.task.kept
        seed = jax.ShapeDtypeStruct((2,), np.dtype("uint32"))
        fields = self.task.train.fields(self.task.plan.rows)
        return shapes_of(kept, "parameter"), shapes_of(kept, "state"), fields, seed

    def write(
        self, name: str, doc: str, arguments: Mapping[str, Any], closed: Any, returned: Any, wanted: Sequence[str] = ()
    ) -> list[str]:
        """A function as lines; its outputs have the names `wanted` where those are free."""
        return list(function(name, doc, arguments, closed, returned, self.line, self.constants, RESERVED, wanted))

    def update(self, update: Update) -> Iterator[list[str]]:
        """The forward and the backward function of an update."""
        end = f"_{update.name}" if update.name else ""
        told = (update.loss, *update.scalars)
        parts = halves(self.task.joint(update), told)
        weights, state, batch, key = self.shapes()

        def forward(weights: Any, state: Any, batch: Any, key: Any) -> Any:
            outputs, after = Program(parts.forward, self.source)(weights, state, batch, training=True, key=key_of(key))
            return [outputs[name].astype("float32") for name in told], after, [outputs[name] for name in parts.kept]

        closed = jax.make_jaxpr(forward)(weights, state, batch, key)
        next_states = sorted(parts.forward.updates)
        names = [name.removeprefix(KEPT) for name in parts.kept]

        def gives(texts: list[Text]) -> str:
            first, second = len(told), len(told) + len(next_states)
            groups = ((told, texts[:first]), (next_states, texts[first:second]), (names, texts[second:]))
            return ", ".join(dictionary(*group) for group in groups)

        arguments = {
            "weights": entries("weights", weights), "state": entries("state", state), "batch": entries("batch", batch),
            "key": [Text("key")],
        }  # fmt: skip
        doc = f"The loss of a batch{' in the step ' + update.name if update.name else ''}; next states; what the backward pass reads."
        yield self.write(
            f"forward{end}", doc, arguments, closed, gives, [*told, *(f"next {name}" for name in next_states)]
        )
        yield self._backward(update, end, parts, closed, arguments)

    def _backward(self, update: Update, end: str, parts: Any, forward: Any, arguments: Mapping[str, Any]) -> list[str]:
        weights, state, batch, key = self.shapes()
        trained = self.task.groups.changed(update)
        kept = {
            name: jax.ShapeDtypeStruct(aval.shape, aval.dtype)
            for name, aval in zip(
                parts.kept, forward.out_avals[len(forward.out_avals) - len(parts.kept) :], strict=True
            )
        }

        def backward(weights: Any, state: Any, batch: Any, key: Any, kept: Any) -> list[Any]:
            given = {**batch, **dict(zip(parts.kept, kept, strict=True))}
            outputs, _ = Program(parts.backward, self.source)(weights, state, given, training=True, key=key_of(key))
            return [gradient_of(outputs, name, weights) for name in trained]

        closed = jax.make_jaxpr(backward)(weights, state, batch, key, list(kept.values()))
        given = [sub("kept", name.removeprefix(KEPT)) for name in parts.kept]
        return self.write(
            f"backward{end}", f"The gradients of the loss by {len(trained)} weights.", {**arguments, "kept": given}, closed,
            lambda texts: dictionary(trained, texts), [f"d_{name.split('.')[-2:][0]}_{name.split('.')[-1]}" for name in trained],
        )  # fmt: skip

    def adjusted(self, update: Update) -> list[str] | None:
        """The function that adds penalties to gradients and clears those of frozen layers; None where nothing changes."""
        weights, *_ = self.shapes()
        own = {name: weights[name] for name in self.task.groups.changed(update)}
        names = sorted(own)

        def run(weights: Any, gradients: Any) -> Any:
            found = self.task.groups.masked(penalized(update, weights, gradients))
            return [found[name] for name in names]

        closed = jax.make_jaxpr(run)(own, own)
        if not closed.jaxpr.eqns:
            return None
        arguments = {"weights": entries("weights", own), "gradients": entries("gradients", own)}
        name = f"adjusted{'_' + update.name if update.name else ''}"
        doc = "The gradients with the penalties of the weights, and without those of frozen layers."
        return self.write(name, doc, arguments, closed, lambda texts: dictionary(names, texts))

    def follow(self) -> list[str] | None:
        """The function of the states that follow weights or the run."""
        kept = self.task.kept
        names = sorted({*followers(kept), *clocks(kept)})
        if not names:
            return None
        loop = Unpacked(self.task, self.source)
        weights, state, _, _ = self.shapes()

        def run(weights: Any, state: Any, number: Any) -> Any:
            after = loop.followed(Moving(weights, state, {}, None), number)
            return [after[name] for name in names]

        closed = jax.make_jaxpr(run)(weights, state, jax.ShapeDtypeStruct((), np.dtype("int32")))
        arguments = {
            "weights": entries("weights", weights),
            "state": entries("state", state),
            "number": [Text("number")],
        }
        doc = "The states that follow weights, after step `number`."
        return self.write("followed", doc, arguments, closed, lambda texts: dictionary(names, texts))

    def batch(self) -> list[str]:
        """The function that takes the rows of a batch out of the data."""
        table = self.task.train.table
        data = {name: jax.ShapeDtypeStruct(array.shape, array.dtype) for name, array in table.arrays.items()}
        rows = jax.ShapeDtypeStruct((self.task.plan.batch,), np.dtype("int32"))
        closed = jax.make_jaxpr(table.gather)(data, rows)
        fields = sorted(jax.eval_shape(table.gather, data, rows))
        arguments = {"data": entries("data", data), "rows": [Text("rows")]}
        return self.write(
            "take_batch",
            "The fields of the given rows.",
            arguments,
            closed,
            lambda texts: dictionary(fields, texts),
            fields,
        )


class Unpacked(Loop):
    """The training loop with every weight by itself."""

    @property
    def packing(self) -> Packing:  # pyright: ignore[reportIncompatibleVariableOverride]
        return Packing({})


@dataclass(frozen=True)
class Rule:
    """The optimizer of an update as text: functions for the change of a weight, and what they keep."""

    functions: list[list[str]]
    which: dict[str, str]
    """The function of each weight."""
    slots: dict[str, dict[str, str]]
    """What is kept for each weight, with the expression of its first value."""
    counts: dict[str, str]


class Entangled(Exception):
    """An optimizer in which the change of a weight depends on others."""


def rule(pieces: Pieces, update: Update, first: Mapping[str, Any]) -> Rule:
    """The optimizer of an update.

    Args:
        first: First weights, by name.

    Raises:
        Entangled: when it cannot be written weight by weight.
    """
    task, end = pieces.task, f"_{update.name}" if update.name else ""
    names = sorted(task.groups.changed(update))
    made: Any = task.groups.rule(update.optimizer, replace(task.length, every=update.every))
    weights = {name: jax.ShapeDtypeStruct(first[name].shape, first[name].dtype) for name in names}
    start = made.init({name: first[name] for name in names})
    leaves, structure = jax.tree_util.tree_flatten_with_path(start)
    closed = jax.make_jaxpr(lambda g, s, w: made.update(g, jax.tree_util.tree_unflatten(structure, s), w))(
        weights, [leaf for _, leaf in leaves], weights
    )
    owners = [_owner(path, names) for path, _ in leaves]
    labels = _labels([path for path, _ in leaves], owners)
    functions: dict[str, str] = {}
    texts: list[list[str]] = []
    which: dict[str, str] = {}
    for name in names:
        lines = _change(pieces, update, closed, names, name, owners, labels)
        body = "\n".join(lines)
        if body not in functions:
            functions[body] = f"change{end}{'' if not functions else f'_{len(functions) + 1}'}"
            texts.append([line.replace("def CHANGE(", f"def {functions[body]}(") for line in lines])
        which[name] = functions[body]
    if any(
        owner is not None and leaf.shape != first[owner].shape for (_, leaf), owner in zip(leaves, owners, strict=True)
    ):
        raise Entangled
    slots = {
        name: {
            label: _start(leaf) for (_, leaf), owner, label in zip(leaves, owners, labels, strict=True) if owner == name
        }
        for name in names
    }
    counts = {
        label: f"jnp.{leaf.dtype}({leaf})"
        for (_, leaf), owner, label in zip(leaves, owners, labels, strict=True)
        if owner is None
    }
    if counts:
        texts.append(_advance(pieces, closed, names, owners, labels, f"advance{end}"))
    return Rule(texts, which, slots, counts)


def _owner(path: Any, names: list[str]) -> str | None:
    """The weight that a part of what the optimizer keeps is for."""
    keys = [getattr(part, "key", None) for part in path]
    return next((key for key in keys if key in names), None)


def _labels(paths: list[Any], owners: list[str | None]) -> list[str]:
    """A name for each part: that of its field, numbered where there are several."""
    found: list[str] = []
    seen: dict[tuple[str | None, str], int] = {}
    for path, owner in zip(paths, owners, strict=True):
        fields = [part.name for part in path if hasattr(part, "name")]
        label = fields[-1] if fields else "value"
        seen[owner, label] = number = seen.get((owner, label), 0) + 1
        found.append(label if number == 1 else f"{label}_{number}")
    return found


def _start(leaf: Any) -> str:
    array = np.asarray(leaf)
    if array.size and (array != array.reshape(-1)[0]).any():
        raise Entangled
    return str(array.reshape(-1)[0]) if array.size else "0.0"


def _change(
    pieces: Pieces,
    update: Update,
    closed: Any,
    names: list[str],
    name: str,
    owners: list[str | None],
    labels: list[str],
) -> list[str]:
    """The function of the change of one weight, under the name CHANGE."""
    count = len(names)
    own = [place for place, owner in enumerate(owners) if owner == name]
    made = flat(closed, keep=[names.index(name), *(count + place for place in own)])
    given = {
        count + place: sub("slots" if owners[place] else "counts", labels[place])
        for place in range(len(owners))
        if owners[place] in (name, None)
    }
    given |= {names.index(name): Text("gradient"), count + len(owners) + names.index(name): Text("weight")}
    for place, found in enumerate(made.inputs):
        if (found.uses or found.returned) and place not in given:
            raise Entangled
    writer = Writer(Names({*RESERVED}), pieces.line, pieces.constants)
    texts = [given.get(place, Text("None")) for place in range(len(made.inputs))]
    change, *kept = writer.body(made, texts, ["change", *(labels[place] for place in own)])
    writer.say(f"return {change}, {dictionary([labels[place] for place in own], kept)}")
    body = [line for line in writer.out if not line.lstrip().startswith("#")]
    while body and not body[0]:
        body.pop(0)
    doc = f'    """The change of a weight by `{_said(update, pieces.source)}`, and what is kept for the next."""'
    return ["def CHANGE(gradient, weight, slots, counts):", doc, *body]


def _said(update: Update, source: Source) -> str:
    span = update.spans.get("optimizer")
    text = source.of(span).snippet(span) if span else update.optimizer.name
    return " ".join(text.split()).partition("=")[2].strip() or text


def _advance(
    pieces: Pieces, closed: Any, names: list[str], owners: list[str | None], labels: list[str], name: str
) -> list[str]:
    shared = [place for place, owner in enumerate(owners) if owner is None]
    made = flat(closed, keep=[len(names) + place for place in shared])
    writer = Writer(Names({*RESERVED}), pieces.line, pieces.constants)
    texts = [Text("None")] * len(made.inputs)
    for place in shared:
        texts[len(names) + place] = sub("counts", labels[place])
    found = writer.body(made, texts, [labels[place] for place in shared])
    writer.say(f"return {dictionary([labels[place] for place in shared], found)}")
    return [
        f"def {name}(counts):",
        '    """What the optimizer counts, after a step."""',
        *(line for line in writer.out if line),
    ]


__all__ = ["Entangled", "Pieces", "Rule", "rule"]
