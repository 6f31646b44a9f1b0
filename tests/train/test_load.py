"""First weights from files: `weights` sections against PyTorch, and `start`."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from nets import graph_of, plan_of, told
from runs import LINEAR, block, weights_of
from safetensors.numpy import save_file

from dslc import compiler
from dslc.api import FileHasErrors, load
from dslc.bind import bind, dims_of
from dslc.data.folders import Folders
from dslc.errors.base import Failed, Problem
from dslc.graph import Node
from dslc.lower import lower
from dslc.ops.core.state import State
from dslc.source import Source
from dslc.train.load import beginning
from dslc.train.session import train
from dslc.train.weights import stack

MODEL = """model m {
  input  features: [batch, 4]
  output logits = features -> dense(6) as stem -> tanh -> repeat 2 { residual { layer_norm -> dense(6) -> tanh } } as blocks
    -> dense(3) as head
}
"""
TRAIN = """train m { data = iris() -> split(0.8, 0.2)  loss = (logits, label) -> cross_entropy  optimizer = sgd(lr = 0.0)  steps = 1  batch = 16 }
"""
STILL = "optimizer = sgd(lr = 0.0)  steps = 1  "
"""A step that changes nothing."""
SECTION = """weights "net.safetensors" {
  "stem.*kernel"               = "stem.*weight" -> transpose
  "stem.bias"                  = "stem.bias"
  "blocks.*.layer_norm.scale"  = "layers.*.0.weight"
  "blocks.*.layer_norm.bias"   = "layers.*.0.bias"
  "blocks.*.dense.kernel"      = "layers.*.1.weight".T
  "blocks.*.dense.bias"        = "layers.*.1.bias"
  "head.kernel"                = ("left", "right") -> concat(axis = 0) -> transpose
  "head.bias"                  = 2 * "half"[0, :3]
  unused = ["layers.*.steps"]
}
"""


def check(folder: Path, text: str, data: tuple[Path, ...] = ()) -> list[Problem]:
    """What a check of the text as a file of the folder finds."""
    source = Source(str(folder / "model.net"), f"net 1\n{text}")
    return list(compiler.check(source, compiler.Options(data=data)))


def run(folder: Path, text: str, out: str = "run", **options: Any) -> dict[str, np.ndarray]:
    """The weights of a run of the text as a file of the folder."""
    source = Source(str(folder / "model.net"), f"net 1\n{text}")
    plan = compiler.plan(source, compiler.Options())
    train(plan, source, Folders(folder), folder / out, share=1e9, **options)
    return weights_of(folder / out)


@pytest.fixture
def peer(tmp_path: Path) -> Any:
    """The same model in PyTorch, its weights in a file of PyTorch's own writing."""
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file as save

    torch.manual_seed(3)
    layers = [(torch.nn.LayerNorm(6), torch.nn.Linear(6, 6)) for _ in range(2)]
    stem, head = torch.nn.Linear(4, 6), torch.nn.Linear(6, 3)
    stored = {f"stem.{name}": value for name, value in stem.state_dict().items()}
    for number, pair in enumerate(layers):
        with torch.no_grad():
            pair[0].weight.uniform_(0.5, 2)
        stored |= {
            f"layers.{number}.{i}.{name}": value
            for i, one in enumerate(pair)
            for name, value in one.state_dict().items()
        }
        stored[f"layers.{number}.steps"] = torch.tensor(7)
    weight, half = head.weight.detach(), torch.zeros(2, 5)
    half[0, :3] = head.bias.detach() / 2
    stored |= {"left": weight[:1].contiguous(), "right": weight[1:].contiguous(), "half": half}
    save({name: value.contiguous() for name, value in stored.items()}, tmp_path / "net.safetensors")

    def outputs(x: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            y = stem(torch.tensor(x)).tanh()
            for norm, dense in layers:
                y = y + dense(norm(y)).tanh()
            return head(y).numpy()

    return outputs


def test_a_model_with_the_weights_of_pytorch_gives_its_outputs(tmp_path: Path, peer: Any) -> None:
    assert check(tmp_path, MODEL + TRAIN + SECTION) == []
    graph = graph_of(MODEL)
    weights, unfit = stack(graph, run(tmp_path, MODEL + TRAIN + SECTION))
    assert not unfit
    x = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    outputs, _ = lower(bind(graph, dims_of(graph, {"features": x.shape})))(weights, {}, {"features": x})
    # float32, sums of at most six numbers.
    np.testing.assert_allclose(outputs["logits"], peer(x), rtol=1e-5, atol=1e-6)


def test_the_python_interface_gives_the_same_weights(tmp_path: Path, peer: Any) -> None:
    (tmp_path / "model.net").write_text(f"net 1\n{MODEL}{SECTION}")
    model = load(str(tmp_path / "model.net"), None, None, {}, {}, ())
    x = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    # float32, sums of at most six numbers.
    np.testing.assert_allclose(model.apply(model.pretrained(), x)["logits"], peer(x), rtol=1e-5, atol=1e-6)
    (tmp_path / "net.safetensors").unlink()
    with pytest.raises(FileHasErrors, match="is not there"):
        model.pretrained()
    (tmp_path / "bare.net").write_text(f"net 1\n{MODEL}")
    with pytest.raises(ValueError, match="no `weights` section"):
        load(str(tmp_path / "bare.net"), None, None, {}, {}, ()).pretrained()


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_weights_of_other_widths_come_in_float32(tmp_path: Path, dtype: str) -> None:
    torch = pytest.importorskip("torch")
    from safetensors.torch import save_file as save

    kernel = torch.randn(3, 4, generator=torch.Generator().manual_seed(0)).to(getattr(torch, dtype))
    save({"w": kernel}, tmp_path / "a.safetensors")
    text = LINEAR + block(STILL) + 'weights "a.safetensors" { "dense.kernel" = "w" -> transpose  fresh = ["*.bias"] }'
    found = run(tmp_path, text)
    assert found["dense.kernel"].dtype == np.float32
    np.testing.assert_array_equal(found["dense.kernel"], kernel.float().numpy().T)
    assert not found["dense.bias"].any()


def test_weights_come_from_npz_files(tmp_path: Path) -> None:
    kernel = np.arange(12.0).reshape(4, 3)
    np.savez(tmp_path / "a.npz", kernel=kernel, bias=np.ones((1, 3), np.float32))
    section = 'weights "a.npz" { "dense.kernel" = "kernel"  "dense.bias" = "bias" -> reshape([3]) }'
    found = run(tmp_path, LINEAR + block(STILL) + section)
    np.testing.assert_array_equal(found["dense.kernel"], kernel)
    np.testing.assert_array_equal(found["dense.bias"], np.ones(3))


def test_fresh_weights_are_drawn_as_without_a_section(tmp_path: Path) -> None:
    drawn = run(tmp_path, MODEL + TRAIN, "drawn")
    save_file({"a": np.full((6, 6), 2.0, np.float32)}, tmp_path / "a.safetensors")
    section = 'weights "a.safetensors" { "blocks.1.*kernel" = "a"  fresh = ["stem.*", "head.*", "blocks.0.*", "*.bias", "*.scale"] }'
    found = run(tmp_path, MODEL + TRAIN + section)
    for name, array in drawn.items():
        expected = np.full((6, 6), 2.0) if name == "blocks.1.dense.kernel" else array
        np.testing.assert_array_equal(found[name], expected, err_msg=name)


def test_the_python_interface_draws_what_no_file_has_as_without_a_section(tmp_path: Path) -> None:
    save_file({"a": np.full((6, 6), 2.0, np.float32)}, tmp_path / "a.safetensors")
    section = 'weights "a.safetensors" { "blocks.*.*kernel" = "a"  fresh = ["stem.*", "head.*", "*.bias", "*.scale"] }'
    (tmp_path / "model.net").write_text(f"net 1\n{MODEL}{section}")
    model = load(str(tmp_path / "model.net"), None, None, {}, {}, ())
    drawn, found = model.init(3)["weights"], model.pretrained(3)["weights"]
    assert found.keys() == drawn.keys()
    for name, array in drawn.items():
        expected = np.full((2, 6, 6), 2.0) if name == "blocks.*.dense.kernel" else array
        np.testing.assert_array_equal(found[name], expected, err_msg=name)


def test_a_run_begins_from_another_and_goes_on_without_it(tmp_path: Path) -> None:
    longer = "optimizer = sgd(lr = 0.1)  batch = 16  "
    text = LINEAR + block(longer + "epochs = 2")
    first = run(tmp_path, text, "first")
    kept = run(tmp_path, LINEAR + block(STILL + 'start = "first"'), "kept")
    moved = run(tmp_path, LINEAR + block(longer + 'epochs = 1  start = "first/weights.safetensors"'), "moved")
    assert all(np.array_equal(first[name], kept[name]) for name in first)
    assert not np.array_equal(first["dense.kernel"], moved["dense.kernel"])
    for path in (tmp_path / "first").rglob("*.safetensors"):
        path.unlink()
    again = run(tmp_path, LINEAR + block(longer + 'epochs = 1  start = "first"'), "moved", resume=True)
    np.testing.assert_array_equal(again["dense.kernel"], moved["dense.kernel"])


def refused(folder: Path, text: str) -> str:
    """What training says of a file that it cannot begin with."""
    with pytest.raises(Failed) as caught:
        run(folder, text)
    return "\n".join(told(problem) for problem in caught.value.problems.errors)


def test_a_start_that_does_not_fit_names_the_weights(tmp_path: Path) -> None:
    run(tmp_path, LINEAR + block(STILL), "first")
    other = LINEAR.replace("dense(3)", "dense(5) -> relu -> dense(3)")
    text = other + block(STILL + 'start = "first"')
    assert "`dense_2.kernel`, `dense_2.bias` are not in it" in refused(tmp_path, text)
    assert [problem.code for problem in check(tmp_path, text)] == ["E0459"]
    wider = LINEAR.replace("dense(3)", "dense(3, bias = false)") + block(STILL + 'start = "first"')
    assert "`dense.bias` is not in the model" in refused(tmp_path, wider)
    shapes = LINEAR.replace("dense(3)", "dense(3) -> dense(3)") + block(STILL + 'start = "second"')
    run(
        tmp_path,
        LINEAR.replace("dense(3)", "dense(3) -> dense(3)").replace("dense(3) -> ", "dense(7) -> ") + block(STILL),
        "second",
    )
    assert "of other shapes" in refused(tmp_path, shapes)


def test_a_damaged_file_is_not_begun_with(tmp_path: Path) -> None:
    run(tmp_path, LINEAR + block(STILL), "first")
    file = tmp_path / "first" / "weights.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    assert "damaged" in refused(tmp_path, LINEAR + block(STILL + 'start = "first"'))


def test_a_missing_file_is_a_note_in_a_check_and_an_error_in_training(tmp_path: Path) -> None:
    for text in (LINEAR + block('start = "nowhere"'), LINEAR + block() + 'weights "a.safetensors" { "*" = "*" }'):
        assert [(problem.code, problem.severity) for problem in check(tmp_path, text)] == [("E0510", "note")]
        assert "E0510" in refused(tmp_path, text)


def test_a_check_reads_the_head_of_a_file_alone(tmp_path: Path) -> None:
    head = b'{"w":{"dtype":"F32","shape":[4,3],"data_offsets":[0,48]}}'
    with (tmp_path / "a.safetensors").open("wb") as file:
        file.write(len(head).to_bytes(8, "little") + head)
        file.truncate(8 + len(head) + 48)
    section = 'weights "a.safetensors" { "dense.kernel" = "w"  fresh = ["dense.bias"] }'
    assert check(tmp_path, LINEAR + section) == []


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"", "longer than the file"),
        (b"\xff" * 64, "longer than the file"),
        (b"\x02" + b"\0" * 7 + b"[]", "does not list tensors"),
        (b"\x08" + b"\0" * 7 + b'{"a": 1}', "does not list tensors"),
        (
            b"\x3a" + b"\0" * 7 + b'{"w":{"dtype":"F32","shape":[4,3],"data_offsets":[0,480]}} ',
            "does not lie in the file",
        ),
    ],
    ids=["empty", "noise", "list", "number", "short"],
)
def test_a_file_that_is_not_whole_is_said_to_be(tmp_path: Path, content: bytes, part: str) -> None:
    (tmp_path / "a.safetensors").write_bytes(content)
    problems = check(tmp_path, LINEAR + 'weights "a.safetensors" { "*" = "*" }')
    assert [problem.code for problem in problems] == ["E0503"]
    assert part in told(problems[0])


@pytest.mark.parametrize("path", ["../a.safetensors", "/a.safetensors", "link.safetensors"])
def test_weights_stay_below_the_folder_of_the_file(tmp_path: Path, path: str) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    save_file({"w": np.zeros((4, 3), np.float32)}, tmp_path / "a.safetensors")
    (inside / "link.safetensors").symlink_to(tmp_path / "a.safetensors")
    section = f'weights "{path}" {{ "dense.kernel" = "w"  fresh = ["dense.bias"] }}'
    assert [problem.code for problem in check(inside, LINEAR + section)] == ["E0504"]
    if path.startswith("link"):
        assert check(inside, LINEAR + section, data=(tmp_path,)) == []


@pytest.mark.parametrize(
    ("lines", "code", "part"),
    [
        ('"dense.kernel" = "w" -> transpose  unused = ["b"]', "E0453", "`dense.bias`"),
        ('"dense.kernel" = "w" -> transpose  "dense.bias" = "b"  unused = []', "E0454", "`h.0.c`"),
        ('"dense.kernel" = "v" -> transpose  "dense.bias" = "b"', "E0455", "no tensor `v`"),
        ('"dense.kernel" = "w" -> transpose  "dense.bias" = "b"  unused = ["h.*.d"]', "E0455", "`h.*.d`"),
        ('"dense.kernel" = "w"  "dense.bias" = "b"', "E0456", "`-> transpose`"),
        ('"dense.kernel" = "w" -> transpose  "dense.bias" = "b"[:, none]', "E0456", "reshape([3])"),
        ('"dense.kernel" = "w" -> transpose  "dense.bias" = "i"', "E0456", 'cast("f32")'),
        ('"dense.kernel" = "w" -> transpose  "dense.bais" = "b"', "E0450", '`"dense.bias"`'),
        ('"*.bias" = "b"  "dense.bias" = "b"', "E0457", "mapped already"),
        ('"dense.kernel" = "w" -> transpose  "dense.bias" = "b"  fresh = ["*.bias"]', "E0457", "fresh already"),
        ('"dense.*" = "*.*"', "E0458", "2 in `*.*`"),
        ('"dense.*" = "w" -> dense(3)', "E0458", "weights of its own"),
        ('"dense.kernel" = "w" -> transpose  "dense.bias" = 3', "E0458", "an int"),
        ('"dense.kernel" = "w" -> transpose  "dense.bias" = normal([3])', "E0458", "at random"),
        ('"dense.bias" = "b"  unsued = ["x"]', "E0458", "`unused`"),
        ('"dense.bias" = "b"  fresh = [3]', "E0458", "list of globs"),
        ('"dense.kernel" = "w" -> transpoze  "dense.bias" = "b"', "E0201", "`transpose`"),
        ('"dense.kernel" = "w" -> reshape([5])  "dense.bias" = "b"', "E0301", "12"),
    ],
)  # fmt: skip
def test_a_section_is_complete_and_fits_or_says_what_is_wrong(tmp_path: Path, lines: str, code: str, part: str) -> None:
    tensors = {"w": np.zeros((3, 4)), "b": np.zeros(3), "h.0.c": np.zeros(2), "i": np.zeros(3, np.int32)}
    save_file(
        {name: array.astype("f4" if name != "i" else "i4") for name, array in tensors.items()},
        tmp_path / "a.safetensors",
    )
    lists = "" if code == "E0454" else 'unused = ["h.*", "i"]'
    problems = check(tmp_path, LINEAR + f'weights "a.safetensors" {{ {lines}  {lists} }}')
    assert problems and problems[0].code == code, [told(problem) for problem in problems]
    assert part in told(problems[0])
    assert len({problem.code for problem in problems}) == 1, [told(problem) for problem in problems]


def test_two_sections_fill_one_model_and_models_have_sections_of_their_own(tmp_path: Path) -> None:
    save_file({"w": np.zeros((4, 3), np.float32)}, tmp_path / "a.safetensors")
    save_file({"b": np.zeros(3, np.float32)}, tmp_path / "b.safetensors")
    first, second = 'weights "a.safetensors" { "dense.kernel" = "w" }', 'weights "b.safetensors" { "dense.bias" = "b" }'
    assert [problem.code for problem in check(tmp_path, LINEAR + first)] == ["E0453"]
    assert "E0453" in [problem.code for problem in check(tmp_path, LINEAR + 'weights "no.safetensors" { }')]
    assert check(tmp_path, LINEAR + first + second) == []
    both = LINEAR + LINEAR.replace("model m", "model n").replace("dense(3)", "dense(5) -> tanh -> dense(3)") + block()
    named = 'weights "a.safetensors" { "m.dense.kernel" = "w"  fresh = ["m.dense.bias"] }'
    assert check(tmp_path, both + named) == []
    assert [problem.code for problem in check(tmp_path, both + named.replace("m.dense", "n.dense"))] == ["E0456"]
    # Without a name in front it is the first train block that is meant.
    other = block().replace("train m", "train n")
    bare = 'weights "a.safetensors" { "dense.kernel" = "w"  fresh = ["*.bias"] }'
    assert check(tmp_path, both + other + bare) == []
    assert [problem.code for problem in check(tmp_path, both.replace(block(), other) + block() + bare)] == ["E0456"]
    assert [problem.code for problem in check(tmp_path, bare)] == ["E0458"]
    found = run(tmp_path, both.replace("m {", "m { ") + named.replace('"w"', '"w" + 1'))
    assert found.keys() == {"dense.kernel", "dense.bias"}


def test_start_and_a_section_do_not_both_say_how_to_begin(tmp_path: Path) -> None:
    text = LINEAR + block('start = "first"') + 'weights "a.safetensors" { "*" = "*" }'
    assert "E0458" in [problem.code for problem in check(tmp_path, text)]


GAN = """model generator { input z: [batch, 2]  output x = z -> dense(4) }
model critic { input x: [batch, 4]  output y = x -> dense(3) -> relu -> dense(1) -> squeeze }
train gan {
  data = iris()
  fake = normal([batch, 2]) -> generator
  step one { update = [critic]  loss = (features -> critic, 1) -> binary_cross_entropy  optimizer = sgd(lr = 0.0) }
  step two { update = [generator]  loss = (fake -> critic, 1) -> binary_cross_entropy  optimizer = sgd(lr = 0.0) }
  steps = 1
}
"""


def test_a_section_fills_one_of_several_models_that_are_trained_by_hand(tmp_path: Path) -> None:
    save_file({"w": np.ones((2, 4), np.float32)}, tmp_path / "a.safetensors")
    section = 'weights "a.safetensors" { "generator.dense.kernel" = "w" }'
    problems = check(tmp_path, GAN + section)
    assert [problem.code for problem in problems] == ["E0453"]
    assert "`generator.dense.bias`" in told(problems[0]) and "critic" not in told(problems[0])
    found = run(tmp_path, GAN + section.replace("}", ' "generator.dense.bias" = full([4], 3.0) }'))
    assert (found["generator.dense.kernel"] == 1).all() and (found["generator.dense.bias"] == 3).all()
    assert (found["critic.dense.kernel"] != 1).all()


def test_what_follows_a_weight_starts_as_that_does(tmp_path: Path) -> None:
    save_file({"w": np.ones((4, 3), np.float32)}, tmp_path / "a.safetensors")
    section = 'weights "a.safetensors" { "dense.kernel" = "w"  fresh = ["*.bias"] }'
    plan = plan_of(LINEAR + block() + section)
    op = State(shape=(4, 3), follows="dense.kernel", decay=0.5)
    mean = Node("mean.kernel", op, types=(op.infer(),))
    graph = replace(plan.graph, nodes={"mean.kernel": mean, **plan.graph.nodes})
    begin = beginning(plan, Folders(tmp_path))
    drawn = {"dense.kernel": np.zeros((4, 3)), "dense.bias": np.zeros(3), "mean.kernel": np.zeros((4, 3))}
    found = begin.into(drawn, graph)
    np.testing.assert_array_equal(found["mean.kernel"], np.ones((4, 3)))
    np.testing.assert_array_equal(found["dense.bias"], np.zeros(3))
