"""A backend whose model is in another Python, behind the same protocol."""

from typing import Any

from loadscope.sut.backend import Artifact, TensorInfo
from loadscope.sut.declared import BatchCheck
from loadscope.sut.effective import Effective
from loadscope.sut.info import BackendInfo
from loadscope.sut.interpreter.lane import Lane
from loadscope.sut.interpreter.process import Worker
from loadscope.sut.interpreter.tracer import InterpreterTracer
from loadscope.sut.tracing.record import Tracer
from loadscope.tensors import Tensors


class InterpreterBackend:
    """Has a worker answer; each thread that calls at once has a lane of its own.

    Args:
        info: Of a backend that has an ``interpreter``.
    """

    def __init__(self, info: BackendInfo) -> None:
        self._info = info
        self._worker: Worker | None = None
        self._lanes: list[Lane] = []
        self._free: list[Lane] = []
        self._peak = 0

    def load(self, artifact: Artifact, threads: int) -> None:
        """Start the worker and have it load the model.

        Raises:
            InputError: There is no Python for it, or the program refuses the model.
            WorkError: The worker ended.
        """
        self._info.check_options(artifact.options)
        self._artifact = artifact
        self._check = BatchCheck(artifact.inputs)
        self._worker = Worker(self._info)
        try:
            self._told = self._worker.ask("load", model=_model(artifact), threads=threads)
            self._free.append(self._new_lane())
        except BaseException:
            self.close()
            raise

    def effective(self) -> Effective:
        """What the program says is in force, and the Python that it runs in."""
        told, worker = self._told, self._opened()
        return Effective(
            {**told["settings"], "python": worker.python.text()}, told.get("causes", {})
        )

    def predict(self, batch: Tensors) -> Tensors:
        """Have the model run.

        Args:
            batch: The declared inputs; copied once, into memory that the worker sees.

        Returns:
            The declared outputs.

        Raises:
            InputError: The batch does not fit the declared inputs.
            WorkError: The worker ended.
        """
        return self.run(batch, -1, 0)

    def run(self, batch: Tensors, tracer: int, thread: int) -> Tensors:
        """As ``predict``, noted by a tracer of the worker's; see ``Lane.predict``."""
        self._check(batch)
        try:
            lane = self._free.pop()
        except IndexError:
            lane = self._new_lane()
        try:
            return lane.predict(batch, tracer, thread)
        finally:
            self._free.append(lane)

    def tracer(self, with_layers: bool) -> Tracer:
        """See ``TraceableBackend``; the times are those of the call inside the worker."""
        return InterpreterTracer(self._opened(), self._info, self._artifact, with_layers, self.run)

    def close(self) -> None:
        """End the worker."""
        if self._worker is not None:
            self._peak = self._worker.close()
            self._worker = None
        for lane in self._lanes:
            lane.close()
        self._lanes.clear()
        self._free.clear()

    def peak_elsewhere(self) -> int:
        """See ``ElsewhereBackend``."""
        return self._peak

    def _opened(self) -> Worker:
        if self._worker is None:
            raise RuntimeError(f"{self._info.name} was used after close")
        return self._worker

    def _new_lane(self) -> Lane:
        worker = self._opened()
        lane = Lane(self._artifact.inputs, self._artifact.outputs, worker.lost)
        self._lanes.append(lane)
        worker.tell("lane", lane.theirs)
        lane.sent()
        return lane


def _model(artifact: Artifact) -> dict[str, Any]:
    """An artifact as ``guest.model.Model`` takes it."""

    def told(infos: tuple[TensorInfo, ...]) -> list[dict[str, Any]]:
        return [{"name": one.name, "dtype": one.dtype, "shape": list(one.shape)} for one in infos]

    return {
        "path": str(artifact.path),
        "format": artifact.format,
        "inputs": told(artifact.inputs),
        "outputs": told(artifact.outputs),
        "layout": artifact.layout,
        "architecture": artifact.architecture,
        "options": dict(artifact.options),
        "max_batch": artifact.max_batch,
        "numerics": artifact.numerics,
    }
