"""JAX behind the backend protocol."""

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np

from loadscope.errors import DeviceMemoryError, InputError, WorkError, near
from loadscope.sut.backend import Artifact, TensorInfo
from loadscope.sut.declared import BatchCheck, filled, require_batch, samples
from loadscope.sut.effective import Effective
from loadscope.sut.jax.graph import Graph, Tensor, read_graph
from loadscope.sut.jax.info import INFO
from loadscope.sut.tracing.calls import CallTracer
from loadscope.sut.tracing.record import Tracer
from loadscope.tensors import ANY_SIZE, Tensors

# Whole numbers keep their 64 bits, and a GPU does not round float32 to fewer.
jax.config.update("jax_enable_x64", True)
jax.config.update("jax_default_matmul_precision", "highest")

_FEW = 8
"""Numbers of a constant that may be factors of sizes, or limits, rather than weights."""
_POOLS = 2
"""For operators and for calls XLA has a pool each, of the same size."""
_LOOKS, _LOOK_SECONDS = 10, 0.01
_TASKS = Path("/proc/self/task")
_threads_of_pool: list[int] = []


class JaxBackend:
    """Runs an ONNX file in JAX's operators, compiled by XLA once for each shape of a batch."""

    def __init__(self) -> None:
        self._graph: Graph | None = None

    def load(self, artifact: Artifact, threads: int) -> None:
        """Read the model, put its weights on the device, and hold its tensors against the manifest.

        Args:
            artifact: An ``onnx`` file.
            threads: Threads of XLA's pool, which is the process's.

        Raises:
            InputError: The file is unusable, has an operator that is not known here, its tensors
                are not the declared ones, or the device or so many threads cannot be had.
        """
        INFO.check_options(artifact.options)
        name = INFO.device(artifact.options)
        _start(threads)
        self._device = _device(name)
        graph = read_graph(artifact.path)
        _require("input", artifact.inputs, graph.inputs, artifact.max_batch, complete=True)
        _require("output", artifact.outputs, graph.outputs, artifact.max_batch, complete=False)
        fixed = any(one.shape and one.shape[0] is not None for one in graph.inputs.values())
        self._fixed = artifact.max_batch if fixed else None
        self._outputs = [one.name for one in artifact.outputs]
        self._check = BatchCheck(artifact.inputs)
        # Shapes, places and factors of sizes must be known while the model is compiled.
        floats = {
            each: array
            for each, array in graph.weights.items()
            if array.dtype.kind == "f" and array.size > _FEW
        }
        known = {each: array for each, array in graph.weights.items() if each not in floats}
        try:
            self._weights = jax.device_put(floats, self._device)
        except jax.errors.JaxRuntimeError as error:
            raise _failure(artifact.path, name, 0, error) from error

        def run(weights: Mapping[str, Any], batch: Mapping[str, Any]) -> list[Any]:
            found = graph.run({**known, **weights, **batch})
            return [found[each] for each in self._outputs]

        self._run = jax.jit(run)
        self._known, self._threads, self._path = known, threads, artifact.path
        self._graph = graph

    def effective(self) -> Effective:
        """Where arrays are put, as JAX tells it, and the threads of XLA's pool."""
        if self._graph is None:
            raise RuntimeError("effective was called after close")
        (device,) = jax.device_put(np.float32(0), self._device).devices()
        found: dict[str, Any] = {"device": _name(device), "fixed_batch": self._fixed}
        if device.platform == "cpu":
            found["threads"] = _threads_of_pool[0]
        return Effective(
            found, {"threads": "XLA's pool was made with another number in this process"}
        )

    def predict(self, batch: Tensors) -> Tensors:
        """Run the compiled model; the first call of a shape compiles it.

        Args:
            batch: The declared inputs.

        Returns:
            The declared outputs.

        Raises:
            InputError: The batch does not fit the declared inputs, or an operator cannot be run.
            DeviceMemoryError: The device's memory is full.
        """
        self._check(batch)
        graph, count = self._open(), samples(batch)
        if self._fixed is not None:
            batch = filled(batch, self._fixed)
        given = {name: batch[name] for name in graph.inputs}
        try:
            found = self._run(self._weights, jax.device_put(given, self._device))
            return self._answers(found, count)
        except jax.errors.JaxRuntimeError as error:
            raise _failure(self._path, _name(self._device), count, error) from error

    def tracer(self, with_layers: bool) -> Tracer:
        """See ``TraceableBackend``; with layers each operator is compiled by itself."""
        if not with_layers:
            return CallTracer(self.predict)
        from loadscope.sut.jax.tracer import JaxTracer

        return JaxTracer(self._open(), self._known, self._weights, self._traced)

    def close(self) -> None:
        """Drop the model and its weights."""
        self._graph = None
        self._weights, self._known = {}, {}

    def _open(self) -> Graph:
        if self._graph is None:
            raise RuntimeError("predict was called after close")
        return self._graph

    def _traced(self, batch: Tensors, run: Any) -> Tensors:
        """Run a batch by what is given, which gets the inputs on the device."""
        graph, count = self._open(), samples(batch)
        if self._fixed is not None:
            batch = filled(batch, self._fixed)
        given = {name: batch[name] for name in graph.inputs}
        found = run(jax.device_put(given, self._device))
        return self._answers([found[name] for name in self._outputs], count)

    def _answers(self, found: Sequence[Any], count: int) -> Tensors:
        # A copy: on a CPU the array would be XLA's own memory.
        return {
            name: np.array(array)[:count] for name, array in zip(self._outputs, found, strict=True)
        }


def _start(threads: int) -> None:
    """Have XLA's pools made with so many threads, and count those that there are then."""
    if not _threads_of_pool:
        before = len(list(_TASKS.iterdir()))
        os.environ["NPROC"] = str(threads)
        jax.devices("cpu")
        # Threads that make the pools are there for some milliseconds more.
        counts = []
        for _ in range(_LOOKS):
            counts.append(len(list(_TASKS.iterdir())))
            time.sleep(_LOOK_SECONDS)
        _threads_of_pool.append((min(counts) - before) // _POOLS)


def _device(name: str) -> Any:
    kind, _, number = name.partition(":")
    try:
        found = jax.devices(kind)
    except RuntimeError as error:
        raise InputError(
            f"JAX has no device '{name}' here: {str(error).splitlines()[0][:200]}",
            "pip install 'jax[cuda12]' in this version",
        ) from error
    at = int(number or 0)
    if at >= len(found):
        raise InputError(
            f"JAX has no device '{name}' here",
            f"available: {', '.join(map(_name, found))}",
        )
    return found[at]


def _name(device: Any) -> str:
    """Our name of one of JAX's devices."""
    kind = "cuda" if device.platform == "gpu" else str(device.platform)
    return f"{kind}:{device.id}" if device.id else kind


def _failure(path: Path, device: str, count: int, error: Exception) -> WorkError:
    if "RESOURCE_EXHAUSTED" in str(error):
        return DeviceMemoryError.of_batch(device, count)
    line = " ".join(str(error).split())[:300]
    return WorkError(
        f"JAX {jax.__version__} cannot run {path}: {line}",
        "use another version of JAX, or another framework",
    )


def _require(
    side: str,
    declared: Sequence[TensorInfo],
    actual: Mapping[str, Tensor],
    fixed: int | None,
    complete: bool,
) -> None:
    """Hold declared tensors against the file's; ``complete``: none may be left out.

    Raises:
        InputError: One is not there, or is of another type or shape.
    """
    fix = f"correct {side}s in the model's manifest"
    for info in declared:
        if info.name not in actual:
            raise InputError(
                f"the model has no {side} '{info.name}'",
                f"{near(info.name, actual)}it has: {', '.join(actual)}",
            )
        found = actual[info.name]
        fits = len(found.shape) == 1 + len(info.shape) and all(
            size is None or size == given
            for size, given in zip(found.shape[1:], info.shape, strict=True)
        )
        if found.dtype != info.dtype or not fits:
            sizes = ["batch", *(ANY_SIZE if size is None else size for size in found.shape[1:])]
            raise InputError(
                f"{side} '{info.name}' is {found.dtype} {sizes} in the model, {info.dtype} "
                f"{['batch', *info.shape]} in the manifest",
                fix,
            )
        if found.shape and found.shape[0] is not None:
            require_batch(side, info.name, found.shape[0], fixed)
    left_out = sorted(actual.keys() - {info.name for info in declared})
    if complete and left_out:
        raise InputError(f"the model also needs {side} '{left_out[0]}'", fix)
