"""The model of tiny_onnx in mlserver's own terms; mlserver loads this file, in its own Python."""

import numpy as np
from mlserver import MLModel
from mlserver.codecs import NumpyCodec
from mlserver.types import InferenceResponse


class Own(MLModel):
    """``doubled`` = 2 x ``images``, and ``best``, which of the two numbers is larger."""

    async def load(self):
        return True

    async def predict(self, payload):
        images = NumpyCodec.decode_input(payload.inputs[0])
        outputs = {"doubled": images * 2, "best": np.argmax(images, 1)}
        return InferenceResponse(
            model_name=self.name,
            outputs=[NumpyCodec.encode_output(name, value) for name, value in outputs.items()],
        )
