"""What was probably meant by a name that is not known, and whether it is sure enough to be written in its place."""

from collections.abc import Mapping, Sequence
from dataclasses import MISSING
from difflib import SequenceMatcher
from typing import Any, Literal, get_args, get_origin

from dslc.catalogue import nearest
from dslc.errors.imports import NotInModule
from dslc.errors.names import UnknownLayer, UnknownName
from dslc.errors.settings import UnknownSetting
from dslc.ops.base import OPS
from dslc.parse import tree
from dslc.source import Span

SURE = 0.8
"""So alike are two spellings of one word: `dens` and `dense` are at 0.89, `enc1` and `enc2` at 0.75."""
CONSTANTS = {"True": "true", "False": "false", "None": "none", "null": "none", "nil": "none", "nullptr": "none"}
SETTINGS: Mapping[str, str] = {
    "use_bias": "bias", "kernel_size": "kernel", "strides": "stride", "num_heads": "heads", "n_heads": "heads",
    "nhead": "heads", "learning_rate": "lr", "weight_decay": "decay", "p": "rate", "drop_rate": "rate",
    "out_features": "units", "output_dim": "units", "hidden_size": "units", "embedding_dim": "units", "features": "units",
    "out_channels": "filters", "num_embeddings": "vocab", "input_dim": "vocab", "epsilon": "eps",
    "negative_slope": "slope", "beta_1": "beta1", "beta_2": "beta2", "dim": "axis", "keepdims": "keep", "keepdim": "keep",
    "kernel_initializer": "init", "bias_initializer": "bias_init", "pool_size": "size", "num_groups": "groups",
    "dilation_rate": "dilation", "label_smoothing": "smoothing", "ignore_index": "ignore", "reduction": "reduce",
    "is_causal": "causal", "use_causal_mask": "causal", "scale_factor": "factor", "batch_size": "batch",
    "epoch": "epochs", "num_epochs": "epochs", "max_epochs": "epochs", "max_steps": "steps", "num_steps": "steps",
    "optim": "optimizer", "criterion": "loss", "dataset": "data", "grad_clip": "clip", "gradient_clip": "clip",
}  # fmt: skip
"""Settings by their names in other frameworks."""


def sure(name: str, near: str | None) -> bool:
    """Whether two names are two spellings of one word."""
    if near is None or _digits(name) != _digits(near):
        return False
    return _plain(name) == _plain(near) or SequenceMatcher(None, name.lower(), near).ratio() >= SURE


def _digits(name: str) -> str:
    return "".join(char for char in name if char.isdigit())


def _plain(name: str) -> str:
    return name.lower().replace("_", "")


def layer(callee: tree.Name, items: Sequence[tree.Item], blocks: tuple[str, ...]) -> UnknownLayer:
    """A name that stands where a layer must, and that nothing has."""
    near = OPS.nearest(callee.text, blocks)
    return UnknownLayer(callee.span, callee.text, near, sure=_fits(callee.text, near, items))


def _fits(name: str, near: str | None, items: Sequence[tree.Item]) -> bool:
    """Whether a call means the same under another name: other frameworks order their settings in their own ways."""
    if near is None or near not in OPS:
        return sure(name, near)
    member = OPS[near]
    alias = _plain(name) in {_plain(other) for other in member.aliases}
    if not alias and not sure(name, near):
        return False
    if name == name.lower() and not alias:
        return True
    required = [
        field.name for field in member.settings() if field.default is MISSING and field.default_factory is MISSING
    ]
    return sum(item.name is None for item in items) <= len(required)


def block(span: Span, module: str, name: str, blocks: tuple[str, ...]) -> NotInModule:
    """A block that an imported file does not have."""
    near = nearest(name, blocks)
    return NotInModule(span, module, name, near, blocks, sure(name, near))


def value(item: tree.Name, known: tuple[str, ...], others: tuple[str, ...] = ()) -> UnknownName:
    """A name that stands where a value must, and that nothing has; names of the catalogues are `others`."""
    constant = CONSTANTS.get(item.text)
    near = constant or nearest(item.text, known) or nearest(item.text, others)
    return UnknownName(item.span, item.text, near, sure=constant is not None or sure(item.text, near))


def choices(annotation: Any) -> tuple[str, ...]:
    """The strings that an annotation takes one of."""
    options = get_args(annotation)
    if get_origin(annotation) is Literal:
        return tuple(option for option in options if isinstance(option, str))
    return tuple(choice for option in options for choice in choices(option))


def setting(span: Span, owner: str, name: str, known: tuple[str, ...]) -> UnknownSetting:
    """A setting that the owner does not have."""
    near, certain = setting_name(name, known)
    return UnknownSetting(span, owner, name, near, known, certain)


def setting_name(name: str, known: tuple[str, ...]) -> tuple[str | None, bool]:
    """The setting that was meant, by its name in another framework or by spelling."""
    elsewhere = SETTINGS.get(name.lower())
    if elsewhere in known:
        return elsewhere, True
    near = nearest(name, known)
    return near, sure(name, near)
