"""LoadGen over a network: real LoadGen, a real server, loopback."""

import json
from dataclasses import replace

import numpy as np
import pytest
from tests.suite.serve.conftest import serving
from tests.suite.serve.network import Way

from loadscope.errors import InputError, WorkError
from loadscope.names import Mode
from loadscope.rundir.detail_log import read_detail_log
from loadscope.rundir.directory import RunDirectory
from loadscope.rundir.spec import make_spec
from loadscope.submission.rounds import load_round
from loadscope.suite.report import load_run
from loadscope.suite.results import digests
from loadscope.suite.run.resolve import resolve
from loadscope.sut.network.client import SutClient
from loadscope.sut.network.protocol import TIMEOUT, TOKEN


@pytest.fixture
def asked(tiny, tiny_dataset):
    """The arguments of a run of the tiny model."""

    def arguments(port, *more, duration="300ms", scenario="Server"):
        return (
            "run", "--models", tiny, "--model", "tiny", "--framework", "null",
            "--scenario", scenario, "--dataset-path", tiny_dataset, "--min-duration", duration,
            "--output", "out", "--sut", f"http://127.0.0.1:{port}", *more,
        )  # fmt: skip

    return arguments


def test_no_more_batches_are_on_their_way_than_the_sut_admits(loadscope, asked, served, tmp_path):
    with serving(served(delay_us=500), queue=0) as port:
        loadscope(*asked(port, "--target-qps", "40"))
    assert RunDirectory(tmp_path / "out").read().effective.workers == 2


def test_a_run_over_the_network_is_a_run_and_says_so(loadscope, asked, sut, tmp_path):
    done = loadscope(
        *asked(sut, "--target-qps", "40", "--mode", "performance", "--mode", "accuracy", "--json")
    )
    result = json.loads(done.stdout)
    assert result["metric"]["value"] > 0
    # Half a millisecond there, and the way.
    assert result["latency_ns"]["p50"] > 500_000
    assert result["accuracy"]["samples"] == 24
    assert any("reached by the network (loadscope/1" in note for note in result["notes"])
    run = RunDirectory(tmp_path / "out")
    record = run.read()
    assert record.remote is not None and record.remote.url == f"http://127.0.0.1:{sut}"
    assert record.remote.untold == ()
    assert record.remote.loadgen_host.machine == record.host.machine != ""
    assert record.spec.framework == "null"
    assert record.model.sha256 and record.model.files is not None
    assert record.model.files == {"nothing.bin": record.model.files["nothing.bin"]}
    assert record.model.options == {"delay_us": 500}
    state = record.state[Mode.PERFORMANCE]
    assert state.in_force["threads"] == 1 and state.in_force["sut"] == {"threads": 1}
    assert state.energy is None and state.noise is not None
    assert record.effective.workers == 4
    log = read_detail_log(run.logs(Mode.PERFORMANCE) / "mlperf_log_detail.txt")
    assert log.values["sut_name"] == record.remote.name
    assert log.values["sut_name"].startswith("Network SUT ")
    view = load_run(run.path)
    assert view.system == "null over network" and not view.altered
    assert digests.config(record).facts["network"]["protocol"] == "loadscope/1"
    assert "sut" not in digests.config(record).facts


def test_an_open_tree_tells_of_the_network(loadscope, asked, sut, tmp_path):
    loadscope(
        *asked(sut, "--min-query-count", "64", scenario="SingleStream"),
        "--mode", "performance", "--mode", "accuracy",
    )  # fmt: skip
    described = tmp_path / "box.json"
    submit = (
        "submit", "--runs", "out", "--division", "open", "--submitter", "Acme", "--rehearsal",
        "--system", described, "--json", "--output",
    )  # fmt: skip
    fields = {
        name: "0" if rule.whole_number else "N/A"
        for name, rule in load_round().submission.fields(network=True).items()
    }
    fields |= {"division": "open", "submitter": "Acme", "status": "rdi",
               "system_type": "edge", "is_network": "false"}  # fmt: skip
    described.write_text(json.dumps(fields))
    assert "is_network is 'false'" in loadscope(*submit, "tree", status=2).stderr
    described.write_text(json.dumps(fields | {"is_network": "true", "nic_sut": ""}))
    assert "1 required field(s) empty: nic_sut" in loadscope(*submit, "tree", status=2).stderr
    described.write_text(json.dumps(fields | {"is_network": "true"}))
    report = json.loads(loadscope(*submit, "tree").stdout)["check"]
    # A short run of 24 photographs; nothing of a network, which without the fields is warned of.
    lengths = {"test.sample-count", "test.min-duration", "test.real-duration", "accuracy.data-set"}
    assert {finding["rule"] for finding in report["findings"]} <= {*lengths, "test.query-count"}
    network = load_round().submission.network_fields
    described.write_text(json.dumps({k: v for k, v in fields.items() if k not in network}))
    report = json.loads(loadscope(*submit, "other").stdout)["check"]
    assert "test.network-untold" in {finding["rule"] for finding in report["findings"]}


@pytest.fixture
def refusal(tiny, tiny_dataset, cache, monkeypatch):
    """What is said of a run that cannot begin."""
    monkeypatch.setenv("LOADSCOPE_CACHE", str(cache))

    def said(kind, sut, **changes):
        settings = {"model": "tiny", "framework": "null", "scenario": "Server", "sut": sut}
        settings |= {"models": [tiny], "dataset_path": str(tiny_dataset), **changes}
        with pytest.raises(kind) as raised:
            resolve(make_spec(settings, "command line"), lambda *_: None)
        return str(raised.value)

    return said


def test_a_token_is_asked_for_before_anything_is_measured(loadscope, asked, served, tmp_path):
    with serving(served(), token="a-word") as port:
        said = loadscope(*asked(port), status=2).stderr
    assert "refuses us (status 401)" in said and TOKEN in said
    assert len(said.splitlines()) == 2 and not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"threads": 2}, "threads: is the SUT's; give it to loadscope serve-sut"),
        ({"options": {"delay_us": 1}}, "options: is the SUT's"),
        ({"device": "cuda"}, "device: is the SUT's"),
        ({"instances": 2}, "instances: is the SUT's"),
        ({"sut": "sut:8766"}, "sut = 'sut:8766': expected http://HOST:PORT"),
        ({"sut": "http://a:b@sut:1"}, "expected http://HOST:PORT"),
        ({"sut": "http://sut:99999"}, "expected http://HOST:PORT"),
        ({"sut": "http://sut:1/x"}, "unknown path '/x'"),
    ],
)
def test_settings_that_have_no_meaning_are_refused(refusal, changes, words):
    given = {"sut": "http://127.0.0.1:1", **changes}
    assert words in refusal(InputError, **given)


def test_no_sut_there_is_work_that_failed(refusal):
    assert "no connection: " in refusal(WorkError, "http://127.0.0.1:1")


def test_another_sut_than_is_said_is_refused(refusal, served):
    one = served(most_batch=4)
    told, model = one.told, one.told.model
    shape = told.inputs[0].model_copy(update={"shape": (3, 64, 64)})
    for changes, asked, words in (
        ({"framework": "pytorch"}, {}, "framework: expected null, got pytorch"),
        ({"model": model.model_copy(update={"id": "huge"})}, {}, "model: expected tiny, got huge"),
        ({"inputs": (shape,)}, {}, "expected float32 [3, 32, 32], got float32 [3, 64, 64]"),
        ({"outputs": ()}, {}, "the model there has no output 'scores'"),
        ({}, {"batch_size": 5}, "--batch-size: expected at most 4, as the SUT takes, got 5"),
    ):
        with serving(replace(one, told=told.model_copy(update=changes))) as port:
            assert words in refusal(InputError, f"http://127.0.0.1:{port}", **asked)


def test_a_lost_connection_ends_the_run_with_an_error(asked, start, sut, wait_for, tmp_path):
    way, out = Way(sut), tmp_path / "out"
    process = start(*asked(way.port, "--target-qps", "30", duration="300s"))
    wait_for(lambda: any(out.rglob("mlperf_log_detail.txt")), process)
    way.cut()
    said, errors = process.communicate(timeout=60)
    assert process.returncode == 1, said + errors
    assert "connection" in errors and "Traceback" not in errors
    record = RunDirectory(out).read()
    assert record.state[Mode.PERFORMANCE].status == "failed"
    assert not (out / "performance" / "mlperf_log_detail.txt").exists()


def test_a_network_that_is_silent_ends_it_too(sut, monkeypatch):
    monkeypatch.setenv(TIMEOUT, "0.5")
    way = Way(sut)
    client = SutClient(f"http://127.0.0.1:{way.port}")
    batch = {"image": np.zeros((1, 3, 32, 32), np.float32)}
    assert client.predict(batch)["scores"].shape == (1, 10)
    way.silent = True
    with pytest.raises(WorkError, match=r"no answer in 0\.5 s"):
        client.predict(batch)
    way.cut()
    with pytest.raises(WorkError, match="connection"):
        client.predict(batch)
