"""What is written in an op's file."""

import re

from dslc.contracts.base import check
from dslc.contracts.cases import Case
from dslc.initializers.base import INITIALIZERS
from dslc.ops.base import Op, Sample


@check("op")
def docstring_is_one_sentence_and_the_shapes(kind: type[Op]) -> None:
    sentence = kind.summary()
    assert re.fullmatch(r"[A-Z`].*[a-z0-9`)]\.", sentence), sentence
    assert not re.search(r"[a-z`)]\. [A-Z]", sentence), "more than one sentence"
    assert re.search(r"^\s*Shapes: [^\n]*`(\n(?!\n)|[^\n])*\.$", kind.__doc__ or "", re.MULTILINE)
    for reference in re.findall(r"Reference: (.*)", kind.__doc__ or ""):
        assert re.search(r"\b(1[6-9]|20)\d\d\b", reference), reference


@check("op")
def facets_name_what_exists(kind: type[Op]) -> None:
    assert kind.starts is None or kind.starts in INITIALIZERS
    cases = [Case.of(sample) for sample in kind.samples if isinstance(sample, Sample)]
    roles = {role for case in cases for role in (*case.weights, *case.state)}
    known = {parameter.name for parameter in kind.inputs()} | roles | {"out"}
    assert set(kind.keeps or ()) <= known
    assert not set(kind.saves) & known
    assert kind.keeps is not None or not kind.saves


@check("op")
def samples_show_a_literal_value_a_refusal_and_the_weights(kind: type[Op]) -> None:
    good = [sample for sample in kind.samples if isinstance(sample, Sample)]
    assert any(sample.gives is not None and sample.source for sample in good)
    assert all(sample.source for sample in good if sample.gives is not None)
    # An op that takes any type of any shape has nothing to refuse.
    assert len(good) < len(kind.samples) or not kind.settings()
    assert any(sample.parameters for sample in good) or not any(Case.of(sample).weights for sample in good)
