"""A server of the Open Inference Protocol as a SUT.

The server is of these tests (``inference_server``); ``test_mlserver`` has one of others.
"""

import json

import numpy as np
import pytest
from tests.suite.serve.inference_server import inference_server
from tests.sut.tiny_onnx import INPUTS, write_model

from loadscope.errors import InputError, WorkError
from loadscope.rundir.directory import RunDirectory
from loadscope.sut.backend import Artifact, TensorInfo
from loadscope.sut.openinference.backend import OpenInferenceBackend, ask
from loadscope.sut.openinference.protocol import request, response
from loadscope.sut.registry import backend_at

IMAGES = TensorInfo("images", "float32", (2,))
OUTPUTS = (TensorInfo("doubled", "float32", (2,)), TensorInfo("best", "int64", ()))


@pytest.fixture
def opened(tmp_path):
    """A backend that has found the model at an address."""

    def load(url, outputs=OUTPUTS):
        backend = OpenInferenceBackend()
        artifact = Artifact(tmp_path, "none", (IMAGES,), outputs, options={"url": url})
        backend.load(artifact, 1)
        return backend

    return load


@pytest.mark.parametrize("extensions", [("binary_tensor_data", "statistics"), ()])
def test_answers_are_the_model_s(opened, extensions):
    with inference_server(extensions=extensions) as (address, asked):
        backend = opened(f"{address}/v2/models/own/versions/3")
        found = backend.predict(INPUTS)
        assert found["doubled"].tolist() == [[2, 4], [8, 6], [0, 10]]
        assert found["best"].tolist() == [1, 0, 1] and found["best"].dtype == np.int64
        (path, kind, head) = asked[0]
        assert path == "/v2/models/own/versions/3/infer"
        (tensor,) = head["inputs"]
        assert tensor["datatype"] == "FP32" and tensor["shape"] == [3, 2]
        assert ("data" in tensor) is not bool(extensions)
        assert kind == ("application/octet-stream" if extensions else "application/json")
        assert backend.sut_name() == f"Network SUT {address[7:]} (testserver own)"
        assert list(opened(f"{address}/v2/models/own", OUTPUTS[1:]).predict(INPUTS)) == ["best"]
        backend.close()


def test_what_it_says_of_itself_is_known_and_what_it_does_not_is_empty():
    with inference_server() as (address, _):
        assert backend_at(f"{address}/v2/models/own").name == "openinference"
        told = ask(f"{address}/v2/models/own")
    assert told.server == "testserver 1.2" and told.in_force["platform"] == "onnxruntime_onnx"
    assert [(one.name, one.dtype, one.shape) for one in told.outputs] == [
        ("doubled", "float32", (2,)), ("best", "int64", ()),
    ]  # fmt: skip
    assert told.host is None and told.threads is None and not told.model.sha256


def test_a_server_that_fails_is_an_error_not_an_answer(opened):
    with inference_server(broken="model is unloading") as (address, _):
        backend = opened(f"{address}/v2/models/own")
        with pytest.raises(WorkError, match="status 500: model is unloading"):
            backend.predict(INPUTS)
        with pytest.raises(InputError, match="unknown model: /v2/models/other"):
            ask(f"{address}/v2/models/other")


@pytest.mark.parametrize(
    ("body", "headers", "said"),
    [
        (b"{}", {}, "no outputs"),
        (b"[", {}, "Expecting"),
        (b"{}", {"Inference-Header-Content-Length": "9"}, "the body has 2 bytes"),
        (b'{"outputs": [{"name": "a", "datatype": "BF16", "shape": [1]}]}', {}, "BF16"),
        (
            b'{"outputs": [{"name": "a", "datatype": "FP32", "shape": [2], "data": [1]}]}',
            {}, "1 numbers",
        ),
        (
            b'{"outputs": [{"name": "a", "datatype": "FP32", "shape": [2], '
            b'"parameters": {"binary_data_size": 8}}]}',
            {}, "8 bytes for FP32",
        ),
    ],
)  # fmt: skip
def test_what_is_no_answer_is_said_so(body, headers, said):
    with pytest.raises(ValueError, match=said):
        response(body, headers)


def test_bytes_are_little_endian_whatever_the_array_is():
    body, headers = request({"x": np.array([1.5, -2], ">f4")}, ["y"], True)
    length = int(headers["Inference-Header-Content-Length"])
    assert body[length:] == np.array([1.5, -2], "<f4").tobytes()
    assert json.loads(body[:length])["inputs"][0]["parameters"] == {"binary_data_size": 8}


def test_a_run_on_it_says_what_was_not_told(loadscope, tmp_path):
    model = write_model(tmp_path / "own.onnx")
    np.savez(tmp_path / "x.npz", images=np.arange(20, dtype=np.float32).reshape(10, 2))
    with inference_server() as (address, asked):
        done = loadscope(
            "run", "--model", model, "--task", "tensors", "--framework", "onnxruntime",
            "--input-data", tmp_path / "x.npz", "--scenario", "SingleStream",
            "--min-duration", "200ms", "--output", "out", "--json",
            "--sut", f"{address}/v2/models/own",
        )  # fmt: skip
    assert json.loads(done.stdout)["metric"]["value"] > 0 and len(asked) > 1
    record = RunDirectory(tmp_path / "out").read()
    assert record.remote is not None
    assert record.remote.untold == ("machine", "model's digest", "framework", "threads")
    assert record.remote.server == "testserver 1.2"
    assert record.host.processor is None and record.host.machine == ""
    assert record.model.sha256 == ""
    notes = json.loads(done.stdout)["notes"]
    assert any("did not tell its machine, model's digest" in note for note in notes)
