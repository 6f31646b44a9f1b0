"""Small data files, written where a test wants them."""

import gzip
import struct
from pathlib import Path

import numpy as np

from dslc.data.base import Folders, Source
from dslc.data.sources.blobs import Blobs
from dslc.data.sources.breast_cancer import BreastCancer
from dslc.data.sources.circles import Circles
from dslc.data.sources.csv import Csv
from dslc.data.sources.diabetes import Diabetes
from dslc.data.sources.digits import Digits
from dslc.data.sources.fashion_mnist import FashionMnist
from dslc.data.sources.iris import Iris
from dslc.data.sources.mnist import Mnist
from dslc.data.sources.moons import Moons
from dslc.data.sources.npz import Npz
from dslc.data.sources.sine import Sine
from dslc.data.sources.spirals import Spirals
from dslc.data.sources.text import Text
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


def samples(base: Path) -> dict[str, Source]:
    """One instance of every source, with the files that it reads below `base`."""
    write_pictures(base / "mnist")
    write_pictures(base / "fashion_mnist", packed=True)
    (base / "penguins.csv").write_text(PENGUINS)
    (base / "shore.txt").write_text("she sells sea shells on the sea shore\n" * 3)
    np.savez(base / "arrays.npz", image=np.full((4, 5, 5, 3), 7, np.uint8), target=np.arange(4.0))
    made = [
        Blobs(), BreastCancer(), Circles(), Csv("penguins.csv", "species"), Diabetes(), Digits(), FashionMnist(),
        Iris(), Mnist(), Moons(), Npz("arrays.npz"), Sine(), Spirals(), Text("shore.txt", context=8), Wine(), Xor(),
    ]  # fmt: skip
    return {source.name: source for source in made}


def here(base: Path) -> Folders:
    """The folder of a `.net` file, without any `--data`."""
    return Folders(base)
