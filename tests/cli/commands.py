"""What the tests of the commands share: a small file, and what a command has said."""

from collections.abc import Callable
from dataclasses import dataclass

MLP = """\
net 1
model mlp(hidden = 8, rate = 0.1) {
  input  features: [batch, 4]
  output logits = features -> dense(hidden) -> relu -> dropout(rate) -> dense(3)
}
variant wide of mlp(hidden = 32)
train mlp {
  data    = iris() -> split(0.8, 0.2) -> standardize
  loss    = (logits, label) -> cross_entropy
  metrics = [accuracy, confusion]
  epochs  = 2
}
"""


@dataclass(frozen=True)
class Said:
    status: int
    out: str
    err: str


Dslc = Callable[..., Said]
