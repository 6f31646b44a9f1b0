"""Where the time of a program goes: lines of the source from the names of XLA's instructions."""

from collections import Counter
from pathlib import Path

import pytest

from dslc.compilation import Compilation
from dslc.compiler import Options, read
from dslc.profile import OTHER, Line, profiled
from dslc.profile.hlo import Instructions, line_of
from dslc.source import Source

# Written by hand after what XLA prints.
HLO = """HloModule jit_run, is_scheduled=true

%fused_computation (p.1: f32[4,2], p.2: f32[2,8]) -> f32[4,8] {
  %p.1 = f32[4,2]{1,0} parameter(0)
  %p.2 = f32[2,8]{1,0} parameter(1)
  %dot.1 = f32[4,8]{1,0} dot(%p.1, %p.2), metadata={op_name="jit(run)/dense[m.net:3]/dot_general"}
  ROOT %add.1 = f32[4,8]{1,0} add(%dot.1, %dot.1), metadata={op_name="jit(run)/relu[m.net:4]/max"}
}

ENTRY %main (a: f32[4,2], b: f32[2,8]) -> f32[4,8] {
  %a = f32[4,2]{1,0} parameter(0)
  %fusion.1 = f32[4,8]{1,0} fusion(%a, %b), kind=kLoop, calls=%fused_computation, metadata={op_name="jit(run)/relu[m.net:4]/max"}
  %copy.1 = f32[4,8]{0,1} copy(%fusion.2)
  %fusion.2 = (f32[4,8]{1,0}, /*index=1*/f32[2]{0}) custom-call(%a), metadata={op_name="jit(run)/blocks.gradient[m.net:7]/b.exp[n.net:9]/exp"}
  %while.1 = (f32[4,8]{1,0}) while(%copy.1), condition=%c, body=%d, metadata={op_name="jit(run)/while"}
  ROOT %add.2 = f32[4,8]{1,0} add(%a, %a), metadata={op_name="jit(run)/optimizer/add"}
}
"""


def test_instructions_are_shared_out_among_the_lines_that_they_work_for() -> None:
    found = Instructions.read(HLO)
    # 32 elements of a product, each worth a hundred, and 32 others.
    assert found.shares("fusion.1") == {Line("m.net", 3): 100 / 101, Line("m.net", 4): 1 / 101}
    assert found.shares("fusion.2") == {Line("n.net", 9, backward=True): 1.0}
    # A copy without a name works for the line of what it copies.
    assert found.shares("copy.1") == {Line("n.net", 9, backward=True): 1.0}
    assert found.shares("while.1") == {}
    assert found.shares("add.2") == {Line("", 0, name="the optimizer"): 1.0}
    assert found.shares("unheard.of") == {OTHER: 1.0}


def test_the_innermost_line_counts() -> None:
    assert line_of("jit(f)/blocks[m.net:2]/transpose(jvp(dense[m.net:3]))/dot") == Line("m.net", 3)
    assert line_of("jit(f)/while/add") is None


def test_a_training_step_is_measured_line_by_line() -> None:
    file = Path(__file__).parents[1] / "examples/digits.net"
    compilation = Compilation(read(str(file)), Options(settings={"hidden": "[1024, 1024]"}))
    found = profiled(compilation)
    assert not found.blank
    assert found.steps >= 3
    assert sum(one.seconds for one in found.spent) == pytest.approx(found.seconds)
    text = file.read_text().splitlines()
    share: Counter[str] = Counter()
    for one in found.spent:
        share[text[one.line.number - 1].split()[0] if one.line.file else one.line.name] += one.seconds / found.seconds
    # Two wide layers and their gradients are 5 of 6 of the operations of a step, the optimizer's changes most of the rest.
    assert share["->"] + share["optimizer"] > 0.6
    wide = next(number for number, line in enumerate(text, 1) if "repeat width" in line)
    assert {
        backward
        for backward in (False, True)
        if Line("digits.net", wide, backward) in {one.line for one in found.spent}
    } == {
        False,
        True,
    }


def test_a_model_that_is_not_trained_is_measured_on_zeros() -> None:
    text = "net 1\nmodel m {\n  input x: [batch, 256]\n  output y = x -> dense(512)\n    -> softmax\n}\n"
    found = profiled(Compilation(Source("m.net", text), Options(dims={"batch": 64})))
    assert found.blank
    assert {one.line.number for one in found.spent if one.line.file == "m.net"} == {4, 5}
