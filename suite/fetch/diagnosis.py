"""What is installed, what is missing, and the command that mends it."""

import importlib.metadata
import importlib.util
import os
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import psutil

from loadscope.datasets.catalog import catalog
from loadscope.datasets.registry import task, task_names
from loadscope.devices import CUDA, devices_here, kind_of
from loadscope.errors import InputError, LoadScopeError
from loadscope.nvml import Nvml
from loadscope.paths import cache_location, cache_root
from loadscope.rapl import energy_counters
from loadscope.submission.rounds import load_round
from loadscope.suite.fetch import dataset_folder, dataset_in_cache
from loadscope.sut.registry import BACKENDS, backend_info

Status = Literal["ok", "missing", "wrong"]

_PYTHONS = ((3, 11), (3, 14))

# Import names of what every run needs, and the distributions that bring them.
_CORE = {
    "numpy": ("numpy",),
    "cv2": ("opencv-python-headless", "opencv-python", "opencv-contrib-python"),
    "PIL": ("pillow",),
    "mlperf_loadgen": ("mlcommons-loadgen",),
}

# What some jobs alone need: import names, and the extra that brings them.
_EXTRAS = {
    "ONNX export": (("torch", "onnx", "onnxscript"), "export"),
}


@dataclass(frozen=True)
class Diagnosis:
    """One thing that was looked at.

    Attributes:
        part: What it is.
        status: Whether it is in order.
        detail: What was found.
        fix: The command or step that mends it, empty where nothing is to be done.
        core: Whether nothing runs without it.
    """

    part: str
    status: Status
    detail: str
    fix: str = ""
    core: bool = False


def diagnose(working_directory: Path) -> list[Diagnosis]:
    """Look at everything that a run depends on; imports no framework.

    Args:
        working_directory: Where runs would be started.
    """
    return [
        _python(),
        *_core_packages(),
        *_frameworks(),
        *_extras(),
        *_tasks(),
        _cache(),
        _host(),
        *_devices(),
        _energy(),
        *_datasets(),
        _audit_config(working_directory),
    ]


def _python() -> Diagnosis:
    lowest, beyond = _PYTHONS
    fits = lowest <= sys.version_info[:2] < beyond
    fix = "" if fits else f"use Python {lowest[0]}.{lowest[1]} to {beyond[0]}.{beyond[1] - 1}"
    return Diagnosis("Python", "ok" if fits else "wrong", platform.python_version(), fix, True)


def _core_packages() -> Iterator[Diagnosis]:
    for package, distributions in _CORE.items():
        version = _version(distributions)
        if importlib.util.find_spec(package) is None or version is None:
            fix = f"pip install {distributions[0]}"
            yield Diagnosis(distributions[0], "missing", "not installed", fix, True)
        elif package == "mlperf_loadgen" and version != load_round().loadgen:
            # mlperf.conf, with the round's seeds, is compiled into the package.
            wanted = f"{distributions[0]}=={load_round().loadgen}"
            detail = f"{version}; {load_round().round} needs {load_round().loadgen}"
            yield Diagnosis(distributions[0], "wrong", detail, f"pip install {wanted}", True)
        else:
            yield Diagnosis(distributions[0], "ok", version, core=True)


def _frameworks() -> Iterator[Diagnosis]:
    for name in BACKENDS:
        try:
            info = backend_info(name)
        except InputError as error:
            yield Diagnosis(f"backend {name}", "wrong", error.message, error.fix)
            continue
        if not info.answers:
            continue
        try:
            info.require_installed()
        except InputError as error:
            own = info.interpreter is not None
            yield Diagnosis(
                info.title, "missing", error.message if own else "not installed", error.fix
            )
            continue
        found, python = info.version() or "version not known", info.python()
        if python is not None:
            found += f", by {python.path} (Python {python.text()})"
        yield Diagnosis(info.title, "ok", found)


def _extras() -> Iterator[Diagnosis]:
    for job, (packages, extra) in _EXTRAS.items():
        yield _packages(job, packages, f"pip install 'loadscope[{extra}]'")


def _tasks() -> Iterator[Diagnosis]:
    """What tasks take beside the core; a further package's task that does not work is said so."""
    for name in task_names():
        try:
            kind = task(name)
        except LoadScopeError as error:
            yield Diagnosis(f"task {name}", "wrong", error.message, error.fix)
            continue
        if kind.packages:
            yield _packages(kind.title, kind.packages, kind.install)


def _packages(job: str, packages: tuple[str, ...], install: str) -> Diagnosis:
    absent = [name for name in packages if importlib.util.find_spec(name) is None]
    if absent:
        return Diagnosis(job, "missing", f"{', '.join(absent)} not installed", install)
    return Diagnosis(job, "ok", ", ".join(f"{name} {_version((name,))}" for name in packages))


def _cache() -> Diagnosis:
    try:
        root = cache_root()
    except InputError as error:
        return Diagnosis("cache", "wrong", error.message, error.fix, True)
    files = (Path(folder, name) for folder, _, names in os.walk(root) for name in names)
    used = sum(file.lstat().st_size for file in files if file.exists())
    free = shutil.disk_usage(root).free
    return Diagnosis("cache", "ok", f"{root}, {_gigabytes(used)} used, {_gigabytes(free)} free")


def _host() -> Diagnosis:
    usable = len(os.sched_getaffinity(0))
    physical = psutil.cpu_count(logical=False) or "unknown"
    memory = psutil.virtual_memory()
    return Diagnosis(
        "host",
        "ok",
        f"{platform.machine()} {sys.byteorder}-endian, {usable} CPUs to use ({physical} physical "
        f"cores), {_gigabytes(memory.total)} memory, {_gigabytes(memory.available)} available",
    )


def _devices() -> Iterator[Diagnosis]:
    """The accelerators, and whether NVIDIA's tell of their power and clocks."""
    here = devices_here()
    if not here:
        yield Diagnosis("devices", "ok", "the processors alone: no accelerator was found")
    for device in here:
        memory = f", {_gigabytes(device.memory_bytes)} memory" if device.memory_bytes else ""
        driver = f", driver {device.driver}" if device.driver else ""
        yield Diagnosis(f"device {device.name}", "ok", f"{device.title}{memory}{driver}")
    if any(kind_of(device.name) == CUDA for device in here) and Nvml.of_machine() is None:
        yield Diagnosis(
            "power and clocks of the GPU", "missing", "nvidia-ml-py not installed",
            "pip install 'loadscope[nvidia]'",
        )  # fmt: skip


def _energy() -> Diagnosis:
    here = devices_here()
    counted = [counter.name for counter in energy_counters()]
    if Nvml.of_machine() is not None:
        counted += [device.name for device in here if kind_of(device.name) == CUDA]
    if counted:
        return Diagnosis("energy", "ok", f"counted of {', '.join(counted)}")
    rapl = sorted(Path("/sys/class/powercap").glob("*-rapl:*"))
    if rapl:
        detail = f"{rapl[0]}/energy_uj may be read by root alone"
        return Diagnosis("energy", "missing", detail, f"sudo chmod a+r {rapl[0]}*/energy_uj")
    return Diagnosis("energy", "ok", "not counted: this machine has no counter (RAPL, NVML)")


def _datasets() -> Iterator[Diagnosis]:
    cache = cache_location()
    for name, entry in catalog().items():
        part = f"data set {name}"
        if dataset_in_cache(name, cache):
            yield Diagnosis(part, "ok", str(dataset_folder(name, cache)))
        elif entry.source is not None:
            yield Diagnosis(part, "missing", "not fetched", entry.obtain)
        else:
            yield Diagnosis(part, "missing", "got by hand", "loadscope datasets")


def _audit_config(folder: Path) -> Diagnosis:
    path = folder / "audit.config"
    if not path.exists():
        return Diagnosis("audit.config", "ok", f"none in {folder}")
    detail = f"{path} would turn every run into a compliance test; runs refuse to start here"
    return Diagnosis("audit.config", "wrong", detail, f"move {path} away")


def _version(distributions: tuple[str, ...]) -> str | None:
    for distribution in distributions:
        try:
            return importlib.metadata.version(distribution)
        except importlib.metadata.PackageNotFoundError:
            continue
    return None


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.1f} GB"
