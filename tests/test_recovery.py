"""Recovery: one run says all that is wrong with a file, syntax errors among it, each at its line and nothing besides."""

import random

import pytest

from dslc import compiler
from dslc.source import Source

TEN_OF_SYNTAX_AND_SENSE = """net 1
model m(title = 'wide', depth = 3) {             # E0101 2
  input  x: [batch, 8]
  a = x -> dens(4)                               # E0201 4
  b = x -> dense(4.0) -> relu                    # E0204 5
  c = x -> relu + x                              # E0102 6
  d = x -> dense(3, biass = true)                # E0203 7
  e = (x -> dense(3)) + x                        # E0301 8
  f = nothing -> relu                            # E0202 9
  g = x -> residual { dense(3) }                 # E0305 10
  h = x -> if 3 { relu }                         # E0232 11
  a = x                                          # E0207 12
  output y = x -> dense(depth)
}
"""

TEN_OF_SYNTAX = """net 1
model m(width = 8) {
  input  x: [batch, 8]
  input  z [batch, 8]                            # E0102 4
  a = x -> -> relu                               # E0102 5
  b = x -> dense(units: 4)                       # E0102 6
  c = x => relu                                  # E0102 7
  d = x -> dense(4 bias = false)                 # E0102 8
  e = x -> $ relu                                # E0101 9
  f = x | relu                                   # E0101 10
  g = x -> relu;                                 # E0102 11
  h = (z, x) -> concat -> dense(3 3)             # E0102 12
  let i = x                                      # E0102 13
  j = x -> if 1 > 2 { relu } elif 2 > 1 { tanh } # E0102 14
  output y = x -> dense(width)
}
"""

TEN_OF_TRAINING = """net 1
block b(n): [batch, d] -> [batch, d] = dense(n) -> dense(d + 1)  # E0302 2
model m {
  input features: [batch, 4]
  output logits = features -> dense(5)
}
model k { input x: [batch, 3]  output y = x -> b(7) }
variant big of n(d = 2)                          # E0216 8
model k { input x: [batch, 3]  output y = x }    # E0207 9
train m {
  data = iris();                                 # E0102 11
  loss = (logits, label) -> cross_entropy        # E0405 12
  epoch = 3                                      # E0401 13
  batch = 0                                      # E0410 14
  metrics = [acuracy]                            # E0407 15
  epochs = 2
  steps = 5                                      # E0408 17
  optimizer = adm(1e-3)                          # E0202 18
}
"""

LOST_PARTS = """net 1
model broken( {                                  # E0102 2
  input x: [batch, 4]
}
block half(n) = dense(n) ->                      # E0102 5
model m {
  input features: [batch, 4]
  output logits = features -> half(3) -> dens(3) # E0201 8
}
train broken {
  data = iris()
  loss = (logits, label) -> cross_entropy
}
"""

STEPS = """net 1
model m { input features: [batch, 4]  output logits = features -> dense(3) }
train both {
  data = iris()
  step one {
    update = [m]
    loss = (features -> m, label) -> -> cross_entropy  # E0102 7
    epoch = 3                                          # E0401 8
  }
  step two {
    update = [m
    loss = (features -> m, label) -> cross_entropy     # E0102 12
  }
  batch = 0                                            # E0410 14
}
"""

FILES = (TEN_OF_SYNTAX_AND_SENSE, TEN_OF_SYNTAX, TEN_OF_TRAINING, LOST_PARTS, STEPS)


def marked(text: str) -> list[tuple[str, int]]:
    """The code and line that the comments of a file foretell."""
    return [
        (code, int(line))
        for row in text.splitlines()
        if " # E" in row
        for code, line in [row.rpartition(" # ")[2].split()]
    ]


def found(text: str) -> list[tuple[str, int]]:
    source = Source("m.net", text)
    return sorted(
        ((problem.code, source.position(problem.span.start)[0]) for problem in compiler.check(source).errors),
        key=lambda one: one[1],
    )


@pytest.mark.parametrize("text", FILES)
def test_every_fault_is_found_at_its_line_and_nothing_else(text: str):
    assert found(text) == marked(text)


def test_ten_faults_of_ten_kinds_are_ten():
    assert len({code for code, _ in marked(TEN_OF_SYNTAX_AND_SENSE)}) == 10
    assert len(marked(TEN_OF_SYNTAX)) == 11


@pytest.mark.parametrize("seed", range(40))
def test_a_file_with_a_stretch_cut_out_is_read_or_refused(seed: int):
    draw = random.Random(seed)  # noqa: S311
    text = FILES[seed % len(FILES)]
    start = draw.randrange(len(text))
    compiler.check(Source("m.net", text[:start] + text[start + draw.randrange(1, 30) :]))
