"""TensorRT behind the backend protocol."""

import threading
from typing import Any

from loadscope.device_memory import DeviceMemory
from loadscope.devices import CUDA, canonical, devices_here, number_of
from loadscope.errors import DeviceMemoryError
from loadscope.sut.backend import Artifact
from loadscope.sut.declared import BatchCheck, filled, samples
from loadscope.sut.effective import Effective
from loadscope.sut.tensorrt import cuda
from loadscope.sut.tensorrt.engine import capacity, engine
from loadscope.sut.tensorrt.info import INFO
from loadscope.sut.tensorrt.lane import Lane
from loadscope.sut.tracing.calls import CallTracer
from loadscope.sut.tracing.record import Tracer
from loadscope.tensors import Tensors


class TensorRtBackend:
    """Runs an engine with a context, a stream and buffers for each call at once.

    An engine is of batches up to a power of two; one for a larger batch is built when that comes,
    which is while a run warms up.

    Options of the artifact:
        device: ``cuda`` (the default); of several ``cuda:1``.
        dtype: ``float16`` lets TensorRT before 11 choose kernels of that; inputs and outputs stay
            as declared. Later ones compute in the types of the file.
        tf32: Have the GPU multiply float32 with ten bits of fraction (default false; TensorRT's
            own default is true).
    """

    def __init__(self) -> None:
        self._engine: Any = None
        self._most = 0
        self._free: list[Lane] = []

    def load(self, artifact: Artifact, threads: int) -> None:
        """Take the smallest engine from the cache, or build it.

        Args:
            artifact: An ``onnx`` file.
            threads: Of no meaning here: a GPU computes.

        Raises:
            InputError: The file is not of what TensorRT reads, its tensors are not the declared
                ones, or an option is unknown.
            WorkError: TensorRT can build no engine of it, or CUDA fails.
        """
        INFO.check_options(artifact.options)
        self._artifact, self._fixed = artifact, artifact.max_batch
        self._device = INFO.device(artifact.options)
        self._check = BatchCheck(artifact.inputs)
        self._building = threading.Lock()
        self._grow(1)

    def effective(self) -> Effective:
        """The device, as CUDA tells it, and the file's fixed batch."""
        return Effective(
            {"device": canonical(f"{CUDA}:{cuda.current()}"), "fixed_batch": self._fixed}
        )

    def device_memory(self) -> DeviceMemory | None:
        """See ``TellsDeviceMemory``: as CUDA tells it, of all processes together."""
        cuda.use(number_of(self._device))
        free, total = cuda.memory()
        return DeviceMemory(total, free, total - free, total - free)

    def predict(self, batch: Tensors) -> Tensors:
        """Run the engine.

        Args:
            batch: The declared inputs; copied into pinned memory.

        Returns:
            The declared outputs.

        Raises:
            InputError: The batch does not fit the declared inputs.
            DeviceMemoryError: The device has no memory for it.
        """
        self._check(batch)
        if self._engine is None:
            raise RuntimeError("predict was called after close")
        count = samples(batch)
        if count > self._most:
            self._grow(count)
        most = self._most
        try:
            lane = self._free.pop()
        except IndexError:
            lane = self.lane(count)
        if lane.most < count:
            lane = self.lane(count)
        outputs = self.run(lane, batch)
        if lane.most >= most:
            self._free.append(lane)
        return outputs

    def tracer(self, with_layers: bool) -> Tracer:
        """See ``TraceableBackend``; with layers the calls have a context of their own."""
        if not with_layers:
            return CallTracer(self.predict)
        from loadscope.sut.tensorrt.tracer import TensorRtTracer

        return TensorRtTracer(self.predict, self.lane, self.run)

    def lane(self, count: int) -> Lane:
        """A context with its buffers.

        Args:
            count: Samples of the batch that it is for.

        Raises:
            DeviceMemoryError: The device has no memory for it.
        """
        cuda.use(number_of(self._device))
        try:
            return Lane(self._engine, self._artifact, self._most)
        except cuda.CudaFullError as error:
            self._free.clear()
            raise DeviceMemoryError.of_batch(self._device, count) from error

    def run(self, lane: Lane, batch: Tensors) -> Tensors:
        """Run a batch in a lane."""
        count = samples(batch)
        if self._fixed is not None:
            batch = filled(batch, self._fixed)
        cuda.use(number_of(self._device))
        found = lane.run(batch)
        return {name: each[:count] for name, each in found.items()}

    def _grow(self, count: int) -> None:
        with self._building:
            if count <= self._most:
                return
            cuda.use(number_of(self._device))
            titles = {one.name: f"{one.title}, driver {one.driver}" for one in devices_here()}
            most = capacity(count, self._fixed)
            self._engine = engine(self._artifact, most, titles.get(self._device, self._device))
            self._most = most
            self._free.clear()

    def close(self) -> None:
        """Drop engine and buffers."""
        self._free.clear()
        self._engine = None
