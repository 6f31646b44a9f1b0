"""`dslc sample` of models that are not text: what a sample block puts out, from which weights, as which files."""

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli.commands import Dslc
from nets import problems_of, told

from dslc import compiler
from dslc.source import Source
from dslc.train.checkpoint import read_arrays
from dslc.trained.picture import grid, png, range_of, shows

VAE = """\
net 1
model vae(hidden = 16, code = 3) {
  input  image: [batch, 8, 8, 1]
  layer  encoder = flatten -> dense(hidden) -> relu
  layer  decoder = dense(hidden) -> relu -> dense(64) -> reshape([batch, 8, 8, 1])
  body   = image -> encoder
  output mean    = body -> dense(code) as mean_head
  output log_var = body -> dense(code) as log_var_head
  output logits  = mean + (0.5 * log_var -> exp) * normal(mean.shape) -> decoder
}
train vae {
  data  = digits() -> scale(0, 1)
  loss  = ((logits, image) -> binary_cross_entropy) + 0.01 * (mean ** 2 + (log_var -> exp) - 1 - log_var -> mean)
  batch = 128
  steps = 8
}
sample vae(n = 6) {
  z = normal([n, 3])
  output images = z -> vae.decoder -> sigmoid
  output codes  = z
}
"""
GAME = """\
net 1
model guess(width = 4) { input x: [batch, 4]  output y = x -> dense(width) -> batch_norm -> tanh -> dense(3) }
train game(far = 2) {
  data = iris()
  loss = (features -> guess, label) -> cross_entropy
  slow = (features -> average(guess, decay = 0.5), label) -> cross_entropy
  steps = 5
}
sample game(n = 5) {
  x = far * ones([n, 4])
  output now  = x -> guess
  output slow = x -> average(guess)
}
"""


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Programs are not kept in the folder of whoever runs the tests."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def trained(dslc: Dslc, folder: Path, text: str) -> None:
    (folder / "file.net").write_text(text)
    said = dslc("train", "file.net", "-o", "run")
    assert said.status == 0, said.err


def test_a_block_puts_out_arrays_and_pictures(dslc: Dslc, tmp_path: Path) -> None:
    trained(dslc, tmp_path, VAE)
    said = dslc("sample", "run")
    assert (said.status, said.err) == (0, "")
    assert said.out == (
        "run/samples.npz: images [6, 8, 8, 1], codes [6, 3]\n"
        "run/samples-images.png: 6 pictures, black at 0 and white at 1\n"
    )
    first = dict(np.load("run/samples.npz"))
    dslc("sample", "run", "-o", "again")
    dslc("sample", "run", "--seed", 1, "--set", "n=2", "-o", "other")
    again, other = (dict(np.load(f"{folder}/samples.npz")) for folder in ("again", "other"))
    assert all(np.array_equal(first[name], again[name]) for name in first)
    assert other["images"].shape == (2, 8, 8, 1)
    assert not np.array_equal(first["codes"][:2], other["codes"])
    weights = read_arrays(Path("run/weights.safetensors"))[0]
    hidden = np.maximum(first["codes"] @ weights["decoder.dense.kernel"] + weights["decoder.dense.bias"], 0)
    logits = hidden @ weights["decoder.dense_2.kernel"] + weights["decoder.dense_2.bias"]
    # float32 sums of 16 products.
    np.testing.assert_allclose(first["images"].reshape(6, 64), 1 / (1 + np.exp(-logits)), rtol=1e-5, atol=1e-6)


def test_copies_are_sampled_with_the_weights_that_they_have(dslc: Dslc, tmp_path: Path) -> None:
    trained(dslc, tmp_path, GAME.replace("x = far * ones", "x = 2.0 * ones"))
    assert dslc("sample", "run").status == 0
    found, weights = dict(np.load("run/samples.npz")), read_arrays(Path("run/weights.safetensors"))[0]
    for output, prefix in (("now", "guess."), ("slow", "average.guess.")):
        own = {name.removeprefix(prefix): array for name, array in weights.items() if name.startswith(prefix)}
        x = 2 * np.ones((5, 4), np.float32) @ own["dense.kernel"] + own["dense.bias"]
        x = (x - own["batch_norm.mean"]) / np.sqrt(own["batch_norm.var"] + 1e-5)
        x = np.tanh(x * own["batch_norm.scale"] + own["batch_norm.bias"])
        # float32.
        np.testing.assert_allclose(found[output], x @ own["dense_2.kernel"] + own["dense_2.bias"], rtol=1e-4, atol=1e-5)
    assert not np.allclose(found["now"], found["slow"])


def test_what_does_not_belong_to_a_block_is_refused(dslc: Dslc, tmp_path: Path) -> None:
    trained(dslc, tmp_path, VAE)
    assert dslc("sample", "run", "--prompt", "a").status == 2
    assert dslc("sample", "run", "--tokens", "5").status == 2
    said = dslc("sample", "run", "--set", "m=3")
    assert (said.status, said.out) == (1, "")
    assert "error[E0203]: `sample vae` has no setting `m`" in said.err


def test_a_run_of_several_models_is_measured_and_not_asked_as_one(dslc: Dslc, tmp_path: Path) -> None:
    trained(dslc, tmp_path, GAME.split("sample game", maxsplit=1)[0])
    assert "loss" in dslc("eval", "run").out
    assert dslc("view", "run").out == "run.html: game\n"
    for words in (("sample", "run"), ("predict", "run", "--input", "x.csv")):
        said = dslc(*words)
        assert said.status == 1
        assert "error[E0443]: `train game` names no model of the file" in said.err


BLOCK = "sample vae { output y = normal([4, 3]) -> vae.decoder }"


@pytest.mark.parametrize(
    ("old", "new", "code", "part"),
    [
        ("sample vae", "sample vea", "E0216", "`vea`"),
        ("z = normal([n, 3])", "input z: [n, 3]", "E0445", "no input"),
        ("vae.decoder", "vae.decodr", "E0436", "did you mean `vae.decoder`"),
        ("vae.decoder", "vae.decoder(3)", "E0435", "no settings"),
        ("dense(hidden) -> relu -> dense(64)", "(it + mean) -> dense(64)", "E0437", "`mean`"),
        ("normal([n, 3])", "normal([n, 4])", "E0301", ""),
        ("  output codes  = z\n", "  output codes = z -> dense(2)\n", "E0441", "`sample.dense.kernel`"),
    ],
)
def test_what_sample_blocks_cannot_do_is_a_coded_problem(old: str, new: str, code: str, part: str) -> None:
    text = VAE.removeprefix("net 1\n").replace(old, new)
    found = [problem for problem in problems_of(text) if problem.severity == "error"]
    if code == "E0301":
        # The weights of a run are those of its model: a wrong width shows when they are looked at.
        assert not found
        return
    assert found and found[0].code == code, [told(problem) for problem in found]
    assert part in told(found[0])


def test_a_block_with_a_repeat_over_numbers_unrolls() -> None:
    text = """net 1
model net { input x: [batch, 2]  input t: i32[batch]  output y = (x, (t -> one_hot(4))) -> concat -> dense(2) }
train game(times = 4) {
  data  = moons()
  keep  = 1 - linspace(1e-4, 0.02, times) -> cumprod
  t     = randint([batch], 0, times)
  noise = normal(features.shape)
  k     = keep[t][:, none]
  loss  = (((k -> sqrt) * features + (1 - k -> sqrt) * noise, t) -> net, noise) -> squared_error
}
sample game(n = 3, times = 4) {
  beta   = linspace(1e-4, 0.02, times)
  keep   = 1 - beta -> cumprod
  output points = normal([n, 2])
    -> repeat i in reversed(0..times) {
         ((it - beta[i] / (1 - keep[i] -> sqrt) * ((it, full([n], i)) -> net)) / (1 - beta[i] -> sqrt)
           + (if i > 0 { (beta[i] -> sqrt) * normal([n, 2]) } else { 0 }))
       }
}
"""
    assert not [*compiler.check(Source("test.net", text))]


SAMPLER = """\
net 1
model net {
  input  x: [batch, 2]
  input  t: i32[batch]
  output y = (x, t -> one_hot(3) -> cast("f32")) -> concat -> dense(4, bias = false) -> batch_norm -> tanh -> dense(2)
}
train path(times = 3) {
  data  = moons()
  t     = randint([batch], 0, times)
  loss  = ((features, t) -> net, features) -> squared_error
  steps = 30
}
sample path(n = 2, times = 3) {
  beta   = linspace(0.1, 0.3, times)
  keep   = 1 - beta -> cumprod
  output points = ones([n, 2])
    -> repeat i in reversed(0..times) {
         ((it - beta[i] / (1 - keep[i] -> sqrt) * ((it, full([n], i)) -> net)) / (1 - beta[i] -> sqrt)
           + (if i > 0 { 0.1 } else { 0 }))
       }
  output same = ones([n, 2]) -> repeat 4 { (it, full([n], 1)) -> net }
}
"""


def test_a_repeat_samples_step_by_step(dslc: Dslc, tmp_path: Path) -> None:
    trained(dslc, tmp_path, SAMPLER)
    said = dslc("sample", "run")
    assert said.status == 0, said.err
    found, own = dict(np.load("run/samples.npz")), read_arrays(Path("run/weights.safetensors"))[0]

    def net(x: np.ndarray, t: int) -> np.ndarray:
        x = np.concatenate([x, np.eye(3)[[t] * 2]], axis=1) @ own["net.dense.kernel"]
        x = (x - own["net.batch_norm.mean"]) / np.sqrt(own["net.batch_norm.var"] + 1e-5)
        x = np.tanh(x * own["net.batch_norm.scale"] + own["net.batch_norm.bias"])
        return x @ own["net.dense_2.kernel"] + own["net.dense_2.bias"]

    beta, points, same = np.linspace(0.1, 0.3, 3), np.ones((2, 2)), np.ones((2, 2))
    keep = np.cumprod(1 - beta)
    for i in reversed(range(3)):
        points = (points - beta[i] / np.sqrt(1 - keep[i]) * net(points, i)) / np.sqrt(1 - beta[i]) + 0.1 * (i > 0)
    for _ in range(4):
        same = net(same, 1)
    # float32 over a few steps.
    np.testing.assert_allclose(found["points"], points, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found["same"], same, rtol=1e-4, atol=1e-5)


def decoded(data: bytes) -> np.ndarray:
    """The pixels of a PNG file without filters."""
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    at, body, head = 8, b"", b""
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        name, part = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        assert struct.unpack(">I", data[at + 8 + length :][:4])[0] == zlib.crc32(name + part)
        head, body = (part, body) if name == b"IHDR" else (head, body + part)
        at += 12 + length
    width, height, depth, kind = struct.unpack(">IIBB", head[:10])
    assert depth == 8
    lines = np.frombuffer(zlib.decompress(body), np.uint8).reshape(height, 1 + width * (1 if kind == 0 else 3))
    assert not lines[:, 0].any()
    return lines[:, 1:].reshape(height, width, -1)


def test_pictures_stand_in_a_grid() -> None:
    pictures = np.zeros((3, 64, 64, 3), np.float32)
    pictures[1, :, :, 0], pictures[2, 0, 0, 2] = 1, 0.5
    pixels = decoded(png(grid(pictures)))
    assert pixels.shape == (64 + 2 + 64, 64 + 2 + 64, 3)
    assert (pixels[:64, 66:, 0] == 255).all() and not pixels[:64, :64].any()
    assert pixels[66, 0].tolist() == [0, 0, 128]
    assert (pixels[64:66] == 96).all(), "grey between the pictures"
    assert (pixels[66:, 66:] == 96).all(), "and where there is none"


def test_small_pictures_are_shown_larger_and_grey_ones_grey() -> None:
    pixels = decoded(png(grid(np.linspace(-1, 1, 64).reshape(1, 8, 8, 1))))
    assert pixels.shape == (64, 64, 1)
    assert (pixels[0, 0, 0], pixels[-1, -1, 0]) == (0, 255)
    assert (pixels[:8, :8] == 0).all()


@pytest.mark.parametrize(
    ("values", "expected"),
    [([0.2, 0.9], (0, 1)), ([-0.2, 0.9], (-1, 1)), ([-3.0, 2.0], (-3, 2)), ([0.0, 7.0], (0, 7))],
)
def test_black_and_white_are_the_range_that_holds_all_values(
    values: list[float], expected: tuple[float, float]
) -> None:
    assert range_of(np.asarray(values)) == expected


def test_numbers_that_are_not_finite_and_other_shapes_make_no_trouble() -> None:
    array: Any = np.full((1, 2, 2, 1), 0.5)
    array[0, 0, 0] = np.nan
    assert decoded(png(grid(array)))[0, 0, 0] == 0
    assert not shows(np.zeros((0, 2, 2, 1))) and not shows(np.zeros((3, 2, 2, 4))) and not shows(np.zeros((3, 2)))
