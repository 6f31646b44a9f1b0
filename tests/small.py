"""The examples that train to their expected results in seconds or minutes: these go through all that dslc does with a file.

The others of `examples/` are checked, counted, and trained for their first steps.
"""

from pathlib import Path

EXAMPLES = Path(__file__).parents[1] / "examples"
NAMES = (
    "digits",
    "sequence/digits_gru",
    "learning/finetune",
    "generative/gan_moons",
    "language/gpt_char",
    "vision/lenet5",
    "basics/linear_regression",
    "basics/logistic_regression",
    "basics/mnist_mlp",
    "generative/rbm_digits",
    "vision/residual",
    "sequence/sine_lstm",
    "generative/vae_digits",
    "vision/vision_transformer",
)
"""As `tests/test_examples.py` names them when it trains them."""
FILES = tuple(EXAMPLES / f"{name}.net" for name in NAMES)
