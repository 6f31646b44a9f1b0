"""E047: the floats that a run computes in."""

from dslc.catalogue import nearest
from dslc.errors.base import Fix, Problem, problem
from dslc.types import PRECISIONS

_MODEL = "net 1\nmodel m { input features: [batch, 4]  output logits = features -> dense(3) }\n"
_TRAIN = _MODEL + "train m { data = iris()  loss = (logits, label) -> cross_entropy  precision = "
ELSEWHERE = {
    "float32": "f32", "full": "f32", "32": "f32", "fp32": "f32", "single": "f32", "highest": "f32",
    "bfloat16": "bf16", "mixed_bfloat16": "bf16", "bf16-mixed": "bf16", "bf16_mixed": "bf16",
    "float16": "f16", "mixed_float16": "f16", "16-mixed": "f16", "fp16": "f16", "half": "f16", "16": "f16",
}  # fmt: skip
"""What other frameworks call them."""


@problem
class UnknownPrecision(Problem):
    """A run computes in float32, or in 16-bit floats with its weights, sums and losses in float32."""

    code = "E0470"
    example = _TRAIN + '"mixed_bfloat16" }\n'
    mended = _TRAIN + '"bf16" }\n'

    given: str

    def headline(self) -> str:
        return f"there is no precision `{self.given}`"

    def help(self) -> str | None:
        known = ", ".join(f'`"{name}"`' for name in PRECISIONS)
        near = self._nearest()
        return f'did you mean `"{near}"`? there are {known}' if near else f"there are {known}"

    def fix(self) -> Fix | None:
        near = self._nearest()
        return self.rewritten(f'"{near}"' if near else None, near is not None)

    def _nearest(self) -> str | None:
        return ELSEWHERE.get(self.given.lower()) or nearest(self.given, PRECISIONS)
