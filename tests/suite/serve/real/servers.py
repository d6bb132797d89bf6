"""Real servers of the Open Inference Protocol, each in an environment of its own.

Each has the model of ``tests.sut.tiny_onnx`` under the name ``own``.
"""

import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import urllib3
from tests.sut.tiny_onnx import write_model

HERE = Path(__file__).parent
_START_S = 300
_MLSERVER = {
    "name": "own", "implementation": "mlserver_model.Own", "platform": "python",
    "inputs": [{"name": "images", "datatype": "FP32", "shape": [-1, 2]}],
    "outputs": [{"name": "doubled", "datatype": "FP32", "shape": [-1, 2]},
                {"name": "best", "datatype": "INT64", "shape": [-1]}],
}  # fmt: skip
_TRITON = """
backend: "python"
max_batch_size: 0
input { name: "images" data_type: TYPE_FP32 dims: [ -1, 2 ] }
output { name: "doubled" data_type: TYPE_FP32 dims: [ -1, 2 ] }
output { name: "best" data_type: TYPE_INT64 dims: [ -1 ] }
"""


@dataclass(frozen=True)
class Started:
    """How a server is started.

    Attributes:
        command: The program and its arguments.
        environment: Further variables.
    """

    command: list[str | Path]
    environment: dict[str, str] = field(default_factory=dict)


def mlserver(place: Path, folder: Path, port: int) -> Started:
    """Write what mlserver is told."""
    shutil.copy(HERE / "mlserver_model.py", folder)
    settings = {
        "host": "127.0.0.1", "http_port": port, "grpc_port": free_port(), "parallel_workers": 0,
        "metrics_endpoint": None, "debug": False,
    }  # fmt: skip
    (folder / "settings.json").write_text(json.dumps(settings))
    (folder / "model-settings.json").write_text(json.dumps(_MLSERVER))
    return Started([place / "bin/mlserver", "start", "."])


def kserve(place: Path, folder: Path, port: int) -> Started:
    """KServe's Python package, with the model's file on ONNX Runtime."""
    model = write_model(folder / "own.onnx")
    command: list[str | Path] = [place / "bin/python", HERE / "kserve_model.py", str(port), model]
    return Started(command)


def triton(place: Path, folder: Path, port: int) -> Started:
    """The Triton of PyTriton's wheel, which has the server's program and its Python backend."""
    (site,) = place.glob("lib/python3.*/site-packages")
    shipped = site / "pytriton/tritonserver"
    version = site.parent.name.removeprefix("python")
    # Triton looks for what runs a model's Python beside the backend; the wheel has one a version.
    shutil.copytree(shipped / "backends", folder / "backends")
    shutil.copytree(
        shipped / "python_backend_stubs" / version, folder / "backends/python", dirs_exist_ok=True
    )
    model = folder / "models/own"
    (model / "1").mkdir(parents=True)
    shutil.copy(HERE / "triton_model.py", model / "1/model.py")
    (model / "config.pbtxt").write_text(_TRITON)
    command: list[str | Path] = [
        shipped / "bin/tritonserver", f"--model-repository={folder / 'models'}",
        f"--backend-directory={folder / 'backends'}", "--http-address=127.0.0.1",
        f"--http-port={port}", "--allow-grpc=false", "--allow-metrics=false",
    ]  # fmt: skip
    libraries = str(site / "nvidia_pytriton.libs")
    return Started(command, {"LD_LIBRARY_PATH": libraries, "PYTHONPATH": str(site)})


SERVERS: dict[str, Callable[[Path, Path, int], Started]] = {
    "mlserver": mlserver, "kserve": kserve, "triton": triton,
}  # fmt: skip


@contextmanager
def serving(name: str, folder: Path) -> Iterator[str]:
    """The model's address on a server that is ready; skips where the server is not installed."""
    installed = os.environ.get("LOADSCOPE_SERVING")
    if installed is None:
        pytest.skip("no folder of servers named in LOADSCOPE_SERVING; run make test-serving")
    if not (place := Path(installed, name)).exists():
        pytest.skip(f"{place}: {name} is not installed; run make test-serving")
    port = free_port()
    started = SERVERS[name](place, folder, port)
    environment = {**os.environ, **started.environment, "PATH": f"{place}/bin:{os.environ['PATH']}"}
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(
            started.command, cwd=folder, env=environment, stdout=log, stderr=log
        )
        try:
            deadline = time.monotonic() + _START_S
            while not _ready(port):
                if server.poll() is not None or time.monotonic() > deadline:
                    pytest.fail(f"{name} did not start: {(folder / 'log').read_text()[-2000:]}")
                time.sleep(0.5)
            yield f"http://127.0.0.1:{port}/v2/models/own"
        finally:
            server.terminate()
            server.wait(60)


def free_port() -> int:
    """A port of the loopback that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


def _ready(port: int) -> bool:
    address = f"http://127.0.0.1:{port}/v2/models/own/ready"
    try:
        ready = urllib3.request("GET", address, retries=False)
    except urllib3.exceptions.HTTPError:
        return False
    return ready.status == 200
