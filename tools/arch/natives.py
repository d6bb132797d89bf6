"""LoadGen and pycocotools for another instruction set: their sdists, by a cross compiler.

Under emulation the compiler takes more than ten minutes; here it is under one. Neither is in
Debian, and not every architecture has their wheels.
"""

import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Sequence
from pathlib import Path

from loadscope.errors import WorkError
from loadscope.tools.arch.root import Root

LOADGEN = "mlcommons-loadgen==6.0.17"
PYCOCOTOOLS = "pycocotools==2.0.11"
_CYTHON = "cython>=3,<4"
_PYTHON_HEADERS = "python3.13"


def ensure_natives(cache: Path, root: Root, log: Path) -> Path:
    """A folder of the root's modules to put on the path, built at most once for each root.

    Raises:
        WorkError: A source cannot be fetched or does not compile; the log says why.
    """
    final = cache / f"natives-{root.path.name.removeprefix('root-')}"
    if final.exists():
        return final
    work = cache / "natives.partial"
    shutil.rmtree(work, ignore_errors=True)
    site = work / "site"
    site.mkdir(parents=True)
    headers = _headers(root, work / "include")
    c_compiler, compiler = root.architecture.compilers
    _loadgen(compiler, _unpacked(LOADGEN, work, log), headers, site, log)
    _pycocotools(c_compiler, _unpacked(PYCOCOTOOLS, work, log), headers, site, work, log)
    site.rename(final)
    shutil.rmtree(work)
    return final


def _headers(root: Root, folder: Path) -> list[str]:
    """Copies of the root's headers: of its whole ``usr/include`` the host's would be hidden."""
    include = root.path / "usr/include"
    machine = f"{root.architecture.triplet}/{_PYTHON_HEADERS}"
    shutil.copytree(include / _PYTHON_HEADERS, folder / _PYTHON_HEADERS)
    shutil.copytree(include / machine, folder / machine)
    shutil.copytree(include / "pybind11", folder / "pybind11")
    numpy = "usr/lib/python3/dist-packages/numpy/_core/include/numpy"
    shutil.copytree(root.path / numpy, folder / "numpy")
    for declarations in (root.path / "usr/lib/python3/dist-packages/numpy").glob("*.pxd"):
        shutil.copy(declarations, folder / "numpy")
    return [f"-I{folder / _PYTHON_HEADERS}", f"-I{folder}"]


def _loadgen(compiler: str, source: Path, headers: Sequence[str], site: Path, log: Path) -> None:
    files = sorted(str(path) for path in source.rglob("*.cc"))
    target = ["-o", str(site / "mlperf_loadgen.so")]
    flags = ["-shared", "-fPIC", "-std=c++17", "-O1", f"-I{source}"]
    _say([compiler, *flags, *headers, *files, *target], log)
    _metadata(source, site)


def _pycocotools(
    compiler: str, source: Path, headers: Sequence[str], site: Path, work: Path, log: Path
) -> None:
    cython = work / "cython"
    _say([*_pip("install"), "--target", str(cython), _CYTHON], log)
    generated, package, common = work / "_mask.c", site / "pycocotools", source / "common"
    module = str(source / "pycocotools/_mask.pyx")
    # Without site-packages: the NumPy there has other structures than the root's, which is
    # declared beside the headers.
    translate = [sys.executable, "-S", "-m", "cython", "-3", "-I", str(common)]
    translate += ["-I", str(work / "include"), module]
    _say([*translate, "-o", str(generated)], log, PYTHONPATH=str(cython))
    shutil.copytree(source / "pycocotools", package)
    flags = ["-shared", "-fPIC", "-O2", "-w", f"-I{common}", *headers]
    files = [str(generated), str(common / "maskApi.c")]
    _say([compiler, *flags, *files, "-o", str(package / "_mask.so")], log)
    _metadata(source, site)


def _unpacked(requirement: str, work: Path, log: Path) -> Path:
    name = requirement.partition("=")[0]
    folder = work / name
    _say([*_pip("download"), "--no-deps", "--no-binary", name, "-d", str(folder), requirement], log)
    archive = next(folder.glob("*.tar.gz"))
    with tarfile.open(archive) as opened:
        opened.extractall(folder, filter="data")
    return next(path for path in folder.iterdir() if path.is_dir())


def _metadata(source: Path, site: Path) -> None:
    """What ``importlib.metadata`` reads the version from."""
    name = source.name.replace("-", "_", source.name.count("-") - 1)
    folder = site / f"{name}.dist-info"
    folder.mkdir()
    shutil.copy(source / "PKG-INFO", folder / "METADATA")


def _pip(command: str) -> list[str]:
    return [sys.executable, "-m", "pip", "--disable-pip-version-check", command]


def _say(command: Sequence[str], log: Path, **environment: str) -> None:
    with log.open("ab") as said:
        status = subprocess.run(
            command,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
        ).returncode
    if status:
        raise WorkError(f"{Path(command[0]).name} failed with status {status}", f"see {log}")
