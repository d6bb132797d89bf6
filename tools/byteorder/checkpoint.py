"""PyTorch checkpoints, whose byte order is declared in the archive, or here where it is not."""

import pickle
import zipfile
from pathlib import Path
from typing import Literal

import torch
from torch.serialization import LoadEndianness, set_default_load_endianness

from loadscope.errors import InputError
from loadscope.files import replacing

Order = Literal["little", "big"]
_RECORD = "byteorder"
_PICKLE = pickle.PROTO


def recorded_order(path: Path) -> str | None:
    """The byte order that a checkpoint states; None where it states none.

    Files of PyTorch before 1.6 are pickles, whose storages are little-endian whatever the host
    (torch/csrc/serialization.cpp, THPStorage_writeFileRaw).

    Raises:
        InputError: The file is neither an archive nor a pickle of ``torch.save``.
    """
    try:
        with path.open("rb") as file:
            if file.read(1) == _PICKLE:
                return "little"
        with zipfile.ZipFile(path) as archive:
            records = [name for name in archive.namelist() if name.endswith(f"/{_RECORD}")]
            return archive.read(records[0]).decode() if records else None
    except (OSError, zipfile.BadZipFile) as error:
        raise InputError(
            f"{path} is no file of torch.save: {error}", "save the state dict again"
        ) from error


def declare_order(source: Path, output: Path, order: Order) -> str:
    """Write a checkpoint again with its byte order stated in it.

    Args:
        source: A file of ``torch.save``.
        output: The same tensors in this host's order, which the archive then states.
        order: What the archive is read as where it states nothing.

    Returns:
        The order that it was read as.

    Raises:
        InputError: It states another order than ``order``, or does not load.
    """
    stated = recorded_order(source)
    if stated not in (None, order):
        raise InputError(
            f"{source} states that it is {stated}-endian, not {order}-endian",
            f"use --order {stated}",
        )
    set_default_load_endianness(LoadEndianness[order.upper()])  # type: ignore[no-untyped-call]
    try:
        state = torch.load(source, map_location="cpu", weights_only=True)
    except (RuntimeError, pickle.UnpicklingError, EOFError, ValueError) as error:
        first = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise InputError(f"cannot read {source}: {first}", "give a state dict") from error
    with replacing(output) as temporary:
        torch.save(state, temporary)
    return order
