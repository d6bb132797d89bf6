"""OpenVINO behind the backend protocol."""

import os
import re
import threading
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import openvino

from loadscope.devices import canonical
from loadscope.errors import InputError, WorkError, near
from loadscope.sut.backend import Artifact, TensorInfo
from loadscope.sut.declared import BatchCheck, filled, require_batch, samples
from loadscope.sut.effective import Effective
from loadscope.sut.onnx_files import node_of
from loadscope.sut.openvino.info import INFO
from loadscope.sut.tracing.calls import CallTracer
from loadscope.sut.tracing.record import Tracer
from loadscope.tensors import Tensors

_CPU = "CPU"
_PRECISIONS = {"float32": "f32", "bfloat16": "bf16"}
# The first of those that it names, which have the opset behind them.
_UNKNOWN = re.compile(r"No conversion rule found for operations: ([^\s,]+?)(?:-\d+)?(?:[\s,]|$)")


class OpenVinoBackend:
    """Runs a model that is compiled once for each call in flight, with a request of its own.

    Several streams of one compiled model would share the weights, but a request is of no certain
    stream, and OpenVINO must not prepare two streams for a shape at once: now and then both wait
    without end, or a primitive fails (2026.4, of processes with two threads more than one in ten).

    Options of the artifact:
        dtype: ``float32`` (the default; OpenVINO's own would be bf16 where the processor has
            it) or ``bfloat16``; inputs and outputs stay as declared.
        device: ``cpu`` (the default), ``gpu``, ``npu``; of several ``gpu:1``, OpenVINO's GPU.1.
        pinning: Whether OpenVINO ties its threads to CPUs (default false).
    """

    def __init__(self) -> None:
        self._compiled: Any = None
        self._free: list[_Worker] = []

    def load(self, artifact: Artifact, threads: int) -> None:
        """Read and compile the model, and hold its tensors against the manifest.

        Args:
            artifact: An ``onnx`` file, or an ``openvino-ir`` (the ``.xml`` file, with its
                ``.bin`` beside it).
            threads: Threads for each call of ``predict``, which each compiled model has.

        Raises:
            InputError: OpenVINO cannot read the file, its tensors are not the declared ones, an
                option is unknown, or the device is not here.
            WorkError: OpenVINO cannot compile it.
        """
        INFO.check_options(artifact.options)
        core = openvino.Core()
        device = INFO.device(artifact.options)
        # One device is GPU, the first of two GPU.0.
        here = [_name(found) for found in core.available_devices]
        if device not in here:
            raise InputError(
                f"OpenVINO has no device '{device}' here",
                f"{near(device, here)}available: {', '.join(here)}",
            )
        self._loaded = core, artifact, threads
        self._model = read_model(core, artifact)
        give_ranks(self._model, {one.name: (None, *one.shape) for one in artifact.inputs})
        most = artifact.max_batch
        inputs = _ports("input", artifact.inputs, self._model.inputs, most, complete=True)
        outputs = _ports("output", artifact.outputs, self._model.outputs, most, complete=False)
        self._inputs = {info.name: at for info, at in zip(artifact.inputs, inputs, strict=True)}
        self._outputs = {info.name: at for info, at in zip(artifact.outputs, outputs, strict=True)}
        fixed = any(port.get_partial_shape()[0].is_static for port in self._model.inputs)
        self._fixed = most if fixed else None
        self._check = BatchCheck(artifact.inputs)
        self._preparing = threading.Lock()
        self._compiled = self._compile()
        # Not of threads: warm-up, calibration and the test each have their own.
        self._free = [_Worker(self._compiled)]

    def effective(self) -> Effective:
        """Device, threads and numbers, as the compiled model tells them."""
        compiled = self._compiled
        if compiled is None:
            raise RuntimeError("effective was called after close")
        tells = compiled.get_property("SUPPORTED_PROPERTIES")
        devices = compiled.get_property("EXECUTION_DEVICES")
        found: dict[str, Any] = {
            "device": ",".join(map(_name, devices)),
            "fixed_batch": self._fixed,
        }
        if "INFERENCE_PRECISION_HINT" in tells:
            element = compiled.get_property("INFERENCE_PRECISION_HINT")
            found["dtype"] = element_name(element)
        if "INFERENCE_NUM_THREADS" in tells:
            found["threads"] = compiled.get_property("INFERENCE_NUM_THREADS")
            found["pinning"] = compiled.get_property("ENABLE_CPU_PINNING")
        return Effective(
            found,
            {
                "dtype": "this device does not compute in it",
                "threads": f"the process may use {len(os.sched_getaffinity(0))} CPUs",
            },
        )

    def predict(self, batch: Tensors) -> Tensors:
        """Run a compiled model that is not at work, made where there is none.

        Args:
            batch: The declared inputs; not copied.

        Returns:
            The declared outputs.

        Raises:
            InputError: The batch does not fit the declared inputs.
        """
        self._check(batch)
        if self._compiled is None:
            raise RuntimeError("predict was called after close")
        return self._run_free(batch)

    def tracer(self, with_layers: bool) -> Tracer:
        """See ``TraceableBackend``; with layers the model is compiled a second time."""
        if not with_layers:
            return CallTracer(self._run_free)
        from loadscope.sut.openvino.tracer import OpenVinoTracer

        with self._preparing:
            worker = _Worker(self._compile({"PERF_COUNT": True}))
        _, artifact, _ = self._loaded
        path = artifact.path if artifact.format == "onnx" else None
        return OpenVinoTracer(
            worker.compiled, worker.request, lambda batch: self._run(worker, batch), path
        )

    def _run_free(self, batch: Tensors) -> Tensors:
        try:
            worker = self._free.pop()
        except IndexError:
            with self._preparing:
                worker = _Worker(self._compile())
        found = self._run(worker, batch)
        self._free.append(worker)
        return found

    def _run(self, worker: "_Worker", batch: Tensors) -> Tensors:
        count = samples(batch)
        short = self._fixed is not None and count != self._fixed
        if self._fixed is not None:
            batch = filled(batch, self._fixed)
        given = {at: batch[name] for name, at in self._inputs.items()}
        shapes = tuple(array.shape for array in given.values())
        if shapes in worker.prepared:
            found = _infer(worker, given)
        else:
            with self._preparing:
                found = _infer(worker, given)
            worker.prepared.add(shapes)
        return {
            name: np.array(found[at][:count] if short else found[at])
            for name, at in self._outputs.items()
        }

    def _compile(self, more: Mapping[str, Any] | None = None) -> Any:
        core, artifact, threads = self._loaded
        options = artifact.options
        device = INFO.device(options).upper().replace(":", ".")
        settings: dict[str, Any] = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": _PRECISIONS[options.get("dtype", "float32")],
        }
        if device == _CPU:
            settings |= {
                "NUM_STREAMS": 1,
                "INFERENCE_NUM_THREADS": threads,
                "ENABLE_CPU_PINNING": options.get("pinning", False),
                # Which CPUs are used is decided by whoever starts the process.
                "ENABLE_HYPER_THREADING": True,
            }
        try:
            return core.compile_model(self._model, device, settings | dict(more or {}))
        except RuntimeError as error:
            raise WorkError(
                f"OpenVINO {openvino.__version__} cannot compile {artifact.path}: {_line(error)}",
                "use another version of OpenVINO, or another framework",
            ) from error

    def close(self) -> None:
        """Drop the compiled models."""
        self._compiled = None
        self._free.clear()


class _Worker:
    """A compiled model and its only request, for one call at a time.

    Attributes:
        prepared: The shapes of batches that it has run.
    """

    def __init__(self, compiled: Any) -> None:
        self.compiled = compiled
        # Two calls in one request are refused ("Infer Request is busy").
        self.request = compiled.create_infer_request()
        self.prepared: set[tuple[tuple[int, ...], ...]] = set()


def _infer(worker: _Worker, given: Mapping[int, Any]) -> Any:
    # What is shared are the request's own buffers, which its next call writes to.
    return worker.request.infer(given, share_inputs=True, share_outputs=True)


def _name(device: str) -> str:
    """Our name of one of OpenVINO's devices."""
    return canonical(device.replace(".", ":"))


def read_model(core: Any, artifact: Artifact) -> Any:
    """Read a model without compiling it.

    Raises:
        InputError: OpenVINO cannot read it.
    """
    try:
        return core.read_model(artifact.path)
    except RuntimeError as error:
        version = f"OpenVINO {openvino.__version__}"
        if found := _UNKNOWN.search(str(error)):
            operator = found[1]
            domain, _, name = operator.rpartition(".")
            node = node_of(artifact.path, name, domain)
            where = f" of node '{node}'" if node else ""
            raise InputError(
                f"{version} cannot load {artifact.path}: it lacks the operator {operator}{where}",
                "export the model without it, or use another framework",
            ) from error
        raise InputError(
            f"{version} cannot load {artifact.path}: {_line(error)}",
            "get it again, or correct its path, or source and format in the model's manifest",
        ) from error


def give_ranks(model: Any, shapes: Mapping[str, Sequence[int | None]]) -> None:
    """Give inputs of which even the number of axes is open these shapes; None is an open size.

    The CPU plug-in refuses them as they are.
    """
    shapes_of = {
        name: openvino.PartialShape([-1 if size is None else size for size in shapes[name]])
        for port in model.inputs
        if port.get_partial_shape().rank.is_dynamic and (name := port.get_any_name()) in shapes
    }
    if shapes_of:
        model.reshape(shapes_of)


def _ports(
    side: str,
    declared: Sequence[TensorInfo],
    actual: Sequence[Any],
    fixed: int | None,
    complete: bool,
) -> list[int]:
    """The places of declared tensors, each held against the file's.

    ``complete`` means that none may be left out. A fixed batch axis is fine where the manifest
    declares its size.
    """
    fix = f"correct {side}s in the model's manifest"
    known = {name: at for at, port in enumerate(actual) for name in port.get_names()}
    places = []
    for info in declared:
        if info.name not in known:
            raise InputError(
                f"the model has no {side} '{info.name}'",
                f"{near(info.name, known)}it has: {', '.join(known)}",
            )
        port = actual[known[info.name]]
        dtype, sizes = element_name(port.get_element_type()), port.get_partial_shape()
        # An open size fits any number, an open rank any shape.
        fits = sizes.rank.is_dynamic or (
            len(sizes) == 1 + len(info.shape)
            and all(
                size.is_dynamic or size.get_length() == given
                for size, given in zip(list(sizes)[1:], info.shape, strict=True)
            )
        )
        if dtype != info.dtype or not fits:
            raise InputError(
                f"{side} '{info.name}' is {dtype} {sizes} in the model, {info.dtype} "
                f"{['batch', *info.shape]} in the manifest",
                fix,
            )
        if not sizes.rank.is_dynamic and len(sizes) and sizes[0].is_static:
            require_batch(side, info.name, sizes[0].get_length(), fixed)
        places.append(known[info.name])
    left_out = [port.get_any_name() for at, port in enumerate(actual) if at not in places]
    if complete and left_out:
        raise InputError(f"the model also needs {side} '{min(left_out)}'", fix)
    return places


def element_name(element: Any) -> str:
    """Numpy's name of an element type; bfloat16 is none of numpy's."""
    name = element.get_type_name()
    return "bfloat16" if name == "bf16" else np.dtype(element.to_dtype()).name


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
