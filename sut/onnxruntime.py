"""ONNX Runtime behind the backend protocol."""

from collections.abc import Callable, Sequence
from typing import Any

import onnxruntime

from loadscope.errors import InputError, near
from loadscope.sut.backend import Artifact, TensorInfo
from loadscope.sut.declared import BatchCheck
from loadscope.sut.onnxruntime_errors import REFUSALS, refused
from loadscope.sut.registry import backend_info
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

# Severities below 'error' go to standard error in colour, at every load.
_ERRORS_ONLY = 3


class OnnxRuntimeBackend:
    """Runs an ONNX file in one session that all calling threads share.

    Options of the artifact:
        graph_optimization: ``none``, ``basic``, ``extended`` or ``all`` (the default).
        providers: Execution providers in order of preference (default the CPU's alone).
        allow_spinning: Whether waiting threads of the pool spin (default ONNX Runtime's own).
        arena: Whether buffers are kept between calls (default true); false is slower and smaller.
    """

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
        backend_info("onnxruntime").check_options(artifact.options)
        self._loaded = artifact, threads
        self._session: onnxruntime.InferenceSession | None = _open(artifact, threads)
        fixed = artifact.max_batch
        _compare("input", artifact.inputs, self._session.get_inputs(), fixed, complete=True)
        _compare("output", artifact.outputs, self._session.get_outputs(), fixed, complete=False)
        self._check = BatchCheck(artifact.inputs)
        self._inputs = [info.name for info in artifact.inputs]
        self._outputs = [info.name for info in artifact.outputs]

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
        from loadscope.sut.tracing.onnxruntime import OnnxRuntimeTracer

        artifact, threads = self._loaded
        return OnnxRuntimeTracer(
            lambda change: _open(artifact, threads, change), self._run, artifact.path
        )

    def _run(self, session: Any, batch: Tensors) -> Tensors:
        # The batch itself where it has no more than the inputs, which the check has found in it.
        if len(batch) > len(self._inputs):
            batch = {name: batch[name] for name in self._inputs}
        return dict(zip(self._outputs, session.run(self._outputs, batch), strict=True))

    def close(self) -> None:
        """Drop the session."""
        self._session = None


def _open(
    artifact: Artifact,
    threads: int,
    change: Callable[[onnxruntime.SessionOptions], None] = lambda options: None,
) -> onnxruntime.InferenceSession:
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
    try:
        return onnxruntime.InferenceSession(
            str(artifact.path), options, providers=_providers(artifact)
        )
    except REFUSALS as error:
        raise refused(artifact, error) from error


def _providers(artifact: Artifact) -> list[str]:
    wanted: list[str] = artifact.options.get("providers", ["CPUExecutionProvider"])
    available = onnxruntime.get_available_providers()
    for provider in wanted:
        if provider not in available:
            raise InputError(
                f"ONNX Runtime has no provider '{provider}' here",
                f"{near(str(provider), available)}available: {', '.join(available)}",
            )
    return wanted


def _compare(
    side: str,
    declared: Sequence[TensorInfo],
    actual: Sequence[onnxruntime.NodeArg],
    fixed: int | None,
    complete: bool,
) -> None:
    """Hold declared tensors against the file's; ``complete`` means that none may be left out.

    A batch axis of one is fine in a file that is declared to take one sample at a time.
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
        inner = node.type.removeprefix("tensor(").removesuffix(")")
        dtype = _DTYPES.get(inner, inner)
        # Named and unknown sizes fit any number.
        fits = len(node.shape) == 1 + len(info.shape) and all(
            not isinstance(size, int) or size == given
            for size, given in zip(node.shape[1:], info.shape, strict=True)
        )
        if dtype != info.dtype or not fits:
            raise InputError(
                f"{side} '{info.name}' is {dtype} {node.shape} in the ONNX file, "
                f"{info.dtype} {['batch', *info.shape]} in the manifest",
                fix,
            )
        if node.shape and isinstance(node.shape[0], int) and (node.shape[0], fixed) != (1, 1):
            raise InputError(
                f"{side} '{info.name}' has the fixed batch size {node.shape[0]}",
                "export the model with a dynamic batch axis; a size of 1 may be declared as "
                "max_batch: 1",
            )
    left_out = set(nodes) - {info.name for info in declared}
    if complete and left_out:
        raise InputError(f"the ONNX file also needs {side} '{min(left_out)}'", fix)
