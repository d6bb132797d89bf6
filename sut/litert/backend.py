"""LiteRT behind the backend protocol."""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from ai_edge_litert import __version__

from loadscope.errors import InputError, WorkError
from loadscope.sut.backend import Artifact, TensorInfo
from loadscope.sut.declared import BatchCheck, filled, require_tensors, samples
from loadscope.sut.effective import Effective
from loadscope.sut.litert.info import INFO
from loadscope.sut.litert.model import (
    Port,
    allocate,
    has_delegate,
    loading,
    numerics,
    open_interpreter,
    ports,
    tensors,
)
from loadscope.sut.tracing.calls import CallTracer
from loadscope.sut.tracing.record import Tracer
from loadscope.tensors import ANY_SIZE, Tensors

_TASKS = Path("/proc/self/task")


class LiteRtBackend:
    """Runs an interpreter for each call in flight; one interpreter is for one thread.

    Options of the artifact:
        delegate: ``xnnpack`` (the default), which takes over what it has kernels for, or
            ``none``, LiteRT's own kernels.
    """

    def __init__(self) -> None:
        self._free: list[_Worker] | None = None

    def load(self, artifact: Artifact, threads: int) -> None:
        """Read the file, hold its tensors against the manifest and plan the memory of a batch.

        Args:
            artifact: A ``tflite`` file. Names of tensors are those of its signature where it has
                one, otherwise of the tensors themselves.
            threads: Threads for each call of ``predict``, which each interpreter has.

        Raises:
            InputError: LiteRT cannot read the file or lacks one of its operators, its tensors
                are not the declared ones, or an option is unknown.
        """
        INFO.check_options(artifact.options)
        self._artifact, self._threads = artifact, threads
        self._delegate = artifact.options.get("delegate", "xnnpack")
        before = set(_TASKS.iterdir())
        with loading(artifact.path):
            interpreter = self._open()
            inputs, outputs = ports(interpreter)
        most = artifact.max_batch
        self._inputs = _declared("input", artifact.inputs, inputs, most, complete=True)
        self._outputs = _declared("output", artifact.outputs, outputs, most, complete=False)
        fixed = any(port.shape[0] != ANY_SIZE for port in self._inputs)
        self._fixed = most if fixed else None
        self._check = BatchCheck(artifact.inputs)
        self._opening = threading.Lock()
        worker = _Worker(interpreter, self._inputs, self._outputs)
        with loading(artifact.path):
            worker.reshape(self._first_shapes())
        # XNNPACK makes its pool here; the caller is one of its threads.
        self._pool = 1 + len(set(_TASKS.iterdir()) - before)
        self._free = [worker]

    def effective(self) -> Effective:
        """Threads, numbers and delegate, as an interpreter has them."""
        free = self._require_open()
        interpreter = free[0].interpreter
        delegated = has_delegate(interpreter)
        found: dict[str, Any] = {
            "device": "cpu",
            "dtype": numerics(interpreter),
            "delegate": "xnnpack" if delegated else "none",
            "fixed_batch": self._fixed,
        }
        if delegated:
            found["threads"] = self._pool
        return Effective(
            found,
            {
                "dtype": "the file's weights are quantised",
                "delegate": "XNNPACK has no kernel for any operator of the file",
            },
        )

    def predict(self, batch: Tensors) -> Tensors:
        """Run an interpreter that is not at work, made where there is none.

        Args:
            batch: The declared inputs; copied.

        Returns:
            The declared outputs.

        Raises:
            InputError: The batch does not fit the declared inputs.
            WorkError: LiteRT fails.
        """
        self._check(batch)
        free = self._require_open()
        return self._run_free(free, batch)

    def tracer(self, with_layers: bool) -> Tracer:
        """See ``TraceableBackend``; with layers the file is loaded a second time."""
        free = self._require_open()
        if not with_layers:
            return CallTracer(lambda batch: self._run_free(free, batch))
        from loadscope.sut.litert.graph import FileGraph
        from loadscope.sut.litert.native import ProfiledModel
        from loadscope.sut.litert.tracer import LiteRtTracer

        varying = [port.name for port in self._outputs if ANY_SIZE in port.shape[1:]]
        if varying:
            raise InputError(
                f"LiteRT {__version__} profiles no model whose result '{min(varying)}' has an open "
                "size beside its batch",
                "use --level framework, or a file of fixed sizes",
            )
        path = self._artifact.path
        inputs, outputs = ports(free[0].interpreter)
        profiled = ProfiledModel(path, self._threads, self._delegate == "xnnpack", inputs, outputs)
        return LiteRtTracer(profiled, FileGraph(path, inputs, self._delegate), self._answer)

    def _run_free(self, free: "list[_Worker]", batch: Tensors) -> Tensors:
        try:
            worker = free.pop()
        except IndexError:
            with self._opening:
                worker = _Worker(self._open(), self._inputs, self._outputs)
        found = self._answer(worker.run, batch)
        free.append(worker)
        return found

    def _answer(self, run: Callable[[Tensors], Tensors], batch: Tensors) -> Tensors:
        """The declared outputs of a batch, filled up where the file's batch size is fixed."""
        count = samples(batch)
        if self._fixed is not None:
            batch = filled(batch, self._fixed)
        found = run(batch)
        short = self._fixed is not None and count != self._fixed
        return {
            port.name: found[port.name][:count] if short else found[port.name]
            for port in self._outputs
        }

    def _open(self) -> Any:
        return open_interpreter(self._artifact.path, self._threads, self._delegate)

    def _first_shapes(self) -> dict[int, tuple[int, ...]]:
        return {
            port.index: tuple(1 if size == ANY_SIZE else size for size in port.shape)
            for port in self._inputs
        }

    def _require_open(self) -> "list[_Worker]":
        if self._free is None:
            raise RuntimeError("the backend was used after close")
        return self._free

    def close(self) -> None:
        """Drop the interpreters."""
        self._free = None


class _Worker:
    """An interpreter, for one call at a time, and the shapes that it is set up for."""

    def __init__(self, interpreter: Any, inputs: Sequence[Port], outputs: Sequence[Port]) -> None:
        self.interpreter = interpreter
        self._inputs, self._outputs = inputs, outputs
        self._shapes: dict[int, tuple[int, ...]] = {}

    def reshape(self, shapes: dict[int, tuple[int, ...]]) -> None:
        if shapes != self._shapes:
            allocate(self.interpreter, shapes)
            self._shapes = shapes

    def run(self, batch: Tensors) -> Tensors:
        try:
            self.reshape({port.index: batch[port.name].shape for port in self._inputs})
            for port in self._inputs:
                self.interpreter.set_tensor(port.index, batch[port.name])
            self.interpreter.invoke()
        except (ValueError, RuntimeError) as error:
            raise WorkError(
                f"LiteRT failed: {' '.join(str(error).split())[:300]}",
                "use another shape of batch, or another framework",
            ) from error
        # Copies.
        return {port.name: self.interpreter.get_tensor(port.index) for port in self._outputs}


def _declared(
    side: str,
    declared: Sequence[TensorInfo],
    actual: Sequence[Port],
    most: int | None,
    complete: bool,
) -> list[Port]:
    """The file's tensors that are declared, each held against its declaration."""
    require_tensors(side, declared, tensors(actual), most, complete)
    known = {port.name: port for port in actual}
    return [known[info.name] for info in declared]
