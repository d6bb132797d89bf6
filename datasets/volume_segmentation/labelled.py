"""From a network's output to the payload that LoadGen is handed: a byte a voxel."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from loadscope.datasets.task import Payloads, Postprocess
from loadscope.datasets.volume_segmentation.volume_spec import VoxelSpec
from loadscope.errors import WorkError
from loadscope.tensors import Tensors


def postprocess(spec: VoxelSpec, shape: Callable[[int], tuple[int, int, int]]) -> Postprocess:
    """Make the function that turns outputs into payloads.

    A payload is the class of each voxel of what was fed, ``u1``, the last axis fastest: the form
    of MLPerf's script for KiTS19. LoadGen writes each byte as two characters.

    Args:
        spec: How the output is read.
        shape: The shape of a sample's voxels.

    The returned function raises:
        WorkError: The output is missing, has another form or holds NaN.
    """

    def payloads(outputs: Tensors, indices: Sequence[int]) -> Payloads:
        output = outputs.get(spec.output)
        if output is None:
            raise WorkError(
                f"the model has no output '{spec.output}'",
                f"it has: {', '.join(outputs) or 'none'}; correct the model's manifest",
            )
        found = []
        for at, index in enumerate(indices):
            wanted = shape(index)
            if output.ndim != 5 or len(output) != len(indices) or output.shape[2:] != wanted:
                raise WorkError(
                    f"the model's output '{spec.output}' has shape {output.shape} for sample "
                    f"{index}, expected (batch, classes, {', '.join(map(str, wanted))})",
                    "correct the output's name in the model's manifest",
                )
            # A maximum is NaN where any number is.
            if np.isnan(output[at].max()):
                raise WorkError(
                    f"the model's output '{spec.output}' is NaN for sample {index}",
                    "check the model's weights and its preprocessing",
                )
            found.append(np.ascontiguousarray(output[at].argmax(axis=0), np.uint8))
        return found

    return payloads


def classes_of(payload: bytes, shape: tuple[int, ...]) -> NDArray[np.uint8] | None:
    """The class of each voxel of a payload; None where it is none of that shape."""
    if len(payload) != int(np.prod(shape)):
        return None
    return np.frombuffer(payload, np.uint8).reshape(shape)
