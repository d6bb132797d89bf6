"""Engines: built of an ONNX file for batches up to a size, and kept in the cache.

Source of the calls: NVIDIA, "TensorRT Python API Reference", 10 and 11.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorrt as trt

from loadscope.engine_cache import engine_folder
from loadscope.errors import InputError, WorkError, near
from loadscope.files import replacing
from loadscope.sut.backend import Artifact, TensorInfo
from loadscope.sut.declared import require_batch
from loadscope.tensors import ANY_SIZE

LOGGER = trt.Logger(trt.Logger.ERROR)


def capacity(samples: int, fixed: int | None) -> int:
    """The largest batch of the engine that a batch wants: a power of two, or the file's own."""
    return fixed or 1 << (samples - 1).bit_length()


def engine(artifact: Artifact, most: int, device: str) -> Any:
    """An engine for batches up to a size, from the cache or built, which takes minutes.

    Args:
        artifact: The model; its digest is part of the key, with the option values.
        most: The size.
        device: Name, memory and driver of the GPU: engines are of one kind.

    Raises:
        InputError: The file is not of what TensorRT reads, or its tensors are not as declared.
        WorkError: TensorRT can build no engine of it.
    """
    options = artifact.options
    folder = engine_folder(
        "tensorrt",
        {
            "model": artifact.digest or str(artifact.path),
            "modified": 0 if artifact.digest else artifact.path.stat().st_mtime_ns,
            "tensorrt": trt.__version__,
            "device": device,
            "dtype": options.get("dtype", "float32"),
            "tf32": bool(options.get("tf32", False)),
        },
    )
    path = folder / f"batch-{most}.engine"
    if not path.exists():
        with replacing(path) as part:
            part.write_bytes(_built(artifact, most))
    found = trt.Runtime(LOGGER).deserialize_cuda_engine(path.read_bytes())
    if found is None:
        raise WorkError(
            f"TensorRT cannot load its own engine {path}",
            "free memory on the device; if it has enough, loadscope cache --remove "
            f"{folder.name} --yes",
        )
    return found


def _built(artifact: Artifact, most: int) -> bytes:
    builder = trt.Builder(LOGGER)
    network = builder.create_network(0)
    _parse(artifact.path, network)
    declared = {info.name for info in artifact.outputs}
    for output in [network.get_output(at) for at in range(network.num_outputs)]:
        if output.name not in declared:
            network.unmark_output(output)
    sides = (
        ("input", artifact.inputs, [network.get_input(at) for at in range(network.num_inputs)]),
        ("output", artifact.outputs, [network.get_output(at) for at in range(network.num_outputs)]),
    )
    for side, infos, tensors in sides:
        _compare(side, infos, tensors, artifact.max_batch)
    config = builder.create_builder_config()
    # Names and shapes of layers, for traces; the engine is no slower.
    config.profiling_verbosity = trt.ProfilingVerbosity.DETAILED
    _numerics(artifact, config)
    profile = builder.create_optimization_profile()
    for info, tensor in zip(artifact.inputs, sides[0][2], strict=True):
        if tensor.shape[0] == -1:
            least, largest = (1, *info.shape), (most, *info.shape)
            profile.set_shape(info.name, least, largest, largest)
    config.add_optimization_profile(profile)
    found = builder.build_serialized_network(network, config)
    if found is None:
        raise WorkError(
            f"TensorRT {trt.__version__} cannot build an engine of {artifact.path}",
            "see the process's log for its reason; use another version, or another framework",
        )
    return bytes(found)


def _numerics(artifact: Artifact, config: Any) -> None:
    if not artifact.options.get("tf32", False):
        config.clear_flag(trt.BuilderFlag.TF32)
    if artifact.options.get("dtype") != "float16":
        return
    flag = getattr(trt.BuilderFlag, "FP16", None)
    if flag is None:
        # Since TensorRT 11 networks compute in the types of their file.
        raise InputError(
            f"TensorRT {trt.__version__}: dtype=float16 is no option any more",
            "give the model as an ONNX file of float16, with numerics: float16 in its manifest",
        )
    config.set_flag(flag)


def _parse(path: Path, network: Any) -> None:
    parser = trt.OnnxParser(network, LOGGER)
    # By its path, so that weights beside the file are found.
    if not parser.parse_from_file(str(path)):
        said = parser.get_error(0).desc() if parser.num_errors else "no reason given"
        raise InputError(
            f"TensorRT {trt.__version__} cannot read {path}: {said}",
            "export the model with other operators, or use another framework",
        )


def _compare(
    side: str, declared: Sequence[TensorInfo], actual: Sequence[Any], fixed: int | None
) -> None:
    """Hold declared tensors against the file's."""
    known = {tensor.name: tensor for tensor in actual}
    fix = f"correct {side}s in the model's manifest"
    for info in declared:
        if info.name not in known:
            raise InputError(
                f"the ONNX file has no {side} '{info.name}'",
                f"{near(info.name, known)}it has: {', '.join(known)}",
            )
        shape = tuple(known[info.name].shape)
        if ANY_SIZE in info.shape:
            raise InputError(
                f"TensorRT: {side} '{info.name}' has a size that each batch chooses",
                "declare its largest size, or use another framework",
            )
        dtype = np.dtype(trt.nptype(known[info.name].dtype)).name
        fits = len(shape) == 1 + len(info.shape) and all(
            size in (-1, wanted) for size, wanted in zip(shape[1:], info.shape, strict=True)
        )
        if dtype != info.dtype or not fits:
            raise InputError(
                f"{side} '{info.name}' is {dtype} {list(shape)} in the ONNX file, {info.dtype} "
                f"{['batch', *info.shape]} in the manifest",
                fix,
            )
        if side == "input" and shape[0] != -1:
            require_batch(side, info.name, shape[0], fixed)
    if side == "input" and (left_out := known.keys() - {info.name for info in declared}):
        raise InputError(f"the ONNX file also needs input '{min(left_out)}'", fix)
