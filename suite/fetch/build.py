"""Artifacts made on this machine, in a process of its own so that no framework comes here."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import loadscope
from loadscope.datasets.task import Progress
from loadscope.errors import InputError, WorkError
from loadscope.in_use import keep
from loadscope.suite.fetch.digest import file_sha256
from loadscope.suite.fetch.files import Fetched
from loadscope.suite.fetch.libraries import library_folder
from loadscope.suite.fetch.store import Transfer, ensure
from loadscope.suite.models.checksum import Checksum
from loadscope.suite.models.exporters import exporter
from loadscope.sut.exporter import Exporter


@dataclass(frozen=True)
class BuildRequest:
    """An artifact to build.

    Attributes:
        name: The file's name without its suffix.
        exporter: Its name.
        options: The exporter's options, by name without dashes before; several values are
            the option several times.
        origin: The file that it is made from, where it is made from one.
    """

    name: str
    exporter: str
    options: Mapping[str, str | Sequence[str]]
    origin: Fetched | None = None


def built_path(request: BuildRequest, cache: Path) -> Path:
    """Where the artifact is or will be: under a key of all that shapes it.

    Raises:
        InputError: A package that the exporter imports is not installed.
    """
    maker = exporter(request.exporter)
    material = {
        "exporter": maker.name,
        "code": _code_digest(maker),
        "options": request.options,
        "origin": request.origin and request.origin.sha256,
        "packages": maker.versions(),
    }
    key = hashlib.sha256(json.dumps(material, sort_keys=True).encode()).hexdigest()[:16]
    # The id of a family's model has a slash.
    name = request.name.replace("/", "-")
    return cache / "artifacts" / "build" / f"{name}-{key}" / f"{name}{maker.suffix}"


def build_artifact(
    request: BuildRequest, cache: Path, progress: Progress, verify: bool = False
) -> Fetched:
    """Have the artifact in the cache until this process ends, building it at most once.

    Args:
        request: What to build.
        cache: The cache folder.
        progress: Told that it is being built.
        verify: Read a built file in full, and build it again where it is damaged.

    Raises:
        InputError: A package that the exporter imports is not installed, or its input is wrong.
        WorkError: The exporter failed; the message has its last line and the log's path.
    """
    target = built_path(request, cache)
    keep(target.parent)

    def get(part: Path) -> Transfer:
        stage = f"build {target.name}"
        libraries = library_folder(exporter(request.exporter).libraries, cache, progress)
        progress(stage, 0, 0)
        _run(request, part, target.parent / "build.log", libraries)
        progress(stage, 1, 1)
        return Transfer(file_sha256(part))

    source = f"build:{request.exporter}"
    digest = ensure(target, Checksum(), source, get, progress, verify, keep_first=False)
    return Fetched(target, digest)


def _code_digest(maker: Exporter) -> str:
    """A sha256 over the modules and data that determine what an exporter writes."""
    digest = hashlib.sha256()
    for name in maker.code:
        package, _, module = name.rpartition(".")
        file = files(package) / f"{module}.py"
        for each in [file] if file.is_file() else _sources(name):
            digest.update(each.name.encode() + b"\0" + each.read_bytes() + b"\0")
    return digest.hexdigest()


def _sources(package: str) -> list[Traversable]:
    folder = files(package)
    data = folder / "data"
    found = [*folder.iterdir(), *(data.iterdir() if data.is_dir() else ())]
    found = [file for file in found if file.name.endswith((".py", ".safetensors"))]
    return sorted(found, key=lambda file: file.name)


def _run(request: BuildRequest, output: Path, log: Path, libraries: Path | None) -> None:
    command = [sys.executable, "-P", "-m", "loadscope.tools.build", request.exporter]
    options = dict(request.options)
    if request.origin is not None:
        options[exporter(request.exporter).origin_option] = str(request.origin.path)
    options["output"] = str(output)
    for name, value in options.items():
        for one in [value] if isinstance(value, str) else value:
            command += [f"--{name}", one]
    paths = [str(Path(loadscope.__file__).parents[1])]
    paths += filter(None, [os.environ.get("PYTHONPATH"), str(libraries or "")])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    with log.open("wb") as said:
        status = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=said
        ).returncode
    if status:
        raise _failure(request, status, log)


def _failure(request: BuildRequest, status: int, log: Path) -> InputError | WorkError:
    lines = [
        line.strip()
        for line in log.read_text(encoding="utf-8", errors="replace").splitlines()
        if line.strip()
    ]
    errors = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    fixes = [line.removeprefix("fix: ") for line in lines if line.startswith("fix: ")]
    last = (errors or lines or [f"status {status}"])[-1]
    kind = InputError if errors and status == 2 else WorkError
    return kind(
        f"build:{request.exporter} of {request.name} failed: {last}",
        fixes[-1] if fixes and errors else f"its whole output is in {log}",
    )
