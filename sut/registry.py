"""Which backends exist, told without importing any framework."""

import importlib
import importlib.metadata
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from loadscope.errors import InputError, near
from loadscope.sut.backend import Backend


@dataclass(frozen=True)
class Option:
    """A setting of a backend, given in a manifest or with ``--option``.

    Attributes:
        kind: The type of its value.
        choices: The values that it can have, where they are few.
        weights: What a value does to the weights, a phrase each; under None what is done where
            the option is not given.
    """

    kind: type
    choices: tuple[str, ...] = ()
    weights: Mapping[Any, str] = field(default_factory=dict)

    def takes(self, value: Any) -> bool:
        """Whether a value is of the option's type; a whole number is a ``float`` too."""
        if isinstance(value, bool):
            return self.kind is bool
        return isinstance(value, (int, float) if self.kind is float else self.kind)


NUMERICS_OPTION = "dtype"
"""The option that changes what numbers a model computes with, and so the name of a result."""

DEFAULT_NUMERICS = "float32"
"""What a result's name leaves out."""

_NNPA = (("device", "nnpa"), ("accelerator", "NNPA"))
"""The options that move a model to an IBM Z's NNPA, which computes in DLFLOAT16 alone."""

_NUMERICS = (DEFAULT_NUMERICS, "bfloat16")

_EXTERNAL_DATA = "loadscope.sut.onnx_files:external_data"
"""What lies beside an ONNX file, for every backend that loads one."""

_FUSED_BY_MXNET = "batch norms folded and operators fused by MXNet for oneDNN"
_OPTIMIZED = "constants folded and operators fused by ONNX Runtime, graph optimisation"


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
        options: The settings that it takes, by name.
        weights: What the framework does to the weights of every model that it loads.
        one_caller: Whether a process must not call it from two threads at once.
        each_shape: Whether it prepares itself anew for each shape of a batch.
        folders: The formats that are a folder, all of whose files are loaded.
        companions: By format, ``module:function`` that lists the files which are loaded beside
            the one that is named; a format that is left out has none.
        offered: Whether it is for users, and not for measuring LoadScope itself.
    """

    name: str
    title: str
    location: str
    package: str
    distributions: tuple[str, ...]
    install: str
    formats: tuple[str, ...]
    options: Mapping[str, Option] = field(default_factory=dict)
    weights: str = ""
    one_caller: bool = False
    each_shape: bool = False
    folders: tuple[str, ...] = ()
    companions: Mapping[str, str] = field(default_factory=dict)
    offered: bool = True

    def model_files(self, format: str, path: Path) -> list[Path]:
        """Every file that loading a model reads: the named one first, then others by name.

        Args:
            format: The model's format.
            path: The file, or the folder of a format that is one.

        Raises:
            OSError: It cannot be read.
        """
        if path.is_dir():
            found = (each for each in path.rglob("*") if each.is_file())
            return sorted(found, key=lambda each: each.relative_to(path).as_posix())
        if format not in self.companions:
            return [path]
        module, _, name = self.companions[format].partition(":")
        return [path, *getattr(importlib.import_module(module), name)(path)]

    def weight_changes(self, options: Mapping[str, Any]) -> list[str]:
        """What the framework and these options of it do to the weights, a phrase each."""
        found = [self.weights]
        found += [
            option.weights.get(options.get(name), "")
            for name, option in self.options.items()
            if option.weights
        ]
        return list(filter(None, found))

    def check_options(self, options: Mapping[str, Any]) -> None:
        """Check that every option is one of the backend's, of its type, and of a known value.

        Raises:
            InputError: One is not.
        """
        for name, value in options.items():
            option = self.options.get(name)
            if option is None:
                raise InputError(
                    f"{self.title} has no option '{name}'",
                    f"{near(name, self.options)}known: {', '.join(self.options)}",
                )
            if not option.takes(value):
                raise InputError(
                    f"{self.title}: option {name} = {value!r} is not of type "
                    f"{option.kind.__name__}",
                    "correct --option, or options in the model's manifest",
                )
            if option.choices and value not in option.choices:
                raise InputError(
                    f"{self.title}: unknown {name} '{value}'",
                    f"use one of: {', '.join(option.choices)}",
                )

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
        location="loadscope.sut.onnxruntime.backend:OnnxRuntimeBackend",
        package="onnxruntime",
        distributions=("onnxruntime", "onnxruntime-gpu"),
        install="pip install 'loadscope[onnxruntime]'",
        formats=("onnx",),
        options={
            "graph_optimization": Option(
                str,
                ("none", "basic", "extended", "all"),
                {None: f"{_OPTIMIZED} 'all'"}
                | {level: f"{_OPTIMIZED} '{level}'" for level in ("basic", "extended", "all")},
            ),
            "providers": Option(list),
            "allow_spinning": Option(bool),
            "arena": Option(bool),
        },
        # Each shape's memory is planned at its first call; unplanned, two workers wait for each
        # other's allocations.
        each_shape=True,
        companions={"onnx": _EXTERNAL_DATA},
    ),
    BackendInfo(
        name="pytorch",
        title="PyTorch",
        location="loadscope.sut.pytorch.backend:PyTorchBackend",
        package="torch",
        distributions=("torch",),
        install="pip install 'loadscope[pytorch]'",
        formats=("state-dict", "torchscript", "exported-program"),
        options={
            "channels_last": Option(bool, weights={True: "laid out channels-last"}),
            "fold_batch_norm": Option(
                bool, weights={True: "batch norms folded into the convolutions before them"}
            ),
            "onednn_linear": Option(bool, weights={True: "of linear layers laid out by oneDNN"}),
            "freeze": Option(bool, weights={True: "made constants and folded by torch.jit.freeze"}),
            "compile": Option(
                bool, weights={True: "made constants, folded and packed by torch.compile"}
            ),
            "dtype": Option(str, _NUMERICS, {"bfloat16": "rounded to bf16"}),
            "device": Option(str, ("cpu", "nnpa"), {"nnpa": "rounded to DLFLOAT16 for the NNPA"}),
        },
    ),
    BackendInfo(
        name="tensorflow",
        title="TensorFlow",
        location="loadscope.sut.tensorflow.backend:TensorFlowBackend",
        package="tensorflow",
        distributions=("tensorflow-cpu", "tensorflow"),
        install="pip install 'loadscope[tensorflow]'",
        formats=("frozen-graph", "saved-model", "keras"),
        folders=("saved-model",),
        options={
            "inter_op": Option(int),
            "signature": Option(str),
            "dtype": Option(
                str,
                _NUMERICS,
                {"bfloat16": "rounded to bf16 in the operators of oneDNN's mixed-precision pass"},
            ),
        },
        weights="made constants; folded and fused by Grappler",
    ),
    BackendInfo(
        name="mxnet",
        title="MXNet",
        location="loadscope.sut.mxnet.backend:MxnetBackend",
        package="mxnet",
        distributions=("mxnet",),
        install="pip install 'loadscope[mxnet]'",
        formats=("symbol",),
        options={
            "engine_workers": Option(int),
            "executors": Option(int),
            "fusion": Option(bool, weights={None: _FUSED_BY_MXNET, True: _FUSED_BY_MXNET}),
        },
        # With two its engine now and then loses an operator, and all wait for it without end.
        one_caller=True,
        each_shape=True,
        companions={"symbol": "loadscope.sut.mxnet.files:parameters"},
    ),
    BackendInfo(
        name="onnxmlir",
        title="onnx-mlir (IBM Z Deep Learning Compiler)",
        location="loadscope.sut.onnxmlir.backend:OnnxMlirBackend",
        package="PyRuntime",
        distributions=(),
        install="put the folder of the compiler's PyRuntime on PYTHONPATH; see docs/ibm-z.md",
        formats=("onnx", "onnx-mlir-library"),
        options={
            "accelerator": Option(str, ("NNPA",), {"NNPA": "rounded to DLFLOAT16 for the NNPA"}),
            "march": Option(str),
            "optimization": Option(int),
            "compiler": Option(str),
        },
        weights="compiled into a library by onnx-mlir",
        companions={"onnx": _EXTERNAL_DATA},
    ),
    BackendInfo(
        name="null",
        title="null (answers at once, for measuring the harness)",
        location="loadscope.sut.null.backend:NullBackend",
        package="",
        distributions=(),
        install="",
        formats=("none",),
        options={
            "delay_us": Option(float),
            "sample_us": Option(float),
            "crowded_from": Option(int),
            "shortcut": Option(bool),
            "fail_at": Option(int),
            "threads_in_force": Option(int),
        },
        offered=False,
    ),
)

BACKENDS: dict[str, BackendInfo] = {info.name: info for info in _ALL}
if len(BACKENDS) != len(_ALL):
    raise RuntimeError("two backends have the same name")


def frameworks() -> list[str]:
    """The backends that users are offered, by name."""
    return [name for name, info in BACKENDS.items() if info.offered]


def backend_info(name: str) -> BackendInfo:
    """Look a backend up by name.

    Raises:
        InputError: There is no backend of that name; the message has near and known ones.
    """
    try:
        return BACKENDS[name]
    except KeyError:
        known = frameworks()
        raise InputError(
            f"unknown framework '{name}'", f"{near(name, known)}use one of: {', '.join(known)}"
        ) from None


def numerics(options: Mapping[str, Any], of_file: str) -> str:
    """What numbers a model computes with.

    Args:
        options: Of the backend.
        of_file: What the model's file computes with.
    """
    if any(options.get(name) == value for name, value in _NNPA):
        return "dlfloat16"
    return str(options.get(NUMERICS_OPTION, of_file))


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
