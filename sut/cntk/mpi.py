"""The two libraries of MPI that CNTK is linked with, for one process that sends no messages.

CNTK 2.7 wants OpenMPI 1.10's ``libmpi.so.12`` and ``libmpi_cxx.so.1``, which no distribution has
any more. It calls them only where training is spread over processes. What is made here has every
symbol that CNTK's own libraries look for there; each function answers 0.
"""

import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

from loadscope.errors import InputError, WorkError

FOLDER = Path("lib", "loadscope-mpi")
"""In the environment."""

_LIBRARIES = ("libmpi.so.12", "libmpi_cxx.so.1")
_MARKS = ("MPI_", "ompi_", "_ZN3MPI", "_ZNK3MPI", "_ZTIN3MPI", "_ZTVN3MPI")
_OBJECT_BYTES = 1024


def make_libraries(environment: Path) -> None:
    """Build the libraries for the CNTK of an environment.

    Args:
        environment: Its folder.

    Raises:
        InputError: A compiler or binutils is missing.
        WorkError: CNTK's libraries are not there, or the compiler failed.
    """
    for tool in ("gcc", "readelf"):
        if shutil.which(tool) is None:
            raise InputError(
                f"CNTK: {tool} is not on the path; it makes the stand-ins of two MPI libraries",
                "install gcc and binutils (Debian: apt install gcc binutils)",
            )
    found = sorted(environment.glob("lib/python*/site-packages/cntk/libs/*.so*"))
    if not found:
        raise WorkError(f"{environment}: CNTK's libraries were not found in it")
    wanted: dict[str, bool] = {}
    for library in found:
        said = _run(["readelf", "--wide", "--dyn-syms", str(library)])
        wanted |= undefined(said.splitlines())
    folder = environment / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        source = Path(scratch) / "mpi.c"
        source.write_text(stand_in(wanted), encoding="utf-8")
        for name in _LIBRARIES:
            output = folder / name
            flags = ["-shared", "-fPIC", "-w", f"-Wl,-soname,{name}"]
            _run(["gcc", *flags, "-o", str(output), str(source)])


def undefined(lines: Iterable[str]) -> dict[str, bool]:
    """The symbols of MPI that a library looks for elsewhere, and whether each is an object.

    Args:
        lines: What ``readelf --wide --dyn-syms`` says of it.
    """
    found = {}
    for line in lines:
        # Num: Value Size Type Bind Vis Ndx Name
        parts = line.split()
        if len(parts) >= 8 and parts[6] == "UND" and parts[7].startswith(_MARKS):
            found[parts[7].partition("@")[0]] = parts[3] == "OBJECT"
    return found


def stand_in(wanted: dict[str, bool]) -> str:
    """C source of all of these symbols."""
    special = {
        "MPI_Comm_rank": "int MPI_Comm_rank(void *comm, int *rank) { *rank = 0; return 0; }",
        "MPI_Comm_size": "int MPI_Comm_size(void *comm, int *size) { *size = 1; return 0; }",
        "MPI_Initialized": "int MPI_Initialized(int *flag) { *flag = 1; return 0; }",
    }
    lines = []
    for name, is_object in sorted(wanted.items()):
        if is_object:
            lines.append(f"char {name}[{_OBJECT_BYTES}];")
        else:
            lines.append(special.get(name, f"long {name}(void) {{ return 0; }}"))
    return "\n".join(lines) + "\n"


def _run(command: list[str]) -> str:
    done = subprocess.run(
        command, capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL
    )
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise WorkError(f"CNTK: {' '.join(command[:2])} failed: {said[:300]}")
    return done.stdout
