"""ncnn behind the backend protocol."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadscope.errors import InputError, near
from loadscope.sut.backend import Artifact, TensorInfo
from loadscope.sut.declared import BatchCheck, filled, require_batch
from loadscope.sut.effective import Effective
from loadscope.sut.ncnn.info import INFO
from loadscope.sut.ncnn.network import Network, extracted, read_network
from loadscope.sut.tracing.calls import CallTracer
from loadscope.sut.tracing.record import Tracer
from loadscope.tensors import ANY_SIZE, Tensors

_ONE = 1


class NcnnBackend:
    """Runs a network one sample at a time, for ncnn has no batch axis; callers share its weights.

    Options of the artifact:
        dtype: ``float32`` (the default; ncnn's own would be float16 where the processor can
            convert it), ``float16`` or ``bfloat16``; inputs and outputs stay float32.
        winograd: Whether 3 x 3 convolutions may take Winograd's method (default true).
    """

    def __init__(self) -> None:
        self._network: Network | None = None

    def load(self, artifact: Artifact, threads: int) -> None:
        """Read the network, hold its tensors against the manifest, and run it once on zeros.

        Args:
            artifact: An ``ncnn`` file: a ``.param`` with its ``.bin`` beside it, or an archive of
                both. ``max_batch`` must be 1.
            threads: Threads for each call of ``predict``.

        Raises:
            InputError: ncnn cannot read the files, its tensors are not the declared ones, an
                option is unknown, or a layer is.
        """
        options = artifact.options
        INFO.check_options(options)
        network = read_network(
            artifact.path,
            threads,
            options.get("dtype", "float32"),
            options.get("winograd", True),
        )
        _require_inputs(artifact.inputs, network)
        _require_outputs(artifact.outputs, network)
        require_batch("input", artifact.inputs[0].name, _ONE, artifact.max_batch)
        self._outputs = [one.name for one in artifact.outputs]
        self._check = BatchCheck(artifact.inputs)
        zeros = {one.name: np.zeros((_ONE, *one.shape), np.float32) for one in artifact.inputs}
        for info, array in zip(artifact.outputs, _run(network, self._outputs, zeros), strict=True):
            if array.shape != info.shape:
                raise InputError(
                    f"output '{info.name}' is float32 {['batch', *array.shape]} in the model, "
                    f"float32 {['batch', *info.shape]} in the manifest",
                    "correct outputs in the model's manifest",
                )
        self._network = network

    def effective(self) -> Effective:
        """Threads and numbers, as the network's options have them."""
        if self._network is None:
            raise RuntimeError("effective was called after close")
        option = self._network.net.opt
        return Effective(
            {
                "device": "vulkan" if option.use_vulkan_compute else "cpu",
                "threads": option.num_threads,
                "dtype": self._network.dtype(),
                "winograd": option.use_winograd_convolution,
                "fixed_batch": _ONE,
            }
        )

    def predict(self, batch: Tensors) -> Tensors:
        """Run the network.

        Args:
            batch: The declared inputs of one sample; not copied.

        Returns:
            The declared outputs.

        Raises:
            InputError: The batch does not fit the declared inputs.
        """
        self._check(batch)
        if self._network is None:
            raise RuntimeError("predict was called after close")
        found = _run(self._network, self._outputs, filled(batch, _ONE))
        return {name: array[None] for name, array in zip(self._outputs, found, strict=True)}

    def tracer(self, with_layers: bool) -> Tracer:
        """See ``TraceableBackend``."""
        if not with_layers:
            return CallTracer(self.predict)
        from loadscope.sut.ncnn.tracer import NcnnTracer

        if self._network is None:
            raise RuntimeError("tracer was called after close")
        return NcnnTracer(self._network, self._outputs)

    def close(self) -> None:
        """Drop the network."""
        self._network = None


def _run(network: Network, names: Sequence[str], batch: Tensors) -> list[NDArray[Any]]:
    extractor = network.extractor({name: array[0] for name, array in batch.items()})
    return [extracted(extractor, name) for name in names]


def _require_inputs(declared: Sequence[TensorInfo], network: Network) -> None:
    known = network.inputs()
    fix = "correct inputs in the model's manifest"
    for info in declared:
        if info.name not in known:
            raise InputError(
                f"the model has no input '{info.name}'",
                f"{near(info.name, known)}it has: {', '.join(known)}",
            )
        if info.dtype != "float32" or ANY_SIZE in info.shape:
            raise InputError(
                f"input '{info.name}' is {info.dtype} {['batch', *info.shape]} in the manifest; "
                "ncnn takes float32 of fixed sizes",
                fix,
            )
        sizes = known[info.name]
        if sizes is not None and sizes != info.shape:
            raise InputError(
                f"input '{info.name}' is float32 {['batch', *sizes]} in the model, "
                f"{info.dtype} {['batch', *info.shape]} in the manifest",
                fix,
            )
    left_out = sorted(known.keys() - {info.name for info in declared})
    if left_out:
        raise InputError(f"the model also needs input '{left_out[0]}'", fix)


def _require_outputs(declared: Sequence[TensorInfo], network: Network) -> None:
    known = network.outputs()
    for info in declared:
        if info.name not in known:
            raise InputError(
                f"the model has no output '{info.name}'",
                f"{near(info.name, known)}it has: {', '.join(known)}",
            )
        if info.dtype != "float32":
            raise InputError(
                f"output '{info.name}' is float32 in the model, {info.dtype} in the manifest",
                "correct outputs in the model's manifest",
            )
