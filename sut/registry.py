"""Which backends exist, told without importing any framework."""

import importlib
import importlib.metadata
import importlib.util
from dataclasses import dataclass

from loadscope.errors import InputError
from loadscope.sut.backend import Backend


@dataclass(frozen=True)
class BackendInfo:
    """What can be said of a backend before its framework is imported.

    Attributes:
        name: The value of ``--framework``.
        title: The framework's own spelling.
        location: ``module:class`` of the backend.
        package: The import name that must be there, empty where nothing is needed.
        distributions: The names under which package managers know it, preferred first.
        install: The command that installs it.
        formats: The artifact formats that it loads.
    """

    name: str
    title: str
    location: str
    package: str
    distributions: tuple[str, ...]
    install: str
    formats: tuple[str, ...]

    def installed(self) -> bool:
        """Whether the framework can be found, without importing it."""
        return not self.package or importlib.util.find_spec(self.package) is not None

    def version(self) -> str | None:
        """The installed framework's version, or None where it is not installed."""
        for distribution in self.distributions:
            try:
                return importlib.metadata.version(distribution)
            except importlib.metadata.PackageNotFoundError:
                continue
        return None


_ALL = (
    BackendInfo(
        name="onnxruntime",
        title="ONNX Runtime",
        location="loadscope.sut.onnxruntime:OnnxRuntimeBackend",
        package="onnxruntime",
        distributions=("onnxruntime", "onnxruntime-gpu"),
        install="pip install 'loadscope[onnxruntime]'",
        formats=("onnx",),
    ),
    BackendInfo(
        name="pytorch",
        title="PyTorch",
        location="loadscope.sut.pytorch:PyTorchBackend",
        package="torch",
        distributions=("torch",),
        install="pip install 'loadscope[pytorch]'",
        formats=("state-dict",),
    ),
    BackendInfo(
        name="tensorflow",
        title="TensorFlow",
        location="loadscope.sut.tensorflow:TensorFlowBackend",
        package="tensorflow",
        distributions=("tensorflow-cpu", "tensorflow"),
        install="pip install 'loadscope[tensorflow]'",
        formats=("frozen-graph", "saved-model", "keras"),
    ),
    BackendInfo(
        name="mxnet",
        title="MXNet",
        location="loadscope.sut.mxnet:MxnetBackend",
        package="mxnet",
        distributions=("mxnet",),
        install="pip install 'loadscope[mxnet]'",
        formats=("symbol",),
    ),
    BackendInfo(
        name="onnxmlir",
        title="onnx-mlir (IBM Z Deep Learning Compiler)",
        location="loadscope.sut.onnxmlir:OnnxMlirBackend",
        package="PyRuntime",
        distributions=(),
        install="put the folder of the compiler's PyRuntime on PYTHONPATH; see docs/ibm-z.md",
        formats=("onnx", "onnx-mlir-library"),
    ),
    BackendInfo(
        name="null",
        title="null (answers at once, for measuring the harness)",
        location="loadscope.sut.null:NullBackend",
        package="",
        distributions=(),
        install="",
        formats=("none",),
    ),
)

BACKENDS: dict[str, BackendInfo] = {info.name: info for info in _ALL}
if len(BACKENDS) != len(_ALL):
    raise RuntimeError("two backends have the same name")


def backend_info(name: str) -> BackendInfo:
    """Look a backend up by name.

    Raises:
        InputError: There is no backend of that name; the message lists the known ones.
    """
    try:
        return BACKENDS[name]
    except KeyError:
        raise InputError(
            f"unknown framework '{name}'", f"use one of: {', '.join(BACKENDS)}"
        ) from None


def require_installed(info: BackendInfo) -> None:
    """Check that a framework is there before any work is done for it.

    Raises:
        InputError: It is not installed; the message has the command that installs it.
    """
    if not info.installed():
        raise InputError(f"{info.title} is not installed in this environment", info.install)


def open_backend(name: str) -> Backend:
    """Import a backend's module, and with it the framework, and make an empty backend."""
    info = backend_info(name)
    require_installed(info)
    module, _, attribute = info.location.partition(":")
    backend: Backend = getattr(importlib.import_module(module), attribute)()
    return backend
