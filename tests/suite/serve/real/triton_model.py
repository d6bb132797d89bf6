"""The model of tiny_onnx for Triton's Python backend, which runs this file in its own process."""

import numpy as np
import triton_python_backend_utils as triton


class TritonPythonModel:
    """``doubled`` = 2 x ``images``, and ``best``, which of the two numbers is larger."""

    def execute(self, requests):
        return [self._answer(request) for request in requests]

    def _answer(self, request):
        images = triton.get_input_tensor_by_name(request, "images").as_numpy()
        outputs = {"doubled": images * 2, "best": np.argmax(images, 1)}
        tensors = [triton.Tensor(name, value) for name, value in outputs.items()]
        return triton.InferenceResponse(tensors)
