import re

import pytest

from loadscope.errors import InputError
from loadscope.names import Mode, Scenario
from loadscope.rundir.spec import RecordedSpec, make_spec
from loadscope.suite.cli.asked import read_specs
from loadscope.suite.run.script import read_script, without_names

BASE = {"model": "m", "framework": "null", "scenario": "Offline"}


def test_one_mode_or_several():
    assert make_spec({**BASE, "mode": "accuracy"}, "x").mode == (Mode.ACCURACY,)
    both = make_spec({**BASE, "mode": ["performance", "accuracy"]}, "x")
    assert both.mode == (Mode.PERFORMANCE, Mode.ACCURACY)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scenario": "ofline"}, "got 'ofline'"),
        ({"mode": "speed"}, "'speed'"),
        ({"mode": ["accuracy", "accuracy"]}, "at most once, got accuracy, accuracy"),
        ({"count": 0}, "count: expected greater than 0, got 0"),
        ({"batchsize": 8}, "unknown key 'batchsize'"),
        ({"idle": "poll"}, "the key 'idle' was removed"),
        ({"target_latency": "15ms"}, "Offline has no latency"),
        ({"server_target_latency": "15ms"}, "only Server has a bound, Offline none"),
        ({"expected_latency": "15ms"}, "Offline takes target_qps"),
        (
            {"scenario": "Server", "target_latency": "9ms", "server_target_latency": "8ms"},
            "target_latency: duplicate key, the old name of server_target_latency",
        ),
        ({"scenario": "Server", "target_latency": "15qps"}, "unknown unit 'qps'"),
        ({"scenario": "Server", "target_latency": "15000000"}, "write the unit"),
        ({"scenario": "SingleStream", "target_qps": 5}, "SingleStream has no rate"),
        ({"min_duration": "long"}, "is not a time"),
        ({"threads": 2**70}, "threads: expected less than or equal to 1000000, got"),
        ({"instances": 2**70}, "instances: expected less than or equal to 1000000, got"),
        ({"count": 2**60}, "count: expected less than or equal to"),
        ({"min_duration": "1e30s"}, "min_duration: expected less than or equal to"),
        ({"target_qps": 1e300}, "target_qps: expected less than or equal to"),
        ({"target_qps": -1}, "target_qps: expected greater than 0, got -1"),
    ],
)
def test_bad_settings_name_place_key_and_mend(change, message):
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        make_spec({**BASE, **change}, "here.yaml")
    assert caught.value.message.startswith("here.yaml: ")
    assert caught.value.fix


def test_names_are_taken_in_any_case_and_near_ones_are_suggested():
    spec = make_spec({**BASE, "scenario": "OFFLINE", "mode": ["Accuracy", "test01"]}, "x")
    assert (spec.scenario, spec.mode) == (Scenario.OFFLINE, (Mode.ACCURACY, Mode.TEST01))
    for change, near in (
        ({"scenario": "single"}, "'SingleStream'"),
        ({"mode": "preformance"}, "'performance'"),
        ({"batchsize": 8}, "'batch_size'"),
        ({"scenario": "server", "late": "lasst"}, "'last'"),
    ):
        with pytest.raises(InputError) as caught:
            make_spec({**BASE, **change}, "x")
        assert f"did you mean {near}? " in caught.value.fix


@pytest.mark.parametrize(
    ("scenario", "meaning"),
    [
        ("Server", "server_target_latency"),
        ("SingleStream", "expected_latency"),
        ("multistream", "expected_latency"),
    ],
)
def test_the_old_name_of_two_latencies_is_taken_for_what_it_means(scenario, meaning):
    old = make_spec({**BASE, "scenario": scenario, "target_latency": "15ms"}, "x")
    assert old == make_spec({**BASE, "scenario": scenario, meaning: 15}, "x")
    # As run.json held it.
    recorded = {**BASE, "scenario": old.scenario, "target_latency": 0.04}
    assert getattr(make_spec(recorded, "run.json", RecordedSpec), meaning) == 0.04


def test_a_missing_setting_names_its_option():
    with pytest.raises(InputError, match="missing key 'framework'") as caught:
        make_spec({"model": "m", "scenario": "Offline"}, "command line")
    assert "--framework" in caught.value.fix


def test_a_misspelt_model_is_told_of_before_the_framework_that_is_missing():
    with pytest.raises(InputError, match="unknown model 'fashon-cnn'") as caught:
        without_names({"model": "fashon-cnn"})
    assert "did you mean 'fashion-cnn'?" in caught.value.fix
    # What there is needs a framework still, and a manifest of the user's is not read for it.
    for known in ({"model": "fashion-cnn"}, {"model": "mine", "models": ["mine.yaml"]}):
        assert without_names(known) == known


def test_a_recorded_spec_is_read_back_equal():
    spec = make_spec({**BASE, "scenario": "Server", "server_target_latency": "40us"}, "x")
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


def test_a_setting_that_scenarios_share_is_for_those_that_have_it(tmp_path):
    script = tmp_path / "s.yaml"
    script.write_text(
        "model: m\nframework: 'null'\nserver_target_latency: 20ms\nexpected_latency: 2ms\n"
        "late: in-turn\ntarget_qps: 30\nruns:\n"
        "  - scenario: [SingleStream, Server]\n"
        "  - {scenario: MultiStream, expected_latency: 5ms}\n"
    )
    keys = ("server_target_latency", "expected_latency", "late", "target_qps")
    assert [tuple(getattr(spec, key) for key in keys) for spec in read_script(script, {})] == [
        (None, 2, None, None),
        (20, None, "in-turn", 30),
        (None, 5, None, None),
    ]
    # One that no run has is no setting of theirs.
    with pytest.raises(InputError, match="server_target_latency: only Server has a bound"):
        read_script(script, {"scenario": "SingleStream", "target_qps": None})


@pytest.mark.parametrize(
    ("setting", "scenarios", "message"),
    [
        ("target_latency", "[SingleStream, Server]", "target_latency means two things here"),
        ("target_qps", "[Offline, Server]", "target_qps means two things here"),
    ],
)
def test_a_setting_with_two_meanings_is_an_error(tmp_path, setting, scenarios, message):
    script = tmp_path / "s.yaml"
    script.write_text(f"model: m\nframework: 'null'\nscenario: {scenarios}\n{setting}: 15\n")
    with pytest.raises(InputError, match=message) as caught:
        read_script(script, {})
    assert "give each its own" in caught.value.fix
    (spec,) = read_script(script, {"scenario": "server"})
    assert spec.scenario is Scenario.SERVER


def test_options_that_repeat_are_one_run_a_combination():
    settings = {"model": ("m",), "framework": ("a", "b", "a"), "scenario": ("offline", "Offline")}
    specs = read_specs(None, settings)
    assert [(spec.framework, str(spec.scenario)) for spec in specs] == [
        ("a", "Offline"),
        ("b", "Offline"),
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("scenario: []\n", "scenario: expected at least one, got an empty list"),
        ("runs: 5\n", "runs: expected a list of settings, got 5"),
        ("model: m\nframwork: null\n", "unknown key 'framwork'"),
        ("- model: m\n", "s.yaml"),
        ("model: [\n", "s.yaml"),
    ],
)
def test_a_bad_script_names_file_and_key(tmp_path, text, message):
    script = tmp_path / "s.yaml"
    script.write_text(text)
    with pytest.raises(InputError, match=re.escape(message)):
        read_script(script, {"framework": "null"})
