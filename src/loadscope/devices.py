"""What a model can compute on: names (``cpu``, ``cuda``, ``cuda:1``), and what is in this machine.

A name is a kind and, of several of one kind, a number from 0; the number 0 is left out, so that
one device has one name. Nothing here imports a framework.
"""

import os
import platform
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from loadscope.errors import InputError
from loadscope.nvml import Nvml, visible

CPU = "cpu"
CUDA = "cuda"
GPUS = ("cuda", "xpu", "mps", "gpu")
"""The kinds that want large batches, and few calls at once. OpenVINO's name is the last."""
_NAME = re.compile(r"([a-z]+)(?::(\d{1,4}))?")
# PCI vendors (PCI-SIG).
_AMD = "0x1002"
_INTEL = "0x8086"

_PART = "part of an NVIDIA GPU (MIG)"

_MENDS = {
    CUDA: "install NVIDIA's driver and 'loadscope[nvidia]', and see nvidia-smi",
    "xpu": "install Intel's GPU driver (intel-opencl-icd, libze-intel-gpu1)",
    "nnpa": "use an IBM Z of type 3931 (z16) or later, whose LPAR shows the feature nnpa",
    "mps": "use a Mac with Apple's processor",
}
_GPU_MEND = "see 'loadscope doctor' for what is here"


@dataclass(frozen=True)
class Device:
    """One device of this machine, beside its processors.

    Attributes:
        name: As ``--device`` takes it.
        title: The maker's name of it.
        memory_bytes: Of its own; None where it shares the machine's, or does not tell.
        driver: Name or version of its driver; empty where that is not known.
    """

    name: str
    title: str
    memory_bytes: int | None = None
    driver: str = ""


def canonical(name: str) -> str:
    """The one name of a device: ``CUDA:0`` is ``cuda``.

    Raises:
        ValueError: It is no name of a device.
    """
    found = _NAME.fullmatch(name.strip().casefold())
    if found is None:
        raise ValueError("expected a device as cpu, cuda or cuda:1")
    kind, number = found[1], int(found[2] or 0)
    return f"{kind}:{number}" if number else kind


def kind_of(name: str) -> str:
    """The kind of a device: ``cuda`` of ``cuda:1``."""
    return name.partition(":")[0]


def number_of(name: str) -> int:
    """Which of its kind a device is, from 0."""
    return int(name.partition(":")[2] or 0)


def devices_here(root: Path = Path("/"), nvml: Nvml | None = None) -> tuple[Device, ...]:
    """The accelerators that the system and NVIDIA's library tell of.

    Args:
        root: Of the file system, or of a recording of its files.
        nvml: NVIDIA's library; the machine's where it is None.
    """
    # PyTorch's build for AMD calls its devices cuda, too.
    called_cuda = tuple(_nvidia(root, nvml)) or tuple(_rendering(root, CUDA, "AMD", _AMD, "amdgpu"))
    if not called_cuda and (root / "dev/dxg").exists():
        called_cuda = (Device(CUDA, "GPU of the Windows around this Linux (WSL)"),)
    intel = _rendering(root, "xpu", "Intel", _INTEL, "i915 xe")
    return (*called_cuda, *intel, *_nnpa(root), *_apple())


def require_here(name: str, devices: tuple[Device, ...] | None = None) -> None:
    """Check that this machine has a device, of a kind that it can be asked for.

    Args:
        name: The device; kinds that no one but a framework knows (OpenVINO's ``npu``) pass.
        devices: What there is; looked up if None.

    Raises:
        InputError: It is not here; the message has what is, and what to install.
    """
    kind = kind_of(name)
    if kind == CPU and number_of(name):
        raise InputError(
            f"device {name} not found on this machine: its processors together are the device cpu",
            "use cpu; --instances spreads the work over sockets, taskset chooses processors",
        )
    if kind not in _MENDS:
        return
    found = [device.name for device in (devices_here() if devices is None else devices)]
    if name in found:
        return
    same = [one for one in found if kind_of(one) == kind]
    raise InputError(
        f"device {name} not found on this machine; it has: {', '.join(['cpu', *found])}",
        f"use one of: {', '.join(same)}" if same else _MENDS.get(kind, _GPU_MEND),
    )


def _nvidia(root: Path, nvml: Nvml | None) -> Iterator[Device]:
    library = nvml or Nvml.of_machine()
    if library is None:
        yield from _nvidia_by_driver(root)
        return
    for number, gpu in enumerate(library.shown()):
        title, memory = (gpu.title, gpu.memory_bytes) if gpu else (_PART, None)
        yield Device(canonical(f"{CUDA}:{number}"), title, memory, library.driver())


def _nvidia_by_driver(root: Path) -> Iterator[Device]:
    """What the kernel module tells, where nvidia-ml-py is not installed."""
    version = re.search(r"NVRM.*?\s(\d+\.[\d.]+)\s", _text(root / "proc/driver/nvidia/version"))
    folders = sorted((root / "proc/driver/nvidia/gpus").glob("*/information"))
    texts = [_text(path) for path in folders]
    uuids = [found[1] if (found := re.search(r"GPU UUID:\s+(\S+)", text)) else "" for text in texts]
    for number, at in enumerate(visible(len(texts), uuids, os.environ)):
        title = None if at is None else re.search(r"Model:\s+(.+)", texts[at])
        yield Device(
            canonical(f"{CUDA}:{number}"),
            title[1].strip() if title else _PART if at is None else "NVIDIA GPU",
            driver=version[1] if version else "",
        )


def _rendering(root: Path, kind: str, maker: str, vendor: str, drivers: str) -> Iterator[Device]:
    """The GPUs of a maker, as the kernel shows them to those who compute or draw."""
    number = 0
    for card in sorted((root / "sys/class/drm").glob("renderD*")):
        driver = card / "device/driver"
        name = driver.readlink().name if driver.is_symlink() else ""
        if _text(card / "device/vendor").strip() == vendor and name in drivers.split():
            model = _text(card / "device/device").strip()
            yield Device(canonical(f"{kind}:{number}"), f"{maker} GPU {model}", driver=name)
            number += 1


def _nnpa(root: Path) -> Iterator[Device]:
    for line in _text(root / "proc/cpuinfo").splitlines():
        name, _, values = line.partition(":")
        if name.strip() == "features" and "nnpa" in values.split():
            yield Device("nnpa", "IBM Z on-chip accelerator (NNPA)")
            return


def _apple() -> Iterator[Device]:
    if (platform.system(), platform.machine()) == ("Darwin", "arm64"):
        yield Device("mps", "Apple GPU")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
