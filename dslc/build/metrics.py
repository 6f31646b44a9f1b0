"""`metrics = [...]` of a train block, and whether its logits are as many as the data has classes."""

from typing import Any

from dslc.build import nodes, settings
from dslc.build.losses import Values
from dslc.build.scope import Binding, Env
from dslc.build.values import Skip
from dslc.catalogue import nearest
from dslc.data.schema import Schema
from dslc.errors.arithmetic import NotAList
from dslc.errors.base import Note
from dslc.errors.training import ClassesDiffer, MetricsAmbiguous, MetricTwice, NotAMetric
from dslc.graph import Node
from dslc.ops.base import OPS
from dslc.ops.loss.base import Loss
from dslc.ops.metric.base import Metric
from dslc.parse import tree
from dslc.resolve import meant


def add(env: Env, item: tree.Assign, found: Values) -> None:
    """Add the metrics of a list, each of which takes what the only loss takes."""
    losses = [node for node in env.frame.builder.nodes.values() if isinstance(node.op, Loss)]
    for part in _listed(env, item.value):
        callee = part.callee if isinstance(part, tree.Call) else part
        name = callee.text if isinstance(callee, tree.Name) else "this"
        if name not in OPS or not issubclass(OPS[name], Metric):
            known = tuple(other for other in OPS.names() if issubclass(OPS[other], Metric))
            near = nearest(name, known)
            env.build.problems.add(NotAMetric(part.span, name, near, meant.sure(name, near)))
            continue
        if len(losses) != 1:
            env.build.problems.add(MetricsAmbiguous(item.names[0].span, len(losses), name))
            return
        if name in found.metrics:
            env.build.problems.add(MetricTwice(part.span, name))
            continue
        try:
            _add(env, part, name, losses[0], found)
        except Skip:
            continue


def _add(env: Env, part: tree.Tree, name: str, loss: Node, found: Values) -> None:
    arguments = part.arguments if isinstance(part, tree.Call) else ()
    op = settings.entry(env, OPS[name], arguments, part.span)
    given = [env.frame.tensor(ref) if ref else None for ref in loss.inputs]
    value = nodes.add(env, op, given[: len(op.inputs())], name, part.span)
    env.scope.names.setdefault(name, Binding(value, part.span, "metric"))
    found.metrics[name] = op, value


def check_classes(env: Env, schema: Schema) -> None:
    """As many logits as the data has classes."""
    builder = env.frame.builder
    for node in list(builder.nodes.values()):
        if not isinstance(node.op, Loss) or node.op.takes != "logits" or len(node.inputs) < 2:
            continue
        logits, target = (builder.type(ref) if ref else None for ref in node.inputs[:2])
        field = node.inputs[1].node if node.inputs[1] else ""
        if field not in schema.classes or logits is None or target is None or logits.rank != target.rank + 1:
            continue
        width = logits.shape[-1]
        if isinstance(width, int) and width != schema.classes[field] and node.inputs[0] is not None:
            origin = builder.nodes[node.inputs[0].node]
            notes = (Note(origin.span, f"the logits are {logits} from here"),)
            env.build.problems.add(ClassesDiffer(node.span, width, schema.classes[field], field, notes))


def _listed(env: Env, item: tree.Tree) -> list[Any]:
    """The members of a list as they are written."""
    item = bare(item)
    if isinstance(item, tree.Lost):
        raise Skip
    if not isinstance(item, tree.List):
        instead = f"[{item.text}]" if isinstance(item, tree.Name) else None
        raise env.fail(
            NotAList(item.span, "`metrics` is", "something else", f"`metrics = {instead or '[accuracy]'}`", instead)
        )
    return [bare(part) for part in item.items]


def bare(item: tree.Tree) -> tree.Tree:
    """An expression without the pipe of one stage around it."""
    while isinstance(item, tree.Pipe) and len(item.stages) == 1:
        item = item.stages[0].value
    return item
