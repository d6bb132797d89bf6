"""The 20 photographs of the foolbox wheel, laid out as a data set folder."""

import os
import re
import tempfile
import zipfile
import zlib
from pathlib import Path

from loadscope.datasets.adapters.image_label.form import IMAGE_FOLDER
from loadscope.datasets.adapters.image_label.label_map import LABEL_MAP, write_label_map
from loadscope.datasets.image_classification.imagenet import ImageNet
from loadscope.errors import InputError, WorkError

SAMPLE20 = "imagenet-sample20"
_PHOTOGRAPHS = 20
_MEMBER = re.compile(r"foolbox/data/(imagenet_\d{2}_\d{1,3}\.jpg)", re.ASCII)


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
    if found != _PHOTOGRAPHS:
        raise _not_sample20(destination, f"it names {found} images")
    return destination


def _read_sample20(wheel: Path) -> dict[str, bytes]:
    try:
        with zipfile.ZipFile(wheel) as archive:
            photographs = {
                match[1]: archive.read(name)
                for name in sorted(archive.namelist())
                if (match := _MEMBER.fullmatch(name))
            }
    except (OSError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(f"cannot read the wheel {wheel}: {error}", "fetch it again") from error
    if len(photographs) != _PHOTOGRAPHS:
        raise InputError(
            f"the wheel {wheel} holds {len(photographs)} of the 20 photographs",
            f"use the wheel that the source of {SAMPLE20} names",
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
        f"{destination} is there but is not {SAMPLE20}: {why}",
        "remove that folder and fetch the data set again",
    )
