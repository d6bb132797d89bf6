"""TVM behind the backend protocol."""

import threading
from typing import Any

import tvm

from loadscope.errors import InputError, WorkError
from loadscope.sut.backend import Artifact
from loadscope.sut.declared import BatchCheck, filled, require_tensors, samples
from loadscope.sut.effective import Effective
from loadscope.sut.onnx_files import ends
from loadscope.sut.tracing.calls import CallTracer
from loadscope.sut.tracing.record import Tracer
from loadscope.sut.tvm.info import INFO
from loadscope.sut.tvm.program import (
    compiled,
    line,
    machine,
    pool_threads,
    read_module,
    run,
    set_threads,
)
from loadscope.tensors import Tensors


class TvmBackend:
    """Runs a module that is compiled once, on a virtual machine for each call in flight.

    Options of the artifact:
        tuning_trials: How many schedules are measured before the module is compiled; refused
            above 0, the default.
    """

    def __init__(self) -> None:
        self._executable: Any = None
        self._free: list[Any] = []

    def load(self, artifact: Artifact, threads: int) -> None:
        """Read and compile the model, and hold its tensors against the manifest.

        Args:
            artifact: An ``onnx`` file.
            threads: Threads for each call of ``predict``: of the pool of each calling thread.

        Raises:
            InputError: TVM cannot read the file or lacks an operator, its tensors are not the
                declared ones, an option is unknown, or this process has pools of another size.
            WorkError: TVM cannot compile it.
        """
        INFO.check_options(artifact.options)
        if artifact.options.get("tuning_trials", 0):
            raise InputError(
                f"TVM {tvm.__version__}: tuning_trials = {artifact.options['tuning_trials']} is "
                "refused: MetaSchedule was not seen to measure a single schedule here",
                "leave tuning_trials out",
            )
        set_threads(threads)
        module = read_module(artifact.path)
        inputs, outputs = ends(artifact.path)
        most = artifact.max_batch
        require_tensors("input", artifact.inputs, inputs, most, complete=True)
        require_tensors("output", artifact.outputs, outputs, most, complete=False)
        # Arguments and results have the order of the file.
        self._inputs = [one.name for one in inputs]
        self._outputs = [one.name for one in outputs]
        self._fixed = (
            most if any(one.shape and one.shape[0] is not None for one in inputs) else None
        )
        self._artifact = artifact
        self._check = BatchCheck(artifact.inputs)
        self._making = threading.Lock()
        self._executable = compiled(module, artifact.path)
        self._free = [machine(self._executable)]

    def effective(self) -> Effective:
        """The threads of this thread's pool; modules are of the file's numbers, on the CPU."""
        if self._executable is None:
            raise RuntimeError("effective was called after close")
        return Effective(
            {
                "threads": pool_threads(),
                "device": "cpu",
                "tuning_trials": 0,
                "fixed_batch": self._fixed,
            },
            {"threads": "TVM made its pool before it was asked"},
        )

    def predict(self, batch: Tensors) -> Tensors:
        """Run a virtual machine that is not at work, made where there is none.

        Args:
            batch: The declared inputs; copied.

        Returns:
            The declared outputs.

        Raises:
            InputError: The batch does not fit the declared inputs.
            WorkError: TVM fails.
        """
        self._check(batch)
        if self._executable is None:
            raise RuntimeError("predict was called after close")
        return self._run_free(batch)

    def tracer(self, with_layers: bool) -> Tracer:
        """See ``TraceableBackend``; with layers on a virtual machine of its own."""
        if not with_layers:
            return CallTracer(self._run_free)
        from loadscope.sut.tvm.tracer import TvmTracer

        own = machine(self._executable)
        return TvmTracer(own, self._artifact.path, lambda batch: self._run(own, batch))

    def _run_free(self, batch: Tensors) -> Tensors:
        try:
            own = self._free.pop()
        except IndexError:
            with self._making:
                own = machine(self._executable)
        found = self._run(own, batch)
        self._free.append(own)
        return found

    def _run(self, own: Any, batch: Tensors) -> Tensors:
        count = samples(batch)
        if self._fixed is not None:
            batch = filled(batch, self._fixed)
        try:
            found = run(own["main"], [batch[name] for name in self._inputs])
        except RuntimeError as error:
            raise WorkError(
                f"TVM failed: {line(error)}", "use another shape of batch, or another framework"
            ) from error
        named = dict(zip(self._outputs, found, strict=True))
        return {one.name: named[one.name][:count] for one in self._artifact.outputs}

    def close(self) -> None:
        """Drop the module and its virtual machines."""
        self._executable = None
        self._free.clear()
