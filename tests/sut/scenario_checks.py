"""LoadGen's four scenarios on every framework that is here: ``make test-frameworks``.

A small trained network answers real pictures, by one worker, long enough for LoadGen to be content
with the number of queries. What ran is written to the framework's ``ran.json``, of which
``make docs`` makes the table in ``docs/frameworks.md``.
"""

import gzip
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import yaml
from tests.sut.conftest import quiet

from loadscope.errors import LoadScopeError
from loadscope.files import write_json
from loadscope.names import Scenario
from loadscope.paths import cache_location
from loadscope.suite.fetch import fetch_dataset
from loadscope.suite.models.manifest import Catalogue
from loadscope.sut.ran import Ran, ran_file
from loadscope.sut.registry import backend_info, frameworks

MODEL, DATASET, COUNT = "fashion-cnn", "fashion-mnist", 100
SETTINGS = {
    "model": MODEL,
    "dataset_path": DATASET,
    "count": COUNT,
    "mode": ["performance", "accuracy"],
    "min_duration": "500ms",
    "threads": 1,
    "layout_seconds": 0,
    # As many as early stopping wants, and a bound that no machine is too slow for.
    "runs": [
        {"scenario": "SingleStream", "min_query_count": 64},
        {"scenario": "MultiStream", "min_query_count": 662},
        {"scenario": "Offline", "workers": 1},
        {"scenario": "Server", "workers": 1, "min_query_count": 460, "target_qps": 40,
         "server_target_latency": "60s"},
    ],
}  # fmt: skip
NAMES = [name for name in frameworks() if name in Catalogue.load().get(MODEL).frameworks()]


@pytest.fixture(scope="session")
def kept_cache():
    """The user's own, where the environments are."""
    return cache_location()


@pytest.fixture(scope="session")
def pictures(kept_cache):
    """The pictures and their classes, read by hand."""
    try:
        folder = fetch_dataset(DATASET, kept_cache, quiet)
    except LoadScopeError as error:
        pytest.skip(f"{error.message}: {error.fix}")

    def idx(name, head):
        return np.frombuffer(gzip.decompress((folder / name).read_bytes())[head:], np.uint8)

    images = idx("t10k-images-idx3-ubyte.gz", 16).reshape(-1, 1, 28, 28)[:COUNT]
    return images, idx("t10k-labels-idx1-ubyte.gz", 8)[:COUNT]


@pytest.fixture(scope="session")
def wanted(pictures, real_artifact):
    """ONNX Runtime's class of each picture."""
    path = real_artifact(MODEL, "onnxruntime").path
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (scores,) = session.run(None, {"images": (pictures[0].astype(np.float32) - 127.5) / 127.5})
    found = scores.argmax(1)
    assert len(set(found.tolist())) == 10
    return found


@pytest.fixture(scope="module", params=NAMES)
def done(request, wanted, tmp_path_factory):
    """A framework, and the results of its runs by scenario."""
    info = backend_info(request.param)
    try:
        info.require_installed()
        info.require_device({})
    except LoadScopeError as error:
        pytest.skip(f"{error.message}: {error.fix}")
    folder = tmp_path_factory.mktemp(request.param)
    script = folder / "scenarios.yaml"
    script.write_text(yaml.safe_dump(SETTINGS | {"framework": request.param}))
    command = [sys.executable, "-P", "-m", "loadscope", "run", script, "--json"]
    run = subprocess.run(
        [*command, "--output", folder / "out"], capture_output=True, text=True, cwd=folder
    )
    assert run.returncode == 0, run.stderr
    return info, {one["scenario"]: one for one in json.loads(run.stdout)["runs"]}


@pytest.mark.parametrize("scenario", Scenario)
def test_loadgen_calls_it_valid(done, scenario):
    found = done[1][scenario]
    assert found["valid"], found["invalid_reasons"]
    summary = next(Path(found["run_dir"]).glob("performance/run_1/mlperf_log_summary.txt"))
    assert "Result is : VALID" in summary.read_text()
    assert found["rehearsal"] and found["metric"]["value"] > 0


@pytest.mark.parametrize("scenario", Scenario)
def test_every_answer_is_that_of_onnx_runtime(done, scenario, wanted, pictures):
    found = done[1][scenario]
    assert answers(found).tolist() == wanted.tolist()
    assert found["accuracy"]["details"]["good"] == (wanted == pictures[1]).sum()


def test_what_ran_is_written_down(done, wanted, pictures):
    info, runs = done
    right = [one for one in Scenario if runs[one]["valid"] and (answers(runs[one]) == wanted).all()]
    found = Ran(
        model=MODEL,
        version=info.version() or "",
        samples=COUNT,
        right=int((wanted == pictures[1]).sum()),
        valid=tuple(right),
    )
    path = ran_file(info)
    assert path is not None
    known = json.loads(path.read_text()) if path.exists() else {}
    write_json(path, known | {info.name: found.model_dump(mode="json")})
    assert right == list(Scenario)


def answers(run):
    """The class of each picture, from LoadGen's log."""
    entries = json.loads(Path(run["run_dir"], "accuracy/mlperf_log_accuracy.json").read_text())
    found = {
        entry["qsl_idx"]: int(np.frombuffer(bytes.fromhex(entry["data"]), "<f4")[0])
        for entry in entries
    }
    return np.array([found[at] for at in range(COUNT)])
