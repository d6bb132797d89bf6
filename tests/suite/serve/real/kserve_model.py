"""An ONNX model on a server of KServe's own Python package; it runs in that package's Python."""

import sys

import onnxruntime
from kserve import InferOutput, InferResponse, Model, ModelServer
from kserve.utils.utils import generate_uuid

_TYPES = {"tensor(float)": "FP32", "tensor(int64)": "INT64"}


def _told(tensors):
    return [
        {
            "name": one.name,
            "datatype": _TYPES[one.type],
            "shape": [size if isinstance(size, int) else -1 for size in one.shape],
        }
        for one in tensors
    ]


class Own(Model):
    """The model of a file on ONNX Runtime."""

    def __init__(self, path):
        super().__init__("own")
        self._session = onnxruntime.InferenceSession(path)
        self.ready = True

    async def get_input_types(self):
        return _told(self._session.get_inputs())

    async def get_output_types(self):
        return _told(self._session.get_outputs())

    def predict(self, payload, headers=None, response_headers=None):
        answers = self._session.run(None, {one.name: one.as_numpy() for one in payload.inputs})
        outputs = []
        for told, array in zip(_told(self._session.get_outputs()), answers, strict=True):
            output = InferOutput(told["name"], list(array.shape), told["datatype"])
            output.set_data_from_numpy(array, binary_data=False)
            outputs.append(output)
        return InferResponse(payload.id or generate_uuid(), self.name, outputs)


if __name__ == "__main__":
    server = ModelServer(http_port=int(sys.argv[1]), enable_grpc=False, workers=1)
    server.start([Own(sys.argv[2])])
