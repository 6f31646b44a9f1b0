"""`dslc sample` of models of text that cannot go step by step: one is refused, the other says why it is slow."""

from pathlib import Path

import numpy as np
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


TRANSLATOR = """\
net 1
model translator(d = 16) {
  input  source: i32[batch, s]
  input  target: i32[batch, t]
  seen   = source != 0
  memory = source -> embedding(9, d)
  output logits = (target -> embedding(9, d), memory, mask = seen) -> attention(2) -> gru(d) -> dense(9)
}
train translator {
  data      = text_pairs("pairs.tsv", names = ["source", "wanted"], context = 4)
  target    = wanted -> shift(1, axis = 1)
  loss      = (logits, wanted) -> cross_entropy
  optimizer = adam(lr = 0.03)
  batch     = 4
  steps     = 120
}
"""


def test_a_text_is_written_for_another(dslc: Dslc, tmp_path: Path) -> None:
    (tmp_path / "pairs.tsv").write_text("red dog\trot hund\nblue cat\tblau katze\n" * 4)
    (tmp_path / "translate.net").write_text(TRANSLATOR)
    assert dslc("train", "translate.net", "-o", "run").status == 0
    for prompt, wanted in (("red dog", "rot hund\n"), ("blue cat", "blau katze\n")):
        said = dslc("sample", "run", "--prompt", prompt, "--temperature", "0")
        assert (said.status, said.err) == (0, ""), said.err
        assert said.out == wanted
    said = dslc("sample", "run", "--prompt", " ")
    assert (said.status, said.out) == (1, "")
    assert "error[E0505]: the prompt has no words" in said.err


def test_the_words_of_both_texts_must_be_known(dslc: Dslc, tmp_path: Path) -> None:
    np.savez(tmp_path / "pairs.npz", source=np.ones((8, 4), np.int32), wanted=np.ones((8, 4), np.int32))
    data = 'npz("pairs.npz", fields = ["source", "wanted"])'
    text = TRANSLATOR.replace('text_pairs("pairs.tsv", names = ["source", "wanted"], context = 4)', data)
    (tmp_path / "translate.net").write_text(text.replace("= 120", "= 1"))
    assert dslc("train", "translate.net", "-o", "run").status == 0
    said = dslc("sample", "run", "--prompt", "red dog")
    assert (said.status, said.out) == (1, "")
    assert "error[E0534]: `translator` reads `source`, `target`, and which words these are is not known" in said.err
