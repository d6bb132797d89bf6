"""Real servers of the Open Inference Protocol as SUTs; ``make test-serving`` installs them."""

import json

import numpy as np
import pytest
from tests.suite.serve.real.servers import SERVERS, serving
from tests.sut.tiny_onnx import INPUTS, write_model

from loadscope.errors import InputError
from loadscope.rundir.directory import RunDirectory
from loadscope.sut.backend import Artifact, TensorInfo
from loadscope.sut.openinference.backend import OpenInferenceBackend, ask
from loadscope.sut.openinference.protocol import BINARY

_BINARY = {"triton": True, "mlserver": False, "kserve": False}
"""Whether they take tensors as bytes and say so."""


@pytest.fixture(scope="module", params=SERVERS)
def server(request, tmp_path_factory):
    """The name of a server that is ready, and its model's address."""
    with serving(request.param, tmp_path_factory.mktemp(request.param)) as address:
        yield request.param, address


def test_its_answers_are_the_models(server, tmp_path):
    name, address = server
    outputs = (TensorInfo("doubled", "float32", (2,)), TensorInfo("best", "int64", ()))
    backend = OpenInferenceBackend()
    images = TensorInfo("images", "float32", (2,))
    backend.load(Artifact(tmp_path, "none", (images,), outputs, options={"url": address}), 1)
    found = backend.predict(INPUTS)
    assert found["doubled"].tolist() == [[2, 4], [8, 6], [0, 10]]
    assert found["best"].tolist() == [1, 0, 1] and found["best"].dtype == np.int64
    backend.close()
    told = ask(address)
    assert told.server.startswith(f"{name} ")
    extensions = told.in_force["extensions"]
    assert isinstance(extensions, list) and (BINARY in extensions) == _BINARY[name]
    with pytest.raises(InputError, match="status 404"):
        ask(address.replace("own", "other"))


def test_a_loadgen_run_on_it_is_valid_and_says_who_answered(server, loadscope, tmp_path):
    name, address = server
    model = write_model(tmp_path / "own.onnx")
    np.savez(tmp_path / "x.npz", images=np.arange(20, dtype=np.float32).reshape(10, 2))
    done = loadscope(
        "run", "--model", model, "--task", "tensors", "--framework", "onnxruntime",
        "--input-data", tmp_path / "x.npz", "--scenario", "SingleStream",
        "--min-duration", "1s", "--output", "out", "--json", "--sut", address,
    )  # fmt: skip
    assert json.loads(done.stdout)["metric"]["value"] > 0
    remote = RunDirectory(tmp_path / "out").read().remote
    assert remote is not None and remote.server.startswith(f"{name} ")
