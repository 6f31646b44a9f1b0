"""What a train block, or one of its steps, works out: its values, its loss, and the scalars to log."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dslc.build import blocks, declared
from dslc.build.scope import Env
from dslc.build.train_settings import Given
from dslc.build.values import BROKEN, Skip, Tensor, kind_of
from dslc.errors.steps import FieldsAreInputs
from dslc.errors.training import LossNotScalar, MetricAsLoss
from dslc.errors.values import TensorWanted
from dslc.graph import Node
from dslc.ops.metric.base import Metric
from dslc.parse import tree


@dataclass
class Values:
    """The scalars of a block or step, and the metrics that it pipes by hand, under the names that a run logs."""

    scalars: dict[str, Tensor] = field(default_factory=dict[str, Tensor])
    metrics: dict[str, tuple[Metric, Tensor]] = field(default_factory=dict[str, tuple[Metric, Tensor]])


def run(given: Given) -> None:
    """Run the statements in order; the loss comes last, whose names they are."""
    env, loss = given.env, given.settings.get("loss")
    for item in (*given.statements, *((loss,) if loss else ())):
        try:
            if not isinstance(item, tree.Assign):
                blocks.statement(env, item, _no_input, {})
                continue
            value = blocks.assign(env, item.names, item.value)
            if not isinstance(value, Tensor) and len(item.names) == 1 and item is not loss:
                given.refuse_constant(item)
        except Skip:
            for name in blocks.names_of(item):
                if env.scope.find(name.text) is None:
                    env.bind(name.text, BROKEN, name.span, "tensor")
    declared.require_next(env, tuple(given.statements))


def _no_input(env: Env, item: tree.Declaration) -> Any:
    raise env.fail(FieldsAreInputs(item.span, item.name.text))


def loss_of(given: Given) -> Tensor:
    """The loss, one float.

    Raises:
        Skip: when it is something else.
    """
    env, item = given.env, given.settings["loss"]
    found = env.read("loss", item.span)
    if found is None:
        raise Skip
    value = found.value
    if not isinstance(value, Tensor):
        raise env.fail(TensorWanted(item.value.span, kind_of(value), "loss"))
    made = node_of(value).op
    if isinstance(made, Metric):
        raise env.fail(MetricAsLoss(item.value.span, made.name))
    if value.type.shape != () or not value.type.is_float:
        raise env.fail(LossNotScalar(item.value.span, str(value.type)))
    return value


def values_of(given: Given, prefix: str = "") -> Values:
    """Every scalar and every metric that a statement names."""
    found = Values()
    for item in given.statements:
        for name in item.names if isinstance(item, tree.Assign) else ():
            binding = given.env.scope.names.get(name.text)
            if binding is None or not isinstance(binding.value, Tensor):
                continue
            op = node_of(binding.value).op
            if isinstance(op, Metric):
                found.metrics[prefix + name.text] = op, binding.value
            elif binding.value.type.shape == () and binding.value.type.is_float:
                found.scalars[prefix + name.text] = binding.value
    return found


def node_of(tensor: Tensor) -> Node:
    """The node that makes a tensor."""
    return tensor.home.builder.nodes[tensor.ref.node]


def refs(env: Env, tensors: Mapping[str, Tensor]) -> dict[str, object]:
    """The tensors as the graph's outputs."""
    return {name: env.frame.ref(tensor) for name, tensor in tensors.items()}
