"""Functions of every element."""

from oracles.base import SHAPES, oracle, torch

# Above zero where a root or a logarithm is taken.
ABOVE = tuple(f"+{shape}" for shape in SHAPES)

ORACLES = [
    oracle("abs", "PyTorch `abs`", lambda x: x.abs(), *SHAPES),
    oracle("clamp(-0.7, 0.4)", "PyTorch `clamp`", lambda x: x.clamp(-0.7, 0.4), *SHAPES),
    oracle("cos", "PyTorch `cos`", lambda x: torch.cos(x), *SHAPES),
    oracle("exp", "PyTorch `exp`", lambda x: torch.exp(x), *SHAPES),
    oracle("log", "PyTorch `log`", lambda x: torch.log(x), *ABOVE),
    oracle("sin", "PyTorch `sin`", lambda x: torch.sin(x), *SHAPES),
    oracle("sqrt", "PyTorch `sqrt`", lambda x: torch.sqrt(x), *ABOVE),
    oracle("square", "PyTorch `square`", lambda x: torch.square(x), *SHAPES),
    oracle("arctan", "PyTorch `arctan`", lambda x: torch.arctan(x), *SHAPES),
    oracle("ceil", "PyTorch `ceil`", lambda x: torch.ceil(x), *SHAPES),
    oracle("cosh", "PyTorch `cosh`", lambda x: torch.cosh(x), *SHAPES),
    oracle("erf", "PyTorch `erf`", lambda x: torch.erf(x), *SHAPES),
    oracle("expm1", "PyTorch `expm1`", lambda x: torch.expm1(x), *SHAPES),
    oracle("floor", "PyTorch `floor`", lambda x: torch.floor(x), *SHAPES),
    oracle("log1p", "PyTorch `log1p`", lambda x: torch.log1p(x), *ABOVE),
    oracle("reciprocal", "PyTorch `reciprocal`", lambda x: torch.reciprocal(x), *ABOVE),
    oracle("round", "PyTorch `round`", lambda x: torch.round(x), *SHAPES),
    oracle("rsqrt", "PyTorch `rsqrt`", lambda x: torch.rsqrt(x), *ABOVE),
    oracle("sinh", "PyTorch `sinh`", lambda x: torch.sinh(x), *SHAPES),
    oracle("tan", "PyTorch `tan`", lambda x: torch.tan(x), *SHAPES),
]
