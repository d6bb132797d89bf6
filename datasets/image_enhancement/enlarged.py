"""From a network's output to the payload that LoadGen is handed, and back: an image."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from loadscope.datasets.image_enhancement.enlarge_spec import EnlargedSpec
from loadscope.datasets.task import Payloads, Postprocess
from loadscope.errors import WorkError
from loadscope.tensors import Tensors

_SIZES = np.dtype("<u2")
_HEADER = 2 * _SIZES.itemsize
_LONGEST_SIDE = np.iinfo(_SIZES).max


def postprocess(
    spec: EnlargedSpec, size: Callable[[int], tuple[int, int]], scale: int, colour: str
) -> Postprocess:
    """Make the function that turns outputs into payloads.

    No official script has a form for this task. A payload is the height and the width of the
    image, two ``<u2``, and the RGB bytes of each pixel, row by row. LoadGen writes each byte as
    two characters: an answer of 2040 x 1356 pixels takes 16.6 MB of its log.

    Args:
        spec: How the output is read.
        size: The height and width of what is fed of a sample.
        scale: By how much it is to be enlarged.
        colour: The order of the output's channels, as of the input's.

    The returned function raises:
        WorkError: The output is missing, has another form or is not finite.
    """

    def payloads(outputs: Tensors, indices: Sequence[int]) -> Payloads:
        output = outputs.get(spec.output)
        if output is None:
            raise WorkError(
                f"the model has no output '{spec.output}'",
                f"it has: {', '.join(outputs) or 'none'}; correct the model's manifest",
            )
        if len(output) != len(indices):
            raise WorkError(
                f"the model's output '{spec.output}' has shape {output.shape} for {len(indices)} "
                "samples"
            )
        found = []
        for index, each in zip(indices, output, strict=True):
            height, width = (scale * side for side in size(index))
            shape = (3, height, width) if spec.channels == "first" else (height, width, 3)
            if each.shape != shape:
                raise WorkError(
                    f"the model's output '{spec.output}' has shape {each.shape} for sample "
                    f"{index}, expected {shape}",
                    "correct the output's name or channels, or the scale, in the model's manifest",
                )
            if max(height, width) > _LONGEST_SIDE:
                raise WorkError(f"an output of {width} x {height} pixels is more than 65535 wide")
            pixels = each.transpose(1, 2, 0) if spec.channels == "first" else each
            if not np.isfinite(pixels).all():
                raise WorkError(
                    f"the model's output '{spec.output}' is not finite for sample {index}",
                    "check the model's weights and its preprocessing",
                )
            # float32 holds 256 levels exactly, and halves go to the even neighbour.
            levels = np.rint(pixels.astype(np.float32) * np.float32(255 / spec.range))
            image = levels.clip(0, 255).astype(np.uint8)
            found.append(packed(image[:, :, ::-1] if colour == "bgr" else image))
        return found

    return payloads


def packed(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The payload of an image ``(height, width, 3)``, RGB; see ``postprocess``."""
    payload = np.empty(_HEADER + image.size, np.uint8)
    payload[:_HEADER] = np.array(image.shape[:2], _SIZES).view(np.uint8)
    payload[_HEADER:] = image.reshape(-1)
    return payload


def unpacked(payload: bytes) -> NDArray[np.uint8] | None:
    """The image ``(height, width, 3)`` of a payload; None where it is none."""
    if len(payload) <= _HEADER:
        return None
    height, width = np.frombuffer(payload, _SIZES, 2).tolist()
    if len(payload) != _HEADER + 3 * height * width:
        return None
    return np.frombuffer(payload, np.uint8, offset=_HEADER).reshape(height, width, 3)
