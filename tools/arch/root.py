"""A root of Debian's packages for another instruction set, whose programs are emulated.

Nothing in it is configured: what a package's script would have made and the checks need is
made here. The interpreter in it is a small program of this machine that starts the emulator on
the real one, so that the suite's own child processes start without the system's help
(binfmt_misc), and without privileges beyond root in a container.
"""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from loadscope.errors import WorkError
from loadscope.tools.arch.architecture import Architecture

SUITES = ("trixie", "stable")
"""Tried in this order: a mirror may hold one of them with an index that is out of step."""

_PYTHON = "python3.13"

PACKAGES = (
    "python3", "python3-absl", "python3-click", "python3-filelock", "python3-hypothesis",
    "python3-jinja2", "python3-more-itertools", "python3-nibabel", "python3-nltk",
    "python3-numpy", "python3-onnx", "python3-onnxruntime", "python3-opencv", "python3-pil",
    "python3-platformdirs", "python3-plotly", "python3-psutil", "python3-pydantic",
    "python3-pytest", "python3-rapidfuzz", "python3-regex", "python3-requests", "python3-rich",
    "python3-scipy", "python3-six", "python3-sklearn", "python3-soundfile", "python3-torch",
    "python3-yaml", "libpython3.13-dev", "pybind11-dev",
    # Of Dask, by which the machine is a host of a campaign.
    "python3-cloudpickle", "python3-cryptography", "python3-fsspec", "python3-locket",
    "python3-msgpack", "python3-packaging", "python3-partd", "python3-sortedcontainers",
    "python3-tblib", "python3-toolz", "python3-tornado", "python3-zict",
)  # fmt: skip

# Of /proc these are all that psutil reads where nothing is mounted.
_PROC = ("meminfo", "stat")
# Without them ONNX Runtime for Arm ends at its import: it counts processors there.
_PROCESSORS = ("possible", "present")

_UNNUMBERED = ("libsndfile.so.1",)
"""Libraries that a module asks for without their number, where it cannot ask ``ldconfig``."""

_LAUNCHER = """
#include <unistd.h>
int main(int argc, char **argv) {
    char *words[argc + 4];
    words[0] = "/EMULATOR";
    words[1] = "-0";
    words[2] = "/usr/bin/python3";
    words[3] = "/usr/bin/PYTHON";
    for (int i = 1; i <= argc; i++)
        words[i + 3] = argv[i];
    execv(words[0], words);
    return 127;
}
"""

_ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "HOME": "/root",
    "LANG": "C.UTF-8",
    # PyTorch does not come back from its import where its threads start under emulation.
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    # Debian's PyTorch brings Open MPI, whose UCX complains on standard output of what QEMU lacks.
    "UCX_LOG_LEVEL": "fatal",
}


@dataclass(frozen=True)
class Root:
    """A root that is ready to run programs in."""

    path: Path
    architecture: Architecture

    @property
    def environment(self) -> dict[str, str]:
        """What its programs need of variables."""
        libraries = f"/usr/lib/{self.architecture.triplet}"
        # Debian chooses among BLAS libraries when a package is configured.
        return {**_ENVIRONMENT, "LD_LIBRARY_PATH": f"{libraries}/lapack:{libraries}/blas"}

    def run(self, arguments: Sequence[str], log: Path, seconds: float, **environment: str) -> int:
        """Run the root's Python, with what it says in ``log`` and, of errors, in ``log.err``.

        Returns:
            Its exit status; -9 where it took longer than ``seconds``.
        """
        chroot = shutil.which("chroot", path="/usr/sbin:/usr/bin:/sbin:/bin") or "chroot"
        with log.open("wb") as said, log.with_suffix(".log.err").open("wb") as errors:
            try:
                return subprocess.run(
                    [chroot, str(self.path), "/usr/bin/python3", *arguments],
                    env={**self.environment, **environment},
                    stdin=subprocess.DEVNULL,
                    stdout=said,
                    stderr=errors,
                    timeout=seconds,
                ).returncode
            except subprocess.TimeoutExpired:
                return -9


def ensure_root(architecture: Architecture, cache: Path, log: Path) -> Root:
    """Have the root in the cache, made at most once.

    Raises:
        WorkError: Debian's packages cannot be had, or this is not root.
    """
    key = hashlib.sha256(
        "\n".join((*PACKAGES, *_UNNUMBERED, _LAUNCHER, architecture.cpuinfo, *_PROCESSORS)).encode()
    ).hexdigest()[:12]
    final = cache / f"root-{key}"
    if not final.exists():
        for suite in SUITES:
            partial = cache / f"root-{key}.partial"
            shutil.rmtree(partial, ignore_errors=True)
            if _unpack(architecture, suite, partial, log):
                _complete(architecture, partial)
                partial.rename(final)
                break
        else:
            raise WorkError(
                f"cannot make the root of {architecture.debian} from Debian {' or '.join(SUITES)}",
                f"the package manager's messages are in {log}",
            )
    return Root(final, architecture)


def _unpack(architecture: Architecture, suite: str, folder: Path, log: Path) -> bool:
    what = [
        "--variant=extract",
        f"--architectures={architecture.debian}",
        f"--include={','.join(PACKAGES)}",
        # A mirror that is a snapshot keeps its signed indices beyond their date.
        "--aptopt=Acquire::Check-Valid-Until false",
    ]
    with log.open("ab") as said:
        status = subprocess.run(
            ["mmdebstrap", *what, suite, str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
        ).returncode
    # Another release than the one that the packages are named for has another Python.
    return status == 0 and (folder / "usr/bin" / _PYTHON).exists()


def _complete(architecture: Architecture, root: Path) -> None:
    for name in ("bin", "lib", "lib64", "sbin"):
        link = root / name
        if not link.exists() and (root / "usr" / name).exists():
            link.symlink_to(f"usr/{name}")
    for name in _UNNUMBERED:
        library = root / "usr/lib" / architecture.triplet / name
        library.with_suffix("").symlink_to(name)
    shutil.copy(Path("/usr/bin", architecture.emulator), root / architecture.emulator)
    (root / "proc").mkdir(exist_ok=True)
    for name in _PROC:
        (root / "proc" / name).write_bytes(Path("/proc", name).read_bytes())
    processors = root / "sys/devices/system/cpu"
    processors.mkdir(parents=True)
    for name in _PROCESSORS:
        (processors / name).write_text("0\n", encoding="utf-8")
    (root / "proc/cpuinfo").write_text(architecture.cpuinfo, encoding="utf-8")
    (root / "root").mkdir(exist_ok=True)
    (root / "tmp").mkdir(exist_ok=True)
    certificates = root / "etc/ssl/certs/ca-certificates.crt"
    certificates.parent.mkdir(parents=True, exist_ok=True)
    certificates.write_bytes(
        b"".join(
            each.read_bytes() for each in sorted(root.glob("usr/share/ca-certificates/*/*.crt"))
        )
    )
    source = root / "tmp/launcher.c"
    words = _LAUNCHER.replace("EMULATOR", architecture.emulator).replace("PYTHON", _PYTHON)
    source.write_text(words, encoding="utf-8")
    launcher = root / "usr/bin/python3"
    launcher.unlink()
    compiler = os.environ.get("CC", "cc")
    done = subprocess.run(
        [compiler, "-static", "-O1", "-o", str(launcher), str(source)], capture_output=True
    )
    if done.returncode:
        raise WorkError(
            f"{compiler} cannot make the launcher: {done.stderr.decode(errors='replace')[-300:]}",
            "apt-get install gcc libc6-dev",
        )
