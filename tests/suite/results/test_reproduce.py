import json

import pytest
import yaml
from click.testing import CliRunner

from loadscope.errors import InputError
from loadscope.files import write_json
from loadscope.suite.cli.reproduce import reproduce_command
from loadscope.suite.results.reproduce import reproduce
from loadscope.suite.run.script import read_script
from loadscope.tools.bench.made_runs import make_run_directory as make


def official(root, scenario="Server", framework="PyTorch 2.7", **weights):
    """A result of a tree, with what of it is read."""
    home = root / "inference_results_v5.1" / "closed" / "Them"
    folder = home / "results" / "box" / "resnet" / scenario
    logs = make(root / "made", value=900.0, scenario=scenario)
    (folder / "performance").mkdir(parents=True)
    (logs / "performance" / "run_1").rename(folder / "performance" / "run_1")
    with (folder / "performance" / "run_1" / "mlperf_log_detail.txt").open("a") as log:
        for key, value in (("effective_target_qps", 950), ("effective_target_latency_ns", 15e6)):
            entry = {"key": key, "value": value, "metadata": {"is_error": False}}
            log.write(f":::MLLOG {json.dumps(entry)}\n")
    write_json(folder / "measurements.json", {"weight_data_types": "int8", **weights})
    write_json(home / "systems" / "box.json", {
        "host_processor_model_name": "EPYC 9634", "host_processors_per_node": "2",
        "accelerators_per_node": "0", "framework": framework,
    })  # fmt: skip
    return folder


def test_a_published_result_becomes_a_script_with_what_is_not_the_same(tmp_path):
    found = reproduce(official(tmp_path))
    assert found.settings["framework"] == "pytorch" and found.settings["scenario"] == "Server"
    assert (found.value, found.unit) == (900.0, "samples/s")
    assert found.settings["target_qps"] == 950
    assert found.settings["server_target_latency"] == "15ms"
    told = "\n".join(found.cannot)
    for words in ("EPYC 9634", "PyTorch 2.7", "int8", "v5.1", "weights", "data:"):
        assert words in told
        assert words in found.script
    path = tmp_path / "script.yaml"
    path.write_text(found.script)
    (spec,) = read_script(path, {"dataset_path": "imagenet-sample20"})
    assert (spec.model, spec.target_qps, spec.server_target_latency) == ("resnet50", 950, 15)


def test_latencies_are_milliseconds_and_frameworks_we_have_not_are_said(tmp_path):
    found = reproduce(official(tmp_path, "SingleStream", "MIGraphX 2.1"))
    assert (found.value, found.unit) == (900.0, "ms")
    assert found.settings["framework"] == "onnxruntime"
    assert any("MIGraphX 2.1" in one for one in found.cannot)


def test_a_run_becomes_the_settings_that_it_had(tmp_path):
    asked = {"min_duration": 5000.0, "batch_size": 4, "dataset_path": "imagenet-sample20"}
    run = make(tmp_path / "theirs", value=100.0, spec=asked)
    out = tmp_path / "script.yaml"
    done = CliRunner().invoke(
        reproduce_command, [str(run), "--output", str(out), "--json"], catch_exceptions=False
    )
    told = json.loads(done.stdout)
    assert told["theirs"]["value"] == 100.0
    settings = yaml.safe_load(out.read_text())
    assert settings["batch_size"] == 4 and settings["min_duration"] == "5000ms"
    assert read_script(out, {})[0].min_duration == 5000.0
    assert "AMD EPYC 9634" in " ".join(told["cannot_be_the_same"])


@pytest.mark.parametrize("below", ["", "closed/Them/results/box/resnet/Sometimes"])
def test_what_is_no_result_is_said(tmp_path, below):
    (tmp_path / below).mkdir(parents=True, exist_ok=True)
    with pytest.raises(InputError, match="neither"):
        reproduce(tmp_path / below)


def test_a_benchmark_that_no_model_stands_for_is_said(tmp_path):
    folder = official(tmp_path)
    other = folder.parent.parent / "llama2-70b-99" / "Server"
    other.parent.mkdir()
    folder.rename(other)
    with pytest.raises(InputError, match="llama2"):
        reproduce(other)
