"""A small server of the Open Inference Protocol 2, written from its specification, for tests.

It stands in for KServe and Triton; what it answers is computed from the tensors that came, so that
a wrong byte shows.
"""

import contextlib
import json
import math
import struct
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

LETTERS = {"FP32": "f", "INT64": "q"}


def read_tensors(body, json_length):
    """The inputs of a request as lists of numbers, by name, with their shapes."""
    head = json.loads(body[:json_length])
    at, found = json_length, {}
    for one in head["inputs"]:
        count, letter = math.prod(one["shape"]), LETTERS[one["datatype"]]
        size = one.get("parameters", {}).get("binary_data_size")
        if size is None:
            numbers = one["data"]
        else:
            numbers = struct.unpack_from(f"<{count}{letter}", body, at)
            at += size
        found[one["name"]] = (one["shape"], list(numbers))
    assert at == len(body) or json_length == len(body)
    return head, found


class Handler(BaseHTTPRequestHandler):
    """``doubled`` = 2 x ``images``, and ``best``, which of the two numbers is larger."""

    protocol_version = "HTTP/1.1"
    extensions = ("binary_tensor_data",)
    broken = ""
    asked: ClassVar[list[tuple[str, str, Any]]] = []

    def log_message(self, *args):
        """Nobody reads it."""

    def do_GET(self):
        if self.path == "/v2":
            told = {"name": "testserver", "version": "1.2", "extensions": list(self.extensions)}
            self._send(200, told)
        elif self.path in ("/v2/models/own", "/v2/models/own/versions/3"):
            self._send(200, {
                "name": "own", "versions": ["3"], "platform": "onnxruntime_onnx",
                "inputs": [{"name": "images", "datatype": "FP32", "shape": [-1, 2]}],
                "outputs": [{"name": "doubled", "datatype": "FP32", "shape": [-1, 2]},
                            {"name": "best", "datatype": "INT64", "shape": [-1]}],
            })  # fmt: skip
        else:
            self._send(404, {"error": f"Request for unknown model: {self.path}"})

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        length = int(self.headers.get("Inference-Header-Content-Length", len(body)))
        head, tensors = read_tensors(body, length)
        self.asked.append((self.path, self.headers["Content-Type"], head))
        if self.broken:
            self._send(500, {"error": self.broken})
            return
        (count, _), numbers = tensors["images"]
        pairs = [numbers[at : at + 2] for at in range(0, len(numbers), 2)]
        results = {
            "doubled": ("FP32", [count, 2], [2 * number for number in numbers]),
            "best": ("INT64", [count], [int(two > one) for one, two in pairs]),
        }
        told, parts = [], []
        for one in head["outputs"]:
            datatype, shape, values = results[one["name"]]
            entry = {"name": one["name"], "datatype": datatype, "shape": shape}
            if one["parameters"]["binary_data"]:
                parts.append(struct.pack(f"<{len(values)}{LETTERS[datatype]}", *values))
                entry["parameters"] = {"binary_data_size": len(parts[-1])}
            else:
                entry["data"] = values
            told.append(entry)
        self._send(200, {"model_name": "own", "outputs": told}, parts)

    def _send(self, status, told, parts=()):
        head = json.dumps(told).encode()
        body = b"".join([head, *parts])
        self.send_response(status)
        if parts:
            self.send_header("Inference-Header-Content-Length", str(len(head)))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@contextlib.contextmanager
def inference_server(**changes):
    """Serve; gives the server's address and what it was asked."""
    kind: type[Handler] = type("Changed", (Handler,), {"asked": [], **changes})
    with ThreadingHTTPServer(("127.0.0.1", 0), kind) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", kind.asked
        finally:
            server.shutdown()
            thread.join()
