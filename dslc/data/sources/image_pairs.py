"""Pictures in pairs."""

from pathlib import Path
from typing import Any

from dslc.data.base import DataBroken, DataMissing, DataRefused, Folders, Parts, Records, Schema, Source, source
from dslc.data.sources._files_of_pictures import is_picture, pictures, size_of
from dslc.data.sources._sizes import picture_type, sides


@source
class ImagePairs(Source):
    """Pictures of equal names in two folders below a folder, named by `names`: each is a field of its own.

    With `size`, or `[height, width]`, the middle of each picture is resized to fill it; without it all must have one
    size. They are read into memory as bytes. It takes Pillow: `pip install 'dslc[images]'`.

    Shapes: each field is `[batch, height, width, channels]` with values from 0 to 255.
    """

    folder: str
    names: tuple[str, ...] = ("image", "target")
    size: int | tuple[int, ...] | None = None
    channels: int = 3

    aliases = ("paired_images", "pix2pix")

    def schema(self, folders: Folders) -> Schema:
        wanted = sides(self.name, self.size, self.channels)
        self._require_names()
        try:
            found = self._found(folders)
        except DataMissing as missing:
            missing.schema = self._schema(wanted, None)
            raise
        return self._schema(wanted or size_of(found[self.names[0]][0]), len(found[self.names[0]]))

    def load(self, folders: Folders) -> Parts:
        schema, wanted = self.schema(folders), sides(self.name, self.size, self.channels)
        columns: dict[str, Any] = {
            name: pictures(files, wanted, self.channels) for name, files in self._found(folders).items()
        }
        return Parts(Records(schema, columns))

    def _require_names(self) -> None:
        if not len(set(self.names)) == len(self.names) == 2 or not all(name.isidentifier() for name in self.names):
            shown = ", ".join(f'"{name}"' for name in self.names)
            reason = f"`names = [{shown}]` are no two names of fields"
            raise DataRefused(reason, 'write `names = ["image", "target"]`: the folders are called so')

    def _found(self, folders: Folders) -> dict[str, list[Path]]:
        found: dict[str, dict[str, Path]] = {}
        for name in self.names:
            folder = folders.find_folder(f"{self.folder.rstrip('/')}/{name}")
            files = folders.inside(sorted(filter(is_picture, folder.iterdir())))
            found[name] = {file.stem: file for file in files}
            twice = next((file for file in files if found[name][file.stem] != file), None)
            if twice is not None:
                raise DataBroken(
                    twice, f"has the name of `{found[name][twice.stem].name}`", help="leave one of them out"
                )
            if not found[name]:
                raise DataBroken(folder, "holds no picture files", help="put .png or .jpg files there")
        first, second = (found[name] for name in self.names)
        alone = next(iter(sorted(first.keys() ^ second.keys())), None)
        if alone is not None:
            file = first.get(alone) or second[alone]
            other = self.names[alone in first]
            raise DataBroken(file, f"has no partner of its name in `{other}`", help="give every picture one")
        return {name: [files[stem] for stem in sorted(files)] for name, files in found.items()}

    def _schema(self, size: tuple[int, int] | None, rows: int | None) -> Schema:
        fields = dict.fromkeys(self.names, picture_type(size, self.channels))
        return Schema(
            fields,
            rows={"train": rows},
            ranges=dict.fromkeys(fields, (0.0, 255.0)),
            storage=dict.fromkeys(fields, "u8"),
        )
