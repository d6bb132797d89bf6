"""The data sets that the suite knows, and how each is got."""

import os
import re
import tempfile
import zipfile
import zlib
from functools import cache
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter

from loadscope.datasets.image_classification.imagenet import IMAGE_FOLDER, ImageNet
from loadscope.datasets.image_classification.label_map import LABEL_MAP, write_label_map
from loadscope.errors import InputError, WorkError, near

_SAMPLE20 = "imagenet-sample20"
_SAMPLE20_MEMBER = re.compile(r"foolbox/data/(imagenet_\d{2}_\d{1,3}\.jpg)", re.ASCII)


class CatalogEntry(BaseModel):
    """What is known of a data set.

    Attributes:
        title: For people.
        task: The task that reads it, a name of ``datasets.tasks``.
        samples: How many samples the whole of it has.
        classes: Labels are below this number.
        licence: Of the data.
        homepage: Where it comes from.
        obtain: What the user does to have it: a command, or steps by hand.
        layout: The files of its folder.
        source: Where the suite fetches it (``pypi:<distribution>==<version>``) or has it
            (``package:<folder beside this module>``); None where the user has to fetch it.
        sha256: The checksum of what ``source`` gives.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    title: str
    task: str
    samples: int
    classes: int
    licence: str
    homepage: str
    obtain: str
    layout: str
    source: str | None = None
    sha256: str | None = None

    def shipped(self) -> Path | None:
        """The folder of a data set that comes with the package, None for any other."""
        scheme, _, folder = (self.source or "").partition(":")
        return Path(__file__).resolve().parent / folder if scheme == "package" else None


@cache
def catalog() -> dict[str, CatalogEntry]:
    """The known data sets by name."""
    text = Path(__file__).with_name("catalog.yaml").read_text(encoding="utf-8")
    return TypeAdapter(dict[str, CatalogEntry]).validate_python(yaml.safe_load(text))


def catalog_entry(name: str) -> CatalogEntry:
    """Look a data set up by name.

    Raises:
        InputError: There is none of that name; the message lists the known ones.
    """
    try:
        return catalog()[name]
    except KeyError:
        raise InputError(
            f"unknown data set '{name}'",
            f"{near(name, catalog())}use one of: {', '.join(catalog())}",
        ) from None


def unpack_sample20(wheel: Path, destination: Path) -> Path:
    """Lay the 20 photographs of the foolbox wheel out as a data set folder.

    The folder appears by rename when it is whole; a whole one that is there is left alone.

    Args:
        wheel: The wheel that the catalog's source names; its checksum is the caller's to check.
        destination: The folder to make.

    Returns:
        ``destination``.

    Raises:
        InputError: The wheel cannot be read or does not hold the photographs.
        WorkError: The folder cannot be written, or something else is at its place.
    """
    if not destination.exists():
        photographs = _read_sample20(wheel)
        try:
            destination.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(
                dir=destination.parent, prefix=f".{destination.name}."
            ) as scratch:
                _appear(_lay_out(photographs, Path(scratch, "folder")), destination)
        except OSError as error:
            raise WorkError(
                f"cannot write {destination}: {error.strerror}",
                "free space or choose another folder",
            ) from error
    try:
        found = len(ImageNet.read(destination))
    except InputError as error:
        raise _not_sample20(destination, error.message) from error
    if found != catalog_entry(_SAMPLE20).samples:
        raise _not_sample20(destination, f"it names {found} images")
    return destination


def _read_sample20(wheel: Path) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(wheel) as archive:
            photographs = {
                match[1]: archive.read(name)
                for name in sorted(archive.namelist())
                if (match := _SAMPLE20_MEMBER.fullmatch(name))
            }
    except (OSError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(f"cannot read the wheel {wheel}: {error}", "fetch it again") from error
    if len(photographs) != catalog_entry(_SAMPLE20).samples:
        raise InputError(
            f"the wheel {wheel} holds {len(photographs)} of the 20 photographs",
            f"use the wheel of {catalog_entry(_SAMPLE20).source}",
        )
    return photographs


def _lay_out(photographs: dict[str, bytes], folder: Path) -> Path:
    images = folder / IMAGE_FOLDER
    images.mkdir(parents=True)
    for name, content in photographs.items():
        with (images / name).open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    labels = [(name, int(Path(name).stem.rpartition("_")[2])) for name in photographs]
    write_label_map(folder / LABEL_MAP, labels)
    return folder


def _appear(folder: Path, destination: Path) -> None:
    try:
        folder.rename(destination)
    except OSError:
        # Another process was faster: its folder is as good as ours.
        if not destination.exists():
            raise


def _not_sample20(destination: Path, why: str) -> WorkError:
    return WorkError(
        f"{destination} is there but is not {_SAMPLE20}: {why}",
        "remove that folder and fetch the data set again",
    )
