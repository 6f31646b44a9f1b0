"""A text that a model writes for another one that it reads."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from dslc.data.base import DataRefused
from dslc.data.words import numbered, words
from dslc.errors.base import Problem
from dslc.errors.data import from_failure
from dslc.errors.sampling import TwoTexts
from dslc.lazy import jnp
from dslc.ops.shape.shift import Shift
from dslc.source import NOWHERE
from dslc.train.generator import base_key
from dslc.trained.run import Run, failed
from dslc.trained.sample import Settings, continued, stepwise
from dslc.trained.writing import Text

END = 0
"""Begins a text, fills up, and so ends one."""


@dataclass(frozen=True)
class Pair:
    """Names of the input that is read and of the one that is written, and the words of both by their numbers."""

    read: str
    written: str
    read_words: tuple[str, ...]
    written_words: tuple[str, ...]


def translates(run: Run) -> bool:
    """Whether the model takes more than one text: inputs of numbers along positions."""
    return len(_texts(run)) > 1 and len(_texts(run)) == len(run.graph.sources("input"))


def translate(run: Run, prompt: str, count: int, settings: Settings, tell: Callable[[Problem], None]) -> Iterator[str]:
    """The words that the model writes for a text, one after the other; at most `count`, and as many as its data has.

    The text is read once; each word is computed from what is kept of those before it. See `dslc.trained.sample.sample`.

    Raises:
        Failed: when the words are not known, or the prompt has none.
    """
    pair = _pair(run)
    context = int(getattr(run.declared.data.source, "context", 0))
    read = numbered([words(prompt)], pair.read_words, context)
    if not read.any():
        refusal = DataRefused("the prompt has no words", 'give the text to read: `--prompt "..."`')
        raise failed(from_failure(NOWHERE, refusal))
    (output,) = run.graph.outputs
    text = Text(
        run, pair.written, output, context, settings.draw, base_key(settings.seed), {pair.read: jnp.asarray(read)}
    )
    for number in continued(text, [END], min(count, context), stepwise(run, text, tell)):
        if number == END:
            return
        yield pair.written_words[number] if number < len(pair.written_words) else pair.written_words[1]


def _texts(run: Run) -> tuple[str, ...]:
    return tuple(node.name for node in run.graph.sources("input") if node.type.is_integer and node.type.rank == 2)


def _pair(run: Run) -> Pair:
    """Which text is read and which is written: the decoder reads the words that it has to write, one late."""
    names, texts = run.config.get("names", {}), _texts(run)
    graph = run.declared.graph
    late = {
        node.inputs[0].node
        for node in graph
        if isinstance(node.op, Shift) and (node.op.by, node.op.axis) == (1, 1) and node.inputs[0] is not None
    }
    wanted, read = [name for name in names if name in late], [name for name in texts if name in names]
    if len(texts) != 2 or len(read) != 1 or len(wanted) != 1 or len(run.graph.outputs) != 1:
        raise failed(TwoTexts(run.declared.span, run.declared.model or run.name, texts))
    (written,) = (name for name in texts if name != read[0])
    return Pair(read[0], written, tuple(names[read[0]]), tuple(names[wanted[0]]))
