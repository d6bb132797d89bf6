"""Artifacts made on this machine, in a process of its own so that no framework comes here."""

import contextlib
import hashlib
import importlib.metadata
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import loadscope
from loadscope.datasets.task import Progress
from loadscope.errors import InputError, WorkError
from loadscope.in_use import keep
from loadscope.suite.fetch.digest import file_sha256
from loadscope.suite.fetch.files import Fetched
from loadscope.suite.fetch.store import Transfer, ensure
from loadscope.suite.models.checksum import Checksum
from loadscope.suite.models.source import CONVERTERS

# What an exporter imports, and the command that brings it; a bar stands between two names of
# the same package.
_NEEDS = {
    "onnx": (("torch", "onnx", "onnxscript"), "pip install 'loadscope[export]'"),
    "seeded-state-dict": (("torch",), "pip install 'loadscope[pytorch]'"),
    "merged-state-dict": (("torch", "safetensors"), "pip install 'loadscope[pytorch]'"),
    "state-dict-from-onnx": (("torch", "onnx"), "pip install 'loadscope[export]'"),
    "onnx-from-tfjs": (("onnx",), "pip install 'loadscope[export]'"),
    "tensorflow": (
        ("tensorflow-cpu|tensorflow", "onnx"),
        "pip install 'loadscope[tensorflow,export]'",
    ),
    "mxnet": (("mxnet", "onnx"), "pip install 'loadscope[mxnet,export]'"),
}
_SUFFIXES = {
    "onnx": ".onnx",
    "seeded-state-dict": ".pth",
    "merged-state-dict": ".pth",
    "state-dict-from-onnx": ".pth",
    "onnx-from-tfjs": ".onnx",
    "tensorflow": ".pb",
    "mxnet": ".zip",
}
# The option by which an exporter takes the file that it starts from.
_ORIGIN_OPTIONS = {
    "onnx": "state-dict",
    "merged-state-dict": "base",
    "state-dict-from-onnx": "onnx",
    "onnx-from-tfjs": "model",
    "tensorflow": "onnx",
    "mxnet": "onnx",
}


@dataclass(frozen=True)
class BuildRequest:
    """An artifact to build.

    Attributes:
        name: The file's name without its suffix.
        exporter: One of ``loadscope.suite.models.source.EXPORTERS``.
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
    material = {
        "exporter": request.exporter,
        "code": _code_digest(request.exporter),
        "options": request.options,
        "origin": request.origin and request.origin.sha256,
        "packages": _versions(request.exporter),
    }
    key = hashlib.sha256(json.dumps(material, sort_keys=True).encode()).hexdigest()[:16]
    name = f"{request.name}{_SUFFIXES[request.exporter]}"
    return cache / "artifacts" / "build" / f"{request.name}-{key}" / name


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
        progress(stage, 0, 0)
        _run(request, part, target.parent / "build.log")
        progress(stage, 1, 1)
        return Transfer(file_sha256(part))

    source = f"build:{request.exporter}"
    digest = ensure(target, Checksum(), source, get, progress, verify, keep_first=False)
    return Fetched(target, digest)


def _code_digest(exporter: str) -> str:
    """A sha256 over the modules and data that determine what an exporter writes."""
    digest = hashlib.sha256()
    source = "tools.convert" if exporter in (*CONVERTERS, "onnx-from-tfjs") else "sut.architectures"
    for package in (f"loadscope.{source}", "loadscope.tools.build"):
        folder = files(package)
        data = folder / "data"
        found = [*folder.iterdir(), *(data.iterdir() if data.is_dir() else ())]
        for file in sorted(found, key=lambda file: file.name):
            if file.name.endswith((".py", ".safetensors")):
                digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def require_exporter(exporter: str) -> None:
    """Check that what an exporter imports is installed.

    Raises:
        InputError: A package is missing; the message has the command that installs it.
    """
    _versions(exporter)


def _versions(exporter: str) -> dict[str, str]:
    packages, install = _NEEDS[exporter]
    found: dict[str, str] = {}
    for package in packages:
        for name in package.split("|"):
            with contextlib.suppress(importlib.metadata.PackageNotFoundError):
                found.setdefault(package, importlib.metadata.version(name))
    missing = [package.partition("|")[0] for package in packages if package not in found]
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        raise InputError(
            f"the model is built here: build:{exporter} needs {', '.join(missing)}, which {verb} "
            "not installed",
            install,
        )
    return found


def _run(request: BuildRequest, output: Path, log: Path) -> None:
    command = [sys.executable, "-P", "-m", "loadscope.tools.build", request.exporter]
    options = dict(request.options)
    if request.origin is not None:
        options[_ORIGIN_OPTIONS[request.exporter]] = str(request.origin.path)
    options["output"] = str(output)
    for name, value in options.items():
        for one in [value] if isinstance(value, str) else value:
            command += [f"--{name}", one]
    root = str(Path(loadscope.__file__).parents[1])
    paths = [root, *filter(None, [os.environ.get("PYTHONPATH")])]
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
