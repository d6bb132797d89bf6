import re

import pytest

from loadscope.errors import InputError
from loadscope.scenarios.names import Mode, Scenario
from loadscope.suite.script import read_script
from loadscope.suite.spec import RecordedSpec, make_spec

BASE = {"model": "m", "framework": "null", "scenario": "Offline"}


def test_one_mode_or_several():
    assert make_spec({**BASE, "mode": "accuracy"}, "x").mode == (Mode.ACCURACY,)
    both = make_spec({**BASE, "mode": ["performance", "accuracy"]}, "x")
    assert both.mode == (Mode.PERFORMANCE, Mode.ACCURACY)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scenario": "offline"}, "scenario = 'offline'"),
        ({"mode": "speed"}, "'speed'"),
        ({"mode": ["accuracy", "accuracy"]}, "at most once"),
        ({"count": 0}, "count = 0"),
        ({"batchsize": 8}, "unknown key 'batchsize'"),
        ({"idle": "poll"}, "the setting 'idle' was removed"),
        ({"target_latency": "15ms"}, "Offline has no latency"),
        ({"scenario": "Server", "target_latency": "15qps"}, "unknown unit 'qps'"),
        ({"scenario": "Server", "target_latency": "15000000"}, "write the unit"),
        ({"scenario": "SingleStream", "target_qps": 5}, "SingleStream has no rate"),
        ({"min_duration": "long"}, "is not a time"),
        ({"target_qps": -1}, "target_qps = -1"),
    ],
)
def test_bad_settings_name_place_key_and_mend(change, message):
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        make_spec({**BASE, **change}, "here.yaml")
    assert caught.value.message.startswith("here.yaml: ")
    assert caught.value.fix


def test_a_missing_setting_names_its_option():
    with pytest.raises(InputError, match="'framework' is missing") as caught:
        make_spec({"model": "m", "scenario": "Offline"}, "command line")
    assert "--framework" in caught.value.fix


def test_a_recorded_spec_is_read_back_equal():
    spec = make_spec({**BASE, "scenario": "Server", "target_latency": "40us"}, "x")
    recorded = make_spec(spec.model_dump(mode="json"), "run.json", RecordedSpec)
    assert recorded.model_dump() == spec.model_dump()


@pytest.mark.parametrize("idle", [None, "halt", "poll"])
def test_a_spec_recorded_with_a_setting_that_was_removed_is_read(idle):
    spec = make_spec({**BASE, "scenario": "Server"}, "x")
    recorded = {**spec.model_dump(mode="json"), "idle": idle}
    assert make_spec(recorded, "run.json", RecordedSpec).model_dump() == spec.model_dump()


def test_options_of_the_backend_are_recorded_and_read_from_scripts(tmp_path):
    script = tmp_path / "s.yaml"
    script.write_text(
        "model: m\nframework: pytorch\nscenario: Offline\n"
        "options: {compile: true, dtype: bfloat16}\n"
    )
    (spec,) = read_script(script, {})
    assert spec.options == {"compile": True, "dtype": "bfloat16"}
    assert spec.model_dump(mode="json")["options"] == spec.options
    (other,) = read_script(script, {"options": {"dtype": "float32"}})
    assert other.options == {"compile": True, "dtype": "float32"}


def test_a_script_is_the_product_of_its_lists(tmp_path):
    script = tmp_path / "s.yaml"
    script.write_text(
        "model: m\nframework: [onnxruntime, pytorch]\nscenario: [Offline, Server]\n"
        "mode: [performance, accuracy]\nmin_duration: 5s\n"
    )
    specs = read_script(script, {"count": 7})
    assert [(spec.framework, spec.scenario) for spec in specs] == [
        ("onnxruntime", Scenario.OFFLINE),
        ("onnxruntime", Scenario.SERVER),
        ("pytorch", Scenario.OFFLINE),
        ("pytorch", Scenario.SERVER),
    ]
    assert {(spec.min_duration, spec.count) for spec in specs} == {(5000, 7)}


def test_runs_of_a_script_differ_where_they_say_so(tmp_path):
    script = tmp_path / "s.yaml"
    script.write_text(
        "model: m\nframework: 'null'\nmin_duration: 5s\nruns:\n"
        "  - scenario: Offline\n"
        "  - {scenario: [Server, MultiStream], min_duration: 1s}\n"
    )
    assert [(spec.scenario, spec.min_duration) for spec in read_script(script, {})] == [
        (Scenario.OFFLINE, 5000),
        (Scenario.SERVER, 1000),
        (Scenario.MULTI_STREAM, 1000),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("runs: 5\n", "'runs' must be a list"),
        ("model: m\nframwork: null\n", "unknown key 'framwork'"),
        ("- model: m\n", "s.yaml"),
        ("model: [\n", "s.yaml"),
    ],
)
def test_a_bad_script_names_file_and_key(tmp_path, text, message):
    script = tmp_path / "s.yaml"
    script.write_text(text)
    with pytest.raises(InputError, match=re.escape(message)):
        read_script(script, {"scenario": "Offline", "framework": "null"})
