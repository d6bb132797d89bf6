"""OpenCV DNN behind the backend protocol."""

import threading

import cv2
import numpy as np

from loadscope.errors import InputError, WorkError
from loadscope.sut.backend import Artifact
from loadscope.sut.declared import BatchCheck, filled, require_tensors, samples
from loadscope.sut.effective import Effective
from loadscope.sut.opencv.info import CAFFE, INFO
from loadscope.sut.opencv.net import Net, loading, open_net, told
from loadscope.sut.tracing.calls import CallTracer
from loadscope.sut.tracing.record import Tracer
from loadscope.tensors import ANY_SIZE, Tensors

_TRIED = (1, 2)
"""The batches by which a free batch axis is told from one of a fixed size."""


class OpenCvBackend:
    """Runs a network that one thread at a time may call; its threads are the whole process's.

    Options of the artifact:
        fusion: Whether operators are joined (default true).
        winograd: Whether convolutions of 3 x 3 use Winograd's algorithm (default true).
    """

    def __init__(self) -> None:
        self._net: Net | None = None

    def load(self, artifact: Artifact, threads: int) -> None:
        """Read the network, and hold its tensors against the manifest in a call on zeros.

        Args:
            artifact: An ``onnx`` file; a ``frozen-graph``; or ``caffe``, a ``.prototxt`` with the
                ``.caffemodel`` of its name beside it, or an archive of both.
            threads: Threads of the process.

        Raises:
            InputError: OpenCV cannot read the file or an operator of it, its tensors are not the
                declared ones, or an option is unknown.
        """
        info = CAFFE if artifact.format in CAFFE.formats else INFO
        info.check_options(artifact.options)
        self._threads = threads
        cv2.setNumThreads(threads)
        with loading(artifact.path):
            net = open_net(artifact.format, artifact.path)
            net.net.enableFusion(artifact.options.get("fusion", True))
            net.net.enableWinograd(artifact.options.get("winograd", True))
            self._artifact = artifact
            self._layers = [net.layer_of(one.name) for one in artifact.outputs]
            for one in artifact.inputs:
                if one.dtype != "float32" or ANY_SIZE in one.shape:
                    raise InputError(
                        f"OpenCV DNN takes no input '{one.name}' of {one.dtype} {list(one.shape)}: "
                        "inputs are float32 and of fixed sizes",
                        "use another framework",
                    )
            if net.inputs:
                require_tensors(
                    "input", artifact.inputs, net.inputs, artifact.max_batch, complete=True
                )
            self._fixed = self._fixed_batch(net, artifact)
        self._check = BatchCheck(artifact.inputs)
        self._calling = threading.Lock()
        self._net = net

    def effective(self) -> Effective:
        """The process's threads; OpenCV DNN computes in float32 on the CPU."""
        self._require_open()
        return Effective(
            {
                "threads": cv2.getNumThreads(),
                "device": "cpu",
                "dtype": "float32",
                "fixed_batch": self._fixed,
            },
            {"threads": "this build of OpenCV has no threads of its own"},
        )

    def predict(self, batch: Tensors) -> Tensors:
        """Run the network.

        Args:
            batch: The declared inputs; copied.

        Returns:
            The declared outputs.

        Raises:
            InputError: The batch does not fit the declared inputs.
            WorkError: OpenCV fails.
        """
        self._check(batch)
        return self._answer(self._require_open(), batch)

    def tracer(self, with_layers: bool) -> Tracer:
        """See ``TraceableBackend``; OpenCV always takes the times of its layers."""
        net = self._require_open()
        if not with_layers:
            return CallTracer(lambda batch: self._answer(net, batch))
        from loadscope.sut.opencv.tracer import OpenCvTracer

        return OpenCvTracer(net, self._artifact, lambda batch: self._answer(net, batch))

    def _answer(self, net: Net, batch: Tensors) -> Tensors:
        count = samples(batch)
        if self._fixed is not None:
            batch = filled(batch, self._fixed)
        with self._calling:
            # Preprocessing in the same process may have asked for another number.
            if cv2.getNumThreads() != self._threads:
                cv2.setNumThreads(self._threads)
            try:
                found = net.run(
                    {one.name: batch[one.name] for one in self._artifact.inputs}, self._layers
                )
            except cv2.error as error:
                raise WorkError(
                    f"OpenCV failed: {told(error)}",
                    "use another shape of batch, or another framework",
                ) from error
        return {
            one.name: array[:count]
            for one, array in zip(self._artifact.outputs, found, strict=True)
        }

    def _fixed_batch(self, net: Net, artifact: Artifact) -> int | None:
        """The batch that the file takes, None for any, as calls on zeros tell it."""
        most = artifact.max_batch
        if most is not None:
            self._try(net, artifact, most)
            return most
        for count in _TRIED:
            self._try(net, artifact, count)
        return None

    def _try(self, net: Net, artifact: Artifact, count: int) -> None:
        """Hold a call's outputs against the declared ones."""
        batch = {one.name: np.zeros((count, *one.shape), np.float32) for one in artifact.inputs}
        found = net.run(batch, self._layers)
        for one, array in zip(artifact.outputs, found, strict=True):
            if array.dtype.name != one.dtype or array.shape != (count, *one.shape):
                raise InputError(
                    f"output '{one.name}' is {array.dtype.name} {list(array.shape)} for a batch of "
                    f"{count} in OpenCV, {one.dtype} {['batch', *one.shape]} in the manifest",
                    "correct outputs in the model's manifest, or declare max_batch there where the "
                    "file's batch size is fixed",
                )

    def _require_open(self) -> Net:
        if self._net is None:
            raise RuntimeError("the backend was used after close")
        return self._net

    def close(self) -> None:
        """Drop the network."""
        self._net = None
