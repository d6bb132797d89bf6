"""A real server of the Open Inference Protocol, mlserver; ``make test-serving`` installs it."""

import json
import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
import urllib3
from tests.sut.tiny_onnx import INPUTS, write_model

from loadscope.errors import InputError
from loadscope.rundir.directory import RunDirectory
from loadscope.sut.backend import Artifact, TensorInfo
from loadscope.sut.openinference.backend import OpenInferenceBackend, ask

_START_S = 180
_METADATA = {
    "name": "own", "implementation": "mlserver_model.Own", "platform": "python",
    "inputs": [{"name": "images", "datatype": "FP32", "shape": [-1, 2]}],
    "outputs": [{"name": "doubled", "datatype": "FP32", "shape": [-1, 2]},
                {"name": "best", "datatype": "INT64", "shape": [-1]}],
}  # fmt: skip


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """The model's address on a server that is ready."""
    program = os.environ.get("LOADSCOPE_MLSERVER")
    if program is None:
        pytest.skip("no mlserver named in LOADSCOPE_MLSERVER; run make test-serving")
    folder = tmp_path_factory.mktemp("mlserver")
    shutil.copy(Path(__file__).with_name("mlserver_model.py"), folder)
    ports = []
    for _ in range(2):
        with socket.create_server(("127.0.0.1", 0)) as free:
            ports.append(free.getsockname()[1])
    settings = {
        "host": "127.0.0.1", "http_port": ports[0], "grpc_port": ports[1], "parallel_workers": 0,
        "metrics_endpoint": None, "debug": False,
    }  # fmt: skip
    (folder / "settings.json").write_text(json.dumps(settings))
    (folder / "model-settings.json").write_text(json.dumps(_METADATA))
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen([program, "start", "."], cwd=folder, stdout=log, stderr=log)
        try:
            deadline = time.monotonic() + _START_S
            while not _ready(ports[0]):
                if server.poll() is not None or time.monotonic() > deadline:
                    pytest.fail(f"mlserver did not start: {(folder / 'log').read_text()[-2000:]}")
                time.sleep(0.5)
            yield f"http://127.0.0.1:{ports[0]}/v2/models/own"
        finally:
            server.terminate()
            server.wait(30)


def _ready(port):
    try:
        ready = urllib3.request("GET", f"http://127.0.0.1:{port}/v2/health/ready", retries=False)
    except urllib3.exceptions.HTTPError:
        return False
    return ready.status == 200


def test_its_answers_are_the_models(address, tmp_path):
    outputs = (TensorInfo("doubled", "float32", (2,)), TensorInfo("best", "int64", ()))
    backend = OpenInferenceBackend()
    images = TensorInfo("images", "float32", (2,))
    backend.load(Artifact(tmp_path, "none", (images,), outputs, options={"url": address}), 1)
    found = backend.predict(INPUTS)
    assert found["doubled"].tolist() == [[2, 4], [8, 6], [0, 10]]
    assert found["best"].tolist() == [1, 0, 1] and found["best"].dtype == np.int64
    backend.close()
    assert ask(address).server.startswith("mlserver 1.")
    with pytest.raises(InputError, match="status 404"):
        ask(address.replace("own", "other"))


def test_a_loadgen_run_on_it_is_valid_and_says_who_answered(address, loadscope, tmp_path):
    model = write_model(tmp_path / "own.onnx")
    np.savez(tmp_path / "x.npz", images=np.arange(20, dtype=np.float32).reshape(10, 2))
    done = loadscope(
        "run", "--model", model, "--task", "tensors", "--framework", "onnxruntime",
        "--input-data", tmp_path / "x.npz", "--scenario", "SingleStream",
        "--min-duration", "1s", "--output", "out", "--json", "--sut", address,
    )  # fmt: skip
    assert json.loads(done.stdout)["metric"]["value"] > 0
    remote = RunDirectory(tmp_path / "out").read().remote
    assert remote is not None and remote.server.startswith("mlserver 1.")
