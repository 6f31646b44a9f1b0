"""`dslc sample` of models of text that cannot go step by step: one is refused, the other says why it is slow."""

from pathlib import Path

import pytest
from cli.commands import Dslc

TEXT = """\
net 1
model next(vocab = 4, d = 8) {
  input  tokens: i32[batch, seq]
  output logits = tokens -> embedding(vocab, d)
    -> MIX as mix
    -> dense(vocab)
}
train next {
  data  = text("abc.txt", context = 8)
  loss  = (logits, target) -> cross_entropy
  steps = 1
}
"""
AHEAD = """\
error[E0532]: `next` cannot continue a text: at each position it reads what stands behind it
 --> run/model.net:5:8
  |
5 |     -> attention(2) as mix
  |        ^^^^^^^^^^^^
  |        `mix` (attention) lets a position see those behind it, as it is not
  |        `causal`
  = help: make the model causal, as with `attention(8, causal = true)`, and
          train it anew; or ask it about whole texts with the Python API

1 error
"""
WHOLE = """\
note[E0533]: the whole context is computed again for each character
 --> run/model.net:5:8
  |
5 |     -> cumsum(axis = 1) as mix
  |        ^^^^^^^^^^^^^^^^
  |        `mix` (cumsum) has no way to be computed step by step

1 note
"""


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs are not kept in the folder of whoever runs the tests."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def sampled(dslc: Dslc, tmp_path: Path, mix: str) -> tuple[int, str, str]:
    (tmp_path / "abc.txt").write_text("abc\n" * 50)
    (tmp_path / "next.net").write_text(TEXT.replace("MIX", mix))
    assert dslc("train", "next.net", "-o", "run").status == 0
    said = dslc("sample", "run", "--prompt", "ab", "--tokens", "5")
    return said.status, said.out, said.err


def test_a_model_that_reads_ahead_is_refused(dslc: Dslc, tmp_path: Path) -> None:
    status, out, err = sampled(dslc, tmp_path, "attention(2)")
    assert (status, out) == (1, "")
    assert err == AHEAD


def test_a_layer_without_a_step_is_named(dslc: Dslc, tmp_path: Path) -> None:
    status, out, err = sampled(dslc, tmp_path, "cumsum(axis = 1)")
    assert (status, len(out), out[:2]) == (0, 8, "ab")
    assert err == WHOLE
