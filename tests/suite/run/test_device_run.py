import json

import pytest

from loadscope.errors import DeviceMemoryError, InputError
from loadscope.names import Scenario, system_name
from loadscope.rundir.spec import RunSpec
from loadscope.scenarios.calibration import halved
from loadscope.scenarios.execution import GPU_OFFLINE_BATCH, Execution
from loadscope.suite.library.carry_out import traced_spec
from loadscope.sut.effective import Effective, require_in_force
from loadscope.sut.registry import backend_info


def test_a_batch_that_does_not_fit_is_halved_until_it_does_and_said(
    loadscope, tiny_dataset, manifest, tmp_path
):
    printed = loadscope(
        "run", "--models", manifest(device_samples=3), "--model", "tiny", "--framework", "null",
        "--scenario", "Offline", "--dataset-path", tiny_dataset, "--output", "out",
        "--min-duration", "100ms", "--batch-size", 8, "--json", "--device", "CPU:0",
    ).stdout  # fmt: skip
    result = json.loads(printed)
    said = "performance: out of memory on cpu: the batch was halved from 8 to 2"
    assert said in result["notes"]
    assert result["device"] == "cpu"
    record = json.loads((tmp_path / "out/run.json").read_text())
    assert record["spec"]["device"] == record["model"]["device"] == "cpu"
    assert record["state"]["performance"]["halved_batch"] == 2


def test_one_sample_that_does_not_fit_is_the_error():
    error = DeviceMemoryError.of_batch("cuda", 1)
    assert halved(Execution(5, 1, 1), error).batch_size == 2
    with pytest.raises(DeviceMemoryError, match="with a batch of 1"):
        halved(Execution(1, 1, 1), error)


@pytest.mark.parametrize(
    ("framework", "options", "said", "mend"),
    [
        ("pytorch", {"device": "gpu"}, "PyTorch has no device 'gpu'", "cpu, cuda, xpu, mps, nnpa"),
        ("null", {"device": "cuda"}, "has no device 'cuda'", "use one of: cpu"),
    ],
)
def test_a_device_that_a_framework_does_not_have_is_refused(framework, options, said, mend):
    with pytest.raises(InputError, match=said) as of:
        backend_info(framework).check_options(options)
    assert mend in of.value.fix


def test_a_second_processor_is_refused_before_anything_is_prepared(
    loadscope, tiny_dataset, manifest, tmp_path
):
    said = loadscope(
        "run", "--models", manifest(), "--model", "tiny", "--framework", "null", "--scenario",
        "Offline", "--dataset-path", tiny_dataset, "--device", "cpu:1", "--output", "out", status=2,
    ).stderr  # fmt: skip
    assert said.splitlines()[0] == (
        "loadscope: device cpu:1 not found on this machine: its processors together are the device "
        "cpu"
    )
    assert not (tmp_path / "out").exists()


def test_a_device_in_force_other_than_asked_for_is_an_error():
    info = backend_info("tensorflow")
    require_in_force(info, 1, {"device": "cuda:0"}, Effective({"device": "cuda"}))
    with pytest.raises(InputError, match="device: expected cuda, got cpu: no driver") as of:
        require_in_force(
            info, 1, {"device": "cuda"}, Effective({"device": "cpu"}, {"device": "no driver"})
        )
    assert "--device cpu" in of.value.fix


def test_device_and_numerics_are_in_the_name_of_a_result():
    assert system_name("pytorch", "cpu", "float32") == "pytorch"
    assert system_name("pytorch", "cuda:1", "float16") == "pytorch cuda:1 float16"


def test_a_gpu_gets_large_batches_and_two_calls_at_once():
    offline = Execution.decide(Scenario.OFFLINE, 16, gpu=True)
    assert (offline.batch_size, offline.workers) == (GPU_OFFLINE_BATCH, 2)


@pytest.mark.parametrize(
    ("framework", "level", "said"),
    [
        ("null", "layer", "tells nothing at level framework"),
        ("null", "framework", "use --level model"),
        ("genai", "application", "tells nothing of a step"),
        ("null", "model", None),
        ("onnxruntime", "hardware", None),
    ],
)
def test_a_level_that_a_framework_does_not_tell_is_refused_before_the_run(framework, level, said):
    spec = RunSpec(model="m", framework=framework, scenario=Scenario.OFFLINE)
    if said is None:
        assert traced_spec(spec, level).mode == ("trace",)
        return
    with pytest.raises(InputError) as of:
        traced_spec(spec, level)
    assert said in str(of.value)
