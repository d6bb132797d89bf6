"""One call of an engine at a time: a context, a stream, and buffers."""

from typing import Any

import numpy as np

from loadscope.errors import WorkError
from loadscope.sut.backend import Artifact
from loadscope.sut.declared import samples
from loadscope.sut.tensorrt import cuda
from loadscope.tensors import Tensors


class Lane:
    """A context for one call at a time.

    Args:
        engine: TensorRT's.
        artifact: For the declared tensors.
        most: Samples that the buffers are for.

    Attributes:
        context: TensorRT's.
        most: As given.
    """

    def __init__(self, engine: Any, artifact: Artifact, most: int) -> None:
        self.context, self.most = engine.create_execution_context(), most
        if self.context is None:
            # TensorRT takes the memory of activations here, and says no more.
            raise cuda.CudaFullError
        self.queue = cuda.Queue()
        self._inputs, self._outputs = artifact.inputs, artifact.outputs
        self._pairs = {}
        for info in (*self._inputs, *self._outputs):
            size = most * int(np.prod(info.shape)) * np.dtype(info.dtype).itemsize
            self._pairs[info.name] = cuda.Pair(size)
            self.context.set_tensor_address(info.name, self._pairs[info.name].device)

    def run(self, batch: Tensors) -> Tensors:
        """Run a batch; the outputs have memory of their own."""
        self.put(batch)
        if not self.context.execute_async_v3(self.queue.handle):
            raise WorkError(
                "TensorRT cannot run the engine", "see the process's log for its reason"
            )
        return self.get(samples(batch))

    def put(self, batch: Tensors) -> None:
        """Queue the copies to the device."""
        for info in self._inputs:
            array, pair = batch[info.name], self._pairs[info.name]
            pair.array(array.dtype, array.shape)[...] = array
            self.context.set_input_shape(info.name, array.shape)
            self.queue.to_device(pair, array.nbytes)

    def get(self, count: int) -> Tensors:
        """Queue the copies to the host, and wait for them."""
        found = {}
        for info in self._outputs:
            view = self._pairs[info.name].array(np.dtype(info.dtype), (count, *info.shape))
            self.queue.to_host(self._pairs[info.name], view.nbytes)
            found[info.name] = view
        self.queue.wait()
        return {name: view.copy() for name, view in found.items()}
