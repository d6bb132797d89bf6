"""The inside of a model on ONNX Runtime: every intermediate tensor made an output."""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from loadscope.errors import InputError
from loadscope.sut.backend import Artifact
from loadscope.sut.declared import filled
from loadscope.sut.layer_values import LayerValue
from loadscope.tensors import Tensors

try:
    import onnx
    from onnx import numpy_helper
except ImportError as error:
    raise InputError(
        "the values of layers on ONNX Runtime need onnx, which is not installed",
        "pip install 'loadscope[export]'",
    ) from error


class OnnxRuntimeProbe:
    """Runs the graph as it is in the file: no operator is fused, so that names stay.

    Args:
        artifact: An ``onnx`` file.
        threads: Threads of the session.

    Raises:
        InputError: The file is not usable ONNX.
    """

    def __init__(self, artifact: Artifact, threads: int) -> None:
        try:
            model = onnx.load(str(artifact.path))
        except Exception as error:
            # Protobuf's own exceptions differ between its implementations.
            raise InputError(
                f"cannot read {artifact.path} as ONNX: {error}", "fetch it again"
            ) from error
        self._initializers = list(model.graph.initializer)
        self._folder = artifact.path.parent
        self._types = {
            output: node.op_type for node in model.graph.node for output in node.output if output
        }
        present = {output.name for output in model.graph.output}
        model.graph.output.extend(
            onnx.ValueInfoProto(name=name) for name in self._types if name not in present
        )
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = threads
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "probed.onnx"
            # Weights beyond protobuf's 2 GB must stay outside of the message.
            onnx.save(model, str(path), save_as_external_data=model.ByteSize() > 1 << 30)
            self._session = onnxruntime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"]
            )
        self._inputs = [info.name for info in artifact.inputs]

    def layers(self, batch: Tensors) -> Sequence[LayerValue]:
        """See ``Probe``; what is no tensor is left out."""
        names = list(self._types)
        given = {name: batch[name] for name in self._inputs}
        size = self._session.get_inputs()[0].shape[0]
        values = self._session.run(names, filled(given, size) if isinstance(size, int) else given)
        return [
            LayerValue(name, self._types[name], value)
            for name, value in zip(names, values, strict=True)
            if isinstance(value, np.ndarray) and value.dtype.kind in "biuf"
        ]

    def weights(self) -> Iterator[tuple[str, NDArray[Any]]]:
        """See ``Probe``: the file's initializers."""
        for tensor in self._initializers:
            yield tensor.name, numpy_helper.to_array(tensor, str(self._folder))
