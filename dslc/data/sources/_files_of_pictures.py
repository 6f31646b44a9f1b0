"""Picture files read into arrays of one size, by Pillow, which is loaded only here."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dslc.data.base import DataBroken, DataRefused
from dslc.data.files import reading
from dslc.lazy import np

if TYPE_CHECKING:
    from numpy.typing import NDArray

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".ppm", ".pgm", ".tif", ".tiff")
WIDE = ("I", "F")
"""How the names begin that Pillow has for pictures of integers and floats of 16 or 32 bits."""
ORIENTATION = 0x0112
"""The number of the entry in a camera's notes (EXIF) that says how it was held."""
SIDEWAYS = (5, 6, 7, 8)
"""What stands there for a quarter of a turn, with which width and height change places."""
CHANNELS = {1: "L", 3: "RGB", 4: "RGBA"}


def is_picture(file: Path) -> bool:
    """Whether a file is one by its name."""
    return file.suffix.lower() in ENDINGS and not file.name.startswith(".")


def pillow() -> Any:
    """The library.

    Raises:
        DataRefused: when it is not installed.
    """
    if find_spec("PIL") is None:
        raise DataRefused("picture files are read by Pillow, which is not installed", "`pip install 'dslc[images]'`")
    from PIL import Image  # noqa: PLC0415  # a fifth of a second, only where there are pictures

    return Image


def size_of(file: Path) -> tuple[int, int]:
    """Height and width as they are looked at, from the head of the file alone.

    Raises:
        DataBroken: when it is no picture.
    """
    with _opened(file) as picture, _readable(file):
        turned = picture.getexif().get(ORIENTATION, 1) in SIDEWAYS
        return (picture.width, picture.height) if turned else (picture.height, picture.width)


def pictures(files: Sequence[Path], size: tuple[int, int] | None, channels: int) -> "NDArray[np.uint8]":
    """Pictures as bytes: the middle of each, resized so that it fills `size`.

    Shapes: `[files, height, width, channels]`.

    Raises:
        DataBroken: for a file that is no picture, or of another size than the first where none is given.
    """
    height, width = size or size_of(files[0])
    found = np.empty((len(files), height, width, channels), np.uint8)
    for place, file in enumerate(files):
        with _opened(file) as held:
            picture = _upright(file, held)
            if size is None and (picture.height, picture.width) != (height, width):
                reason = f"is {picture.height} x {picture.width}, and `{files[0].name}` is {height} x {width}"
                raise DataBroken(file, reason, help="give all one size: `size = 256`")
            found[place] = _filled(picture.convert(CHANNELS[channels]), height, width).reshape(height, width, channels)
    return found


def _upright(file: Path, picture: Any) -> Any:
    """The whole picture as it is looked at: a camera that was turned writes so into the file, and leaves its numbers."""
    from PIL import ImageOps  # noqa: PLC0415  # as Pillow itself

    with _readable(file):
        picture.load()
        return ImageOps.exif_transpose(picture)


def _filled(picture: Any, height: int, width: int) -> "NDArray[np.uint8]":
    if (picture.height, picture.width) == (height, width):
        return np.asarray(picture)
    across, down = picture.width, picture.height
    wide, high = (across, across * height / width) if across * height <= down * width else (down * width / height, down)
    left, top = (across - wide) / 2, (down - high) / 2
    resized = picture.resize((width, height), pillow().Resampling.BICUBIC, (left, top, left + wide, top + high))
    return np.asarray(resized)


@contextmanager
def _opened(file: Path) -> Generator[Any]:
    """A picture file of which the head is read, with a `DataBroken` for whatever is wrong with that."""
    library = pillow()
    if not file.is_file():
        # Opening a pipe would wait for ever.
        raise DataBroken(file, "is not a regular file", help="leave it out")
    with reading(file), file.open("rb") as stream:
        with _readable(file):
            picture = library.open(stream)
        if picture.mode.startswith(WIDE):
            # Pillow makes bytes of them by cutting off what is above 255.
            raise DataBroken(file, "has numbers of more than 8 bits", help="save it with values from 0 to 255")
        yield picture


@contextmanager
def _readable(file: Path) -> Generator[None]:
    """Pillow at work on a file: it has another exception for each format that can be damaged."""
    try:
        yield
    except Exception as error:
        raise DataBroken(file, "is no whole picture that can be read", help="leave it out") from error
