"""The execution providers of ONNX Runtime with their settings, and what they keep in the cache.

Source of names and values: onnxruntime.ai, 'CUDA Execution Provider', 'TensorRT Execution
Provider'.
"""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import onnxruntime

from loadscope.devices import CPU, CUDA, devices_here, kind_of, number_of
from loadscope.engine_cache import engine_folder
from loadscope.errors import InputError, near
from loadscope.files import replacing
from loadscope.identity import model_sha256
from loadscope.sut.backend import Artifact
from loadscope.sut.onnxruntime.info import INFO

CPU_PROVIDER = "CPUExecutionProvider"
CUDA_PROVIDER = "CUDAExecutionProvider"
TENSORRT = "TensorrtExecutionProvider"
_GPU = (CUDA_PROVIDER, TENSORRT)

Provider = tuple[str, dict[str, str]]


def asked_providers(artifact: Artifact) -> list[str]:
    """The providers that options ask for, or that the device has."""
    device = kind_of(INFO.device(artifact.options))
    default = [CUDA_PROVIDER] if device == CUDA else [CPU_PROVIDER]
    named: list[str] = artifact.options.get("providers", default)
    return named


def providers(artifact: Artifact) -> list[Provider]:
    """The providers with their settings.

    Raises:
        InputError: One is not in this build, or an option has no meaning on the device.
    """
    options, device = artifact.options, INFO.device(artifact.options)
    available = onnxruntime.get_available_providers()
    wanted = asked_providers(artifact)
    for name in wanted:
        if name not in available:
            raise InputError(
                f"ONNX Runtime has no provider '{name}' here",
                f"{near(str(name), available)}available: {', '.join(available)}",
            )
    for option in ("tf32", "dtype"):
        if kind_of(device) != CUDA and options.get(option, "float32") not in (False, "float32"):
            raise InputError(
                f"ONNX Runtime: {option} has no meaning on the device {device}",
                "leave it out, or ask for --device cuda",
            )
    if kind_of(device) == CUDA and not options.get("tf32", False):
        # TensorRT's provider has no setting for it. Read when NVIDIA's libraries are loaded.
        os.environ["NVIDIA_TF32_OVERRIDE"] = "0"
    return [(name, _settings(name, artifact)) for name in wanted]


def device_in_force(names: Sequence[str], settings: dict[str, dict[str, str]]) -> str:
    """The device of a session's providers.

    Args:
        names: As the session has them.
        settings: As ``get_provider_options`` tells them.
    """
    for name in names:
        if name in _GPU:
            number = int(settings.get(name, {}).get("device_id", 0))
            return f"{CUDA}:{number}" if number else CUDA
    return CPU


def model_file(artifact: Artifact) -> Path:
    """The file to open: the artifact's, or for float16 on CUDA one that was converted from it.

    TensorRT's provider makes its own float16.
    """
    wanted = asked_providers(artifact)
    if artifact.options.get("dtype") != "float16" or TENSORRT in wanted:
        return artifact.path
    return float16_file(artifact)


def float16_file(artifact: Artifact) -> Path:
    """The model with weights and activations of float16, from the cache or made.

    Inputs and outputs stay as declared.

    Raises:
        InputError: The package onnx is not installed.
    """
    folder = engine_folder(
        "onnxruntime-float16", {"model": _digest(artifact), "onnxruntime": onnxruntime.__version__}
    )
    made = folder / "model.onnx"
    if made.exists():
        return made
    try:
        import onnx
        from onnxruntime.transformers.float16 import convert_float_to_float16
    except ImportError as error:
        raise InputError(
            "dtype=float16 on ONNX Runtime needs onnx, which is not installed",
            "pip install 'loadscope[export]'",
        ) from error
    converted = convert_float_to_float16(onnx.load(str(artifact.path)), keep_io_types=True)
    with replacing(made) as part:
        onnx.save(converted, str(part))
    return made


def _settings(name: str, artifact: Artifact) -> dict[str, str]:
    if name not in _GPU:
        return {}
    options = artifact.options
    number = str(number_of(INFO.device(options)))
    if name == CUDA_PROVIDER:
        return {"device_id": number, "use_tf32": str(int(options.get("tf32", False)))}
    half = options.get("dtype") == "float16"
    folder = engine_folder(
        "onnxruntime-tensorrt",
        {
            "model": _digest(artifact),
            "onnxruntime": onnxruntime.__version__,
            "device": _title(INFO.device(options)),
            "float16": half,
            "tf32": bool(options.get("tf32", False)),
        },
    )
    return {
        "device_id": number,
        "trt_fp16_enable": str(int(half)),
        "trt_engine_cache_enable": "1",
        "trt_engine_cache_path": str(folder),
        "trt_timing_cache_enable": "1",
        "trt_timing_cache_path": str(folder),
    }


def _digest(artifact: Artifact) -> str:
    if artifact.digest:
        return artifact.digest
    # One that no run has resolved, as in a program of the user's own.
    files = INFO.model_files(artifact.format, artifact.path)
    return model_sha256({file.name: _sha256(file) for file in files})


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _title(device: str) -> str:
    here: dict[str, Any] = {one.name: f"{one.title}, driver {one.driver}" for one in devices_here()}
    return str(here.get(device, device))
