"""Small data files, written where a test wants them."""

import gzip
import struct
from pathlib import Path
from typing import Any

import numpy as np

from dslc.data.base import Folders, Source
from dslc.data.sources.blobs import Blobs
from dslc.data.sources.breast_cancer import BreastCancer
from dslc.data.sources.cifar10 import Cifar10
from dslc.data.sources.cifar100 import Cifar100
from dslc.data.sources.circles import Circles
from dslc.data.sources.csv import Csv
from dslc.data.sources.diabetes import Diabetes
from dslc.data.sources.digits import Digits
from dslc.data.sources.fashion_mnist import FashionMnist
from dslc.data.sources.image_pairs import ImagePairs
from dslc.data.sources.image_text import ImageText
from dslc.data.sources.images import Images
from dslc.data.sources.iris import Iris
from dslc.data.sources.mnist import Mnist
from dslc.data.sources.moons import Moons
from dslc.data.sources.npz import Npz
from dslc.data.sources.rows import Rows
from dslc.data.sources.sine import Sine
from dslc.data.sources.spirals import Spirals
from dslc.data.sources.text import Text
from dslc.data.sources.text_pairs import TextPairs
from dslc.data.sources.text_table import TextTable
from dslc.data.sources.tokens import Tokens
from dslc.data.sources.wine import Wine
from dslc.data.sources.xor import Xor

PENGUINS = """bill,island,mass,species
39.1,Torgersen,3750,Adelie
46.5,Dream,3500,Chinstrap
46.1,Biscoe,4500,Gentoo
39.5,Torgersen,3800,Adelie
"""


def idx(*sizes: int, body: bytes) -> bytes:
    """An idx file of bytes."""
    return struct.pack(f">HBB{len(sizes)}I", 0, 8, len(sizes), *sizes) + body


def write_pictures(folder: Path, train: int = 12, test: int = 5, packed: bool = False) -> Path:
    """The four files of MNIST, with random pictures; labels count up."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(0)
    for prefix, count in (("train", train), ("t10k", test)):
        pictures = random.integers(0, 256, count * 784, np.uint8).tobytes()
        labels = bytes(number % 10 for number in range(count))
        contents = {
            "images-idx3-ubyte": idx(count, 28, 28, body=pictures),
            "labels-idx1-ubyte": idx(count, body=labels),
        }
        for name, content in contents.items():
            file = folder / (f"{prefix}-{name}" + (".gz" if packed else ""))
            file.write_bytes(gzip.compress(content) if packed else content)
    return folder


def write_cifar(folder: Path, files: dict[str, int], labels: tuple[int, ...]) -> Path:
    """Files of records with random pictures; labels count up to these numbers of classes."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(0)
    for name, count in files.items():
        heads = [np.arange(count, dtype=np.uint8)[:, None] % classes for classes in labels]
        picture = random.integers(0, 256, (count, 3072), np.uint8)
        (folder / name).write_bytes(np.concatenate([*heads, picture], axis=1).tobytes())
    return folder


def write_ppm(file: Path, height: int, width: int, seed: int = 0) -> "np.ndarray[Any, np.dtype[np.uint8]]":
    """A picture in the simplest format there is, and its numbers."""
    file.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    file.write_bytes(f"P6 {width} {height} 255\n".encode() + pixels.tobytes())
    return pixels


CIFAR10 = {**{f"data_batch_{number}.bin": 3 for number in range(1, 6)}, "test_batch.bin": 4}
REVIEWS = """review,mood
"Good, good fun!",happy
A bad film,sad
good old film,happy
"""


def samples(base: Path) -> dict[str, Source]:
    """One instance of every source, with the files that it reads below `base`."""
    write_pictures(base / "mnist")
    write_pictures(base / "fashion_mnist", packed=True)
    (base / "penguins.csv").write_text(PENGUINS)
    (base / "shore.txt").write_text("she sells sea shells on the sea shore\n" * 3)
    np.savez(base / "arrays.npz", image=np.full((4, 5, 5, 3), 7, np.uint8), target=np.arange(4.0))
    write_cifar(base / "cifar10", CIFAR10, (10,))
    write_cifar(base / "cifar100", {"train.bin": 6, "test.bin": 3}, (20, 100))
    np.arange(40, dtype="<u2").tofile(base / "ids.bin")
    (base / "reviews.csv").write_text(REVIEWS)
    (base / "pairs.tsv").write_text("go on\tweiter\ngo!\tlos!\nit is good\tes ist gut\n")
    for number, kind in enumerate(("cat", "dog", "cat")):
        write_ppm(base / "pets" / kind / f"{number}.ppm", 4 + number, 6, number)
        for name in ("image", "target"):
            write_ppm(base / "maps" / name / f"{number}.ppm", 4, 4, number)
    (base / "bpe.txt").write_text("t h\nth e</w>\n")
    for name in "abc":
        write_ppm(base / "told" / f"{name}.ppm", 4, 4)
        (base / "told" / f"{name}.txt").write_text("the cat")
    made = [
        ImageText("told", "bpe.txt", context=8),
        Cifar10(), Cifar100(), Images("pets", size=4), ImagePairs("maps"), Tokens("ids.bin", context=8),
        TextTable("reviews.csv", "review", "mood", vocab=5, context=4), TextPairs("pairs.tsv", context=3),
        Blobs(), BreastCancer(), Circles(), Csv("penguins.csv", "species"), Diabetes(), Digits(), FashionMnist(),
        Iris(), Mnist(), Moons(), Npz("arrays.npz"), Rows(n=8), Sine(), Spirals(), Text("shore.txt", context=8), Wine(), Xor(),
    ]  # fmt: skip
    return {source.name: source for source in made}


def here(base: Path) -> Folders:
    """The folder of a `.net` file, without any `--data`."""
    return Folders(base)
