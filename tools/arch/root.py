"""An s390x root from Debian's packages, in which programs run by user-mode emulation.

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

SUITES = ("trixie", "stable")
"""Tried in this order: a mirror may hold one of them with an index that is out of step."""

_EMULATOR = Path("/usr/bin/qemu-s390x-static")
_PYTHON = "python3.13"

PACKAGES = (
    "python3", "python3-click", "python3-filelock", "python3-hypothesis", "python3-jinja2",
    "python3-numpy", "python3-onnx", "python3-onnxruntime", "python3-opencv", "python3-pil",
    "python3-platformdirs", "python3-plotly", "python3-psutil", "python3-pydantic",
    "python3-pytest", "python3-requests", "python3-rich", "python3-torch", "python3-yaml",
    "libpython3.13-dev", "pybind11-dev",
)  # fmt: skip

# Of /proc these are all that psutil reads where nothing is mounted.
_PROC = ("meminfo", "stat")
# In the form of s390x; no machine is named, for there is none.
_CPUINFO = "vendor_id       : emulated\n# processors    : 1\n"

_LAUNCHER = """
#include <unistd.h>
int main(int argc, char **argv) {
    char *words[argc + 4];
    words[0] = "/qemu-s390x-static";
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
    # Debian chooses among BLAS libraries when a package is configured.
    "LD_LIBRARY_PATH": "/usr/lib/s390x-linux-gnu/lapack:/usr/lib/s390x-linux-gnu/blas",
    # PyTorch does not come back from its import where its threads start under emulation.
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
}


@dataclass(frozen=True)
class Root:
    """A root that is ready to run programs in."""

    path: Path

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
                    env={**_ENVIRONMENT, **environment},
                    stdin=subprocess.DEVNULL,
                    stdout=said,
                    stderr=errors,
                    timeout=seconds,
                ).returncode
            except subprocess.TimeoutExpired:
                return -9


def ensure_root(cache: Path, log: Path) -> Root:
    """Have the root in the cache, made at most once.

    Raises:
        WorkError: Debian's packages cannot be had, or this is not root.
    """
    key = hashlib.sha256("\n".join((*PACKAGES, _LAUNCHER, _CPUINFO)).encode()).hexdigest()[:12]
    final = cache / f"root-{key}"
    if not final.exists():
        for suite in SUITES:
            partial = cache / f"root-{key}.partial"
            shutil.rmtree(partial, ignore_errors=True)
            if _unpack(suite, partial, log):
                _complete(partial)
                partial.rename(final)
                break
        else:
            raise WorkError(
                f"cannot make the s390x root from Debian's packages ({' or '.join(SUITES)})",
                f"the package manager's messages are in {log}",
            )
    return Root(final)


def _unpack(suite: str, folder: Path, log: Path) -> bool:
    what = [
        "--variant=extract",
        "--architectures=s390x",
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


def _complete(root: Path) -> None:
    for name in ("bin", "lib", "sbin"):
        link = root / name
        if not link.exists():
            link.symlink_to(f"usr/{name}")
    shutil.copy(_EMULATOR, root / _EMULATOR.name)
    (root / "proc").mkdir(exist_ok=True)
    for name in _PROC:
        (root / "proc" / name).write_bytes(Path("/proc", name).read_bytes())
    (root / "proc/cpuinfo").write_text(_CPUINFO, encoding="utf-8")
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
    source.write_text(_LAUNCHER.replace("PYTHON", _PYTHON), encoding="utf-8")
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
