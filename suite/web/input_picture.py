"""The preprocessed input of a model as a picture, where it is one."""

import base64
import io

import numpy as np
from PIL import Image

from loadscope.suite.run.warm_model import ModelInputData

_CHANNELS = (1, 3)
_LEAST = 8


def input_picture(given: ModelInputData) -> str:
    """The first input as a PNG ``data:`` address; empty where it is no picture.

    Its smallest number is black and its largest white, in whichever order its channels are.
    """
    if not given.data or len(given.shape) != 4:
        return ""
    dtype = np.dtype(given.dtype).newbyteorder("<")
    array = np.frombuffer(base64.b64decode(given.data), dtype).reshape(given.shape)[0]
    if array.shape[0] in _CHANNELS and min(array.shape[1:]) >= _LEAST:
        array = array.transpose(1, 2, 0)
    elif array.shape[2] not in _CHANNELS or min(array.shape[:2]) < _LEAST:
        return ""
    pixels = array.astype(np.float64)
    low, high = float(pixels.min()), float(pixels.max())
    pixels = (pixels - low) * (255 / (high - low) if high > low else 0)
    image = Image.fromarray(np.squeeze(pixels.round().astype(np.uint8)))
    out = io.BytesIO()
    image.save(out, "PNG")
    return f"data:image/png;base64,{base64.b64encode(out.getvalue()).decode()}"
