"""Pictures in folders."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from dslc.data.base import DataBroken, DataMissing, Folders, Parts, Records, Schema, Source, field_type, source
from dslc.data.sources._files_of_pictures import is_picture, pictures, size_of
from dslc.data.sources._sizes import picture_type, sides
from dslc.lazy import np

PARTS = ("train", "validation", "test")


@source
class Images(Source):
    """Picture files below a folder: those of a subfolder are one class, named as it is; without subfolders there is no label.

    Subfolders `train` and `test` (and `validation`) are the parts, where all the others stand in them. With `size`, or
    `[height, width]`, the middle of each picture is resized to fill it; without it all must have one size. They are read
    into memory as bytes. It takes Pillow: `pip install 'dslc[images]'`.

    Shapes: `image` is `[batch, height, width, channels]` with values from 0 to 255, `label` is `[batch]`.
    """

    folder: str
    size: int | tuple[int, ...] | None = None
    channels: int = 3

    aliases = ("ImageFolder", "image_dataset_from_directory", "image_folder")

    def schema(self, folders: Folders) -> Schema:
        wanted = sides(self.name, self.size, self.channels)
        try:
            found = self._found(folders)
        except DataMissing as missing:
            # Most folders have classes; how many is not known.
            missing.schema = _labelled(_schema(picture_type(wanted, self.channels), (), {"train": None}), {})
            raise
        size = wanted or size_of(next(iter(found.values()))[0][0])
        classes = _classes(found)
        rows: dict[str, int | None] = {part: len(files) for part, files in found.items()}
        return _schema(picture_type(size, self.channels), classes, rows)

    def load(self, folders: Folders) -> Parts:
        schema, found = self.schema(folders), self._found(folders)
        classes, wanted = _classes(found), sides(self.name, self.size, self.channels)
        tables: dict[str, Any] = {}
        for part, files in found.items():
            columns: dict[str, Any] = {"image": pictures([file for file, _ in files], wanted, self.channels)}
            if classes:
                columns["label"] = np.array([classes.index(kind) for _, kind in files], np.int32)
            tables[part] = Records(schema, columns)
        return Parts(**tables, names={"label": classes} if classes else {})

    def _found(self, folders: Folders) -> dict[str, list[tuple[Path, str]]]:
        """The files of each part, with the name of their class."""
        folder = folders.find_folder(self.folder)
        inside = _subfolders(folders, folder)
        if inside and all(path.name in PARTS for path in inside) and (folder / "train").is_dir():
            found = {part: _of_classes(folders, folder / part) for part in PARTS if (folder / part).is_dir()}
        else:
            found = {"train": _of_classes(folders, folder)}
        for part, files in found.items():
            if not files:
                place = folder if part == "train" and len(found) == 1 else folder / part
                raise DataBroken(place, "holds no picture files", help="put .png or .jpg files there, a folder a class")
        return found


def _subfolders(folders: Folders, folder: Path) -> list[Path]:
    return folders.inside(sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")))


def _of_classes(folders: Folders, folder: Path) -> list[tuple[Path, str]]:
    kinds = _subfolders(folders, folder)
    if not kinds:
        return [(file, "") for file in folders.inside(sorted(filter(is_picture, folder.iterdir())))]
    stray = next((file for file in sorted(folder.iterdir()) if is_picture(file) and file not in kinds), None)
    if stray is not None:
        raise DataBroken(
            stray, f"stands beside the folders of classes, such as `{kinds[0].name}`", help="move it into one"
        )
    return [(file, kind.name) for kind in kinds for file in folders.inside(sorted(filter(is_picture, kind.rglob("*"))))]


def _classes(found: Mapping[str, list[tuple[Path, str]]]) -> tuple[str, ...]:
    return tuple(sorted({kind for files in found.values() for _, kind in files if kind}))


def _schema(image: Any, classes: tuple[str, ...], rows: dict[str, int | None]) -> Schema:
    made = Schema({"image": image}, {}, rows, {"image": (0.0, 255.0)}, {"image": "u8"})
    if not classes:
        return made
    return _labelled(made, {"label": len(classes)})


def _labelled(schema: Schema, classes: Mapping[str, int]) -> Schema:
    return replace(schema, fields={**schema.fields, "label": field_type(dtype="i32")}, classes=classes)
