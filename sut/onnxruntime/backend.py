"""ONNX Runtime behind the backend protocol."""

import re
from collections.abc import Callable, Sequence
from typing import Any

import onnxruntime

from loadscope.device_memory import DeviceMemory, nvml_memory
from loadscope.devices import CPU, kind_of, number_of
from loadscope.errors import DeviceMemoryError, InputError, near
from loadscope.sut.backend import Artifact, TensorInfo
from loadscope.sut.declared import BatchCheck, filled, require_batch, samples
from loadscope.sut.effective import Effective
from loadscope.sut.onnxruntime.binding import Bindings
from loadscope.sut.onnxruntime.info import INFO
from loadscope.sut.onnxruntime.load_errors import REFUSALS, missing_of_provider, refused
from loadscope.sut.onnxruntime.providers import (
    CPU_PROVIDER,
    asked_providers,
    device_in_force,
    model_file,
    providers,
)
from loadscope.sut.tracing.calls import CallTracer
from loadscope.sut.tracing.record import Tracer
from loadscope.tensors import Tensors

_LEVELS = {
    "none": onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL,
    "basic": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC,
    "extended": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED,
    "all": onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL,
}

# ONNX Runtime's names of element types, where they are not numpy's.
_DTYPES = {"float": "float32", "double": "float64"}

# What the CUDA provider's allocator and CUDA itself say of a full device.
_FULL = re.compile(
    r"Failed to allocate memory|out of memory|smaller than requested bytes", re.IGNORECASE
)

# Severities below 'error' go to standard error in colour, at every load.
_ERRORS_ONLY = 3


class OnnxRuntimeBackend:
    """Runs an ONNX file in one session that all calling threads share.

    Options of the artifact:
        graph_optimization: ``none``, ``basic``, ``extended`` or ``all`` (the default).
        device: ``cpu`` (the default) or ``cuda``; of several ``cuda:1``.
        providers: Execution providers in order of preference (default the device's own alone);
            with TensorrtExecutionProvider engines are built at the first batch of a shape and kept
            in the cache.
        dtype: ``float16`` computes in that on a GPU; inputs and outputs stay as declared.
        tf32: Have a GPU multiply float32 with ten bits of fraction (default false; ONNX Runtime's
            own default is true).
        allow_spinning: Whether waiting threads of the pool spin (default ONNX Runtime's own).
        arena: Whether buffers are kept between calls (default true); false is slower and smaller.
    """

    def __init__(self) -> None:
        self._session: onnxruntime.InferenceSession | None = None
        self._bindings: dict[Any, Bindings] = {}

    def load(self, artifact: Artifact, threads: int) -> None:
        """Make a session and hold it against the manifest.

        Args:
            artifact: An ``onnx`` file.
            threads: Threads for each call of ``predict``; more than one are a pool that the
                calls share.

        Raises:
            InputError: The file is not usable ONNX, its tensors are not the declared ones, or
                an option or provider is unknown.
            WorkError: A provider failed to start.
        """
        INFO.check_options(artifact.options)
        self._loaded = artifact, threads
        self._device = INFO.device(artifact.options)
        self._session = open_session(artifact, threads)
        inputs, most = self._session.get_inputs(), artifact.max_batch
        _compare("input", artifact.inputs, inputs, most, complete=True)
        _compare("output", artifact.outputs, self._session.get_outputs(), most, complete=False)
        self._fixed = most if any(isinstance(size, int) for size in _firsts(inputs)) else None
        self._check = BatchCheck(artifact.inputs)
        self._inputs = [info.name for info in artifact.inputs]
        self._outputs = [info.name for info in artifact.outputs]

    def effective(self) -> Effective:
        """Providers, threads, levels and batch size, as the session tells them."""
        session = self._session
        if session is None:
            raise RuntimeError("effective was called after close")
        artifact, _ = self._loaded
        wanted, options = asked_providers(artifact), session.get_session_options()
        names: list[str] = session.get_providers()
        lost = [name for name in wanted if name not in names]
        if names[-1:] == [CPU_PROVIDER] and len(names) > 1 and CPU_PROVIDER not in wanted:
            # ONNX Runtime's own, for operators that the others do not have.
            names = names[:-1]
        device = device_in_force(names, session.get_provider_options())
        levels = {level: name for name, level in _LEVELS.items()}
        return Effective(
            {
                "providers": names,
                "device": device,
                "threads": options.intra_op_num_threads,
                "graph_optimization": levels[options.graph_optimization_level],
                "arena": options.enable_cpu_mem_arena,
                "fixed_batch": self._fixed,
            },
            {"providers": "; ".join(map(missing_of_provider, lost))} if lost else {},
        )

    def predict(self, batch: Tensors) -> Tensors:
        """Run the session.

        Args:
            batch: The declared inputs; not copied.

        Returns:
            The declared outputs.

        Raises:
            InputError: The batch does not fit the declared inputs.
        """
        self._check(batch)
        if self._session is None:
            raise RuntimeError("predict was called after close")
        return self._run(self._session, batch)

    def tracer(self, with_layers: bool) -> Tracer:
        """See ``TraceableBackend``; with layers the model is loaded a second time."""
        if not with_layers:
            return CallTracer(lambda batch: self._run(self._session, batch))
        from loadscope.sut.onnxruntime.tracer import OnnxRuntimeTracer

        artifact, threads = self._loaded
        from loadscope.sut.onnxruntime.gpu_tracer import OnnxRuntimeGpuTracer

        kind = OnnxRuntimeTracer if self._device == CPU else OnnxRuntimeGpuTracer
        return kind(
            lambda change: open_session(artifact, threads, change), self._run, artifact.path
        )

    def device_memory(self) -> DeviceMemory | None:
        """See ``TellsDeviceMemory``: as the driver tells it, for ONNX Runtime does not."""
        return nvml_memory(INFO.device(self._loaded[0].options))

    def _run(self, session: Any, batch: Tensors) -> Tensors:
        if self._device != CPU:
            return self._run_bound(session, batch)
        # The batch itself where it has no more than the inputs, which the check has found in it.
        if len(batch) > len(self._inputs):
            batch = {name: batch[name] for name in self._inputs}
        if self._fixed is not None and (count := samples(batch)) != self._fixed:
            found = session.run(self._outputs, filled(batch, self._fixed))
            return {name: each[:count] for name, each in zip(self._outputs, found, strict=True)}
        return dict(zip(self._outputs, session.run(self._outputs, batch), strict=True))

    def _run_bound(self, session: Any, batch: Tensors) -> Tensors:
        count = samples(batch)
        if self._fixed is not None:
            batch = filled(batch, self._fixed)
        if session not in self._bindings:
            place = kind_of(self._device), number_of(self._device)
            self._bindings[session] = Bindings(session, self._inputs, self._outputs, place)
        try:
            found = self._bindings[session].run(batch)
        except REFUSALS as error:
            if not _FULL.search(str(error)):
                raise
            # The buffers of other shapes.
            self._bindings.pop(session, None)
            raise DeviceMemoryError.of_batch(self._device, count) from error
        if self._fixed is not None and count != self._fixed:
            return {name: each[:count] for name, each in found.items()}
        return found

    def close(self) -> None:
        """Drop the session."""
        self._session = None
        self._bindings.clear()


def numpy_name(kind: str) -> str:
    """Numpy's name of a type as ONNX Runtime writes it: ``tensor(float)``."""
    inner = kind.removeprefix("tensor(").removesuffix(")")
    return _DTYPES.get(inner, inner)


def open_session(
    artifact: Artifact,
    threads: int,
    change: Callable[[onnxruntime.SessionOptions], None] = lambda options: None,
) -> onnxruntime.InferenceSession:
    """Make a session of an artifact with its options.

    Raises:
        InputError: The file is not usable ONNX, or a provider is unknown.
        WorkError: A provider failed to start.
    """
    # Looking for devices would otherwise warn of each kind that is not here.
    onnxruntime.set_default_logger_severity(_ERRORS_ONLY)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _ERRORS_ONLY
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.graph_optimization_level = _LEVELS[artifact.options.get("graph_optimization", "all")]
    options.enable_cpu_mem_arena = artifact.options.get("arena", True)
    spinning = artifact.options.get("allow_spinning")
    if spinning is not None:
        options.add_session_config_entry("session.intra_op.allow_spinning", str(int(spinning)))
    change(options)
    wanted = providers(artifact)
    try:
        return onnxruntime.InferenceSession(str(model_file(artifact)), options, providers=wanted)
    except REFUSALS as error:
        raise refused(artifact, error) from error


def _firsts(nodes: Sequence[onnxruntime.NodeArg]) -> list[int | str | None]:
    """The first size of each tensor whose rank is known."""
    return [node.shape[0] for node in nodes if node.shape]


def _compare(
    side: str,
    declared: Sequence[TensorInfo],
    actual: Sequence[onnxruntime.NodeArg],
    fixed: int | None,
    complete: bool,
) -> None:
    """Hold declared tensors against the file's; ``complete`` means that none may be left out.

    A fixed batch axis is fine where the manifest declares its size.
    """
    nodes = {node.name: node for node in actual}
    fix = f"correct {side}s in the model's manifest"
    for info in declared:
        node = nodes.get(info.name)
        if node is None:
            raise InputError(
                f"the ONNX file has no {side} '{info.name}'",
                f"{near(info.name, nodes)}it has: {', '.join(nodes)}",
            )
        dtype = numpy_name(node.type)
        # Named and unknown sizes fit any number, and an unknown rank, which has none, any sizes.
        fits = not node.shape or (
            len(node.shape) == 1 + len(info.shape)
            and all(
                not isinstance(size, int) or size == given
                for size, given in zip(node.shape[1:], info.shape, strict=True)
            )
        )
        if dtype != info.dtype or not fits:
            raise InputError(
                f"{side} '{info.name}' is {dtype} {node.shape} in the ONNX file, "
                f"{info.dtype} {['batch', *info.shape]} in the manifest",
                fix,
            )
        if info.batched and node.shape and isinstance(node.shape[0], int):
            require_batch(side, info.name, node.shape[0], fixed)
    left_out = set(nodes) - {info.name for info in declared}
    if complete and left_out:
        raise InputError(f"the ONNX file also needs {side} '{min(left_out)}'", fix)
