import json

import numpy as np
import pytest

from loadscope.suite.report import load_run

SHORT = ("--min-duration", "200ms")


@pytest.fixture
def tiny_run(tiny_dataset, manifest):
    """The arguments of a short run of the tiny model."""

    def arguments(scenario, *more, **options):
        return (
            "run", "--models", manifest(**options), "--model", "tiny", "--framework", "null",
            "--scenario", scenario, "--dataset-path", tiny_dataset, *SHORT, *more,
        )  # fmt: skip

    return arguments


BOTH = ("--mode", "performance", "--mode", "accuracy")
KEYS = {
    "run_dir", "model", "framework", "scenario", "mode", "valid", "invalid_reasons", "metric",
    "samples_per_second", "latency_ns", "accuracy",
}  # fmt: skip


@pytest.mark.parametrize("scenario", ["SingleStream", "MultiStream", "Offline", "Server"])
def test_json_is_one_object_with_every_key(loadscope, tiny_run, tmp_path, scenario):
    done = loadscope(*tiny_run(scenario, *BOTH, "--json", "--output", "out", delay_us=500))
    result = json.loads(done.stdout)
    assert set(result) >= KEYS
    assert result["run_dir"] == str(tmp_path / "out")
    assert result["mode"] == "performance,accuracy"
    assert result["metric"]["value"] > 0
    assert set(result["latency_ns"]) == {"mean", "p50", "p90", "p99"}
    assert result["accuracy"]["samples"] == 24
    assert result["accuracy"]["value"] is None  # nothing is meaningful about the null backend
    assert result["unverified"] is True
    assert result["rehearsal"][0] == "min_duration 200 ms instead of 600 s"


def test_a_fast_system_does_not_run_out_of_queries(loadscope, tiny_run):
    # LoadGen draws up its queries from the expected latency; its default of 1 ms would end
    # this test, whose answers take microseconds, early and INVALID.
    done = loadscope(*tiny_run("SingleStream", "--min-query-count", "64", "--json"))
    result = json.loads(done.stdout)
    assert result["valid"] is True, result["invalid_reasons"]
    assert result["state"]["performance"]["calibration"]["value"] < 1


def test_options_are_recorded_and_named_in_the_result(loadscope, tiny_run, tmp_path):
    arguments = tiny_run("Offline", "--option", "delay_us=50", "--json", "--output", "out")
    result = json.loads(loadscope(*arguments).stdout)
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert result["numerics"] == record["model"]["numerics"] == "float32"
    assert record["spec"]["options"] == {"delay_us": 50}
    assert record["model"]["options"] == {"delay_us": 50}


def test_what_is_in_force_is_recorded_and_a_difference_ends_the_run(loadscope, tiny_run, tmp_path):
    asked = ("--threads", "1", "--output", "out")
    loadscope(*tiny_run("SingleStream", *asked, delay_us=500))
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert record["state"]["performance"]["in_force"] == {"threads": 1}
    other = tiny_run("SingleStream", *asked[:2], "--output", "other", threads_in_force=3)
    said = loadscope(*other, status=2).stderr
    assert "measuring the harness): threads: expected 1, got 3" in said
    assert "--threads 3" in said
    assert not (tmp_path / "other" / "performance" / "run_1").exists()


def test_what_does_not_apply_is_null(loadscope, tiny_run):
    done = loadscope(*tiny_run("Offline", "--mode", "accuracy", "--json"))
    result = json.loads(done.stdout)
    assert result["mode"] == "accuracy"
    assert [result[key] for key in ("valid", "metric", "samples_per_second", "latency_ns")] == [
        None
    ] * 4


def test_the_run_directory_tells_everything(loadscope, tiny_run, tmp_path):
    said = loadscope(*tiny_run("SingleStream", *BOTH, "--output", "out", delay_us=500)).stderr
    # Before the run, not minutes later.
    short = "will be a rehearsal: min_duration"
    assert 0 <= said.index(short) < said.index("performance: loading")
    out = tmp_path / "out"
    assert load_run(out).altered == {}
    record = json.loads((out / "run.json").read_text())
    assert {state["status"] for state in record["state"].values()} == {"finished"}
    assert len(record["model"]["sha256"]) == len(record["data"]["digest"]) == 64
    assert {"loadscope", "numpy", "python", "mlcommons-loadgen"} <= set(record["versions"])
    assert record["command"].startswith("loadscope run --models")
    assert record["effective"]["batch_size"] == 1
    assert "resnet50.SingleStream.target_latency" in (out / "user.conf").read_text()
    logs = {path.name for path in (out / "performance" / "run_1").iterdir()}
    assert {"mlperf_log_summary.txt", "mlperf_log_detail.txt", "latency.bin"} <= logs
    assert (out / "accuracy" / "mlperf_log_accuracy.json").exists()
    assert (out / "accuracy" / "accuracy.txt").read_text().startswith("accuracy=")
    assert not list(out.rglob("*.partial"))


def test_server_puts_off_what_is_late_for_the_bound_unless_told_otherwise(
    loadscope, tiny_run, tmp_path
):
    late_after = []
    for number, more in enumerate([(), ("--target-latency", "40ms"), ("--late", "in-turn")]):
        asked = (*more, "--target-qps", "50", "--output", str(number))
        loadscope(*tiny_run("Server", *asked, delay_us=100))
        record = json.loads((tmp_path / str(number) / "run.json").read_text())
        late_after.append(record["effective"]["late_after_ms"])
    # The round's bound of ResNet-50 is 15 ms.
    assert late_after == [15, 40, 0]


def test_the_log_holds_little_endian_classes(loadscope, tiny_run, tmp_path):
    loadscope(*tiny_run("Offline", "--mode", "accuracy", "--output", "out"))
    entries = json.loads((tmp_path / "out" / "accuracy" / "mlperf_log_accuracy.json").read_text())
    assert sorted(entry["qsl_idx"] for entry in entries) == list(range(24))
    assert {entry["data"] for entry in entries} == {np.array([0], "<f4").tobytes().hex()}


def test_warm_up_uses_the_batch_size_of_the_run(loadscope, tiny_run, tmp_path):
    # Three warm-up batches and the calibration come before the first query: a backend that
    # fails at its third batch fails before LoadGen starts.
    arguments = tiny_run("Offline", "--batch-size", "5", "--output", "out", fail_at=3)
    assert "fails at batch 3" in loadscope(*arguments, status=1).stderr
    assert not list((tmp_path / "out").rglob("mlperf_log_*"))


def test_printed_rate_counts_samples_not_batches(loadscope, tiny_run, tmp_path):
    arguments = tiny_run("Offline", "--batch-size", "6", "--workers", "1", "--json",
                         "--output", "out", delay_us=3000)  # fmt: skip
    result = json.loads(loadscope(*arguments).stdout)
    rows = np.fromfile(tmp_path / "out/performance/run_1/batches.bin", "<i8").reshape(-1, 4)
    seconds = rows[:, 1].max() / 1e9
    assert result["samples_per_second"] == pytest.approx(rows[:, 2].sum() / seconds, rel=0.2)
    # Six samples every three milliseconds and more cannot be fewer than that in batches.
    assert result["samples_per_second"] > len(rows) / seconds * 2


def test_accuracy_scores_again_from_files(loadscope, tiny_run, tmp_path):
    loadscope(*tiny_run("Offline", "--mode", "accuracy", "--output", "out"))
    score = tmp_path / "out" / "accuracy" / "score.json"
    before = json.loads(score.read_text())
    score.unlink()
    done = loadscope("accuracy", "out", "--json")
    assert json.loads(done.stdout) == json.loads(score.read_text()) == before


def test_a_run_of_another_machine_is_scored_where_its_data_is(loadscope, tiny_run, tmp_path):
    arguments = tiny_run("Offline", "--mode", "accuracy", "--output", "out")
    score = json.loads(loadscope(*arguments, "--json").stdout)["accuracy"]
    data, manifest = (
        arguments[arguments.index(name) + 1] for name in ("--dataset-path", "--models")
    )
    for name in ("run.json", "plan.json"):
        there = (tmp_path / "out" / name).read_text()
        elsewhere = there.replace(str(data), "/z/imagenet").replace(str(manifest), "/z/tiny.yaml")
        (tmp_path / "out" / name).write_text(elsewhere)
    said = loadscope("accuracy", "out", status=2).stderr
    assert "data set of the run not found: /z/imagenet" in said and "--dataset-path" in said
    for more in ((), ("--models", manifest)):
        here = (*more, "--dataset-path", data)
        assert json.loads(loadscope("accuracy", "out", *here, "--json").stdout) == score


def test_what_a_run_was_given_is_found_from_another_folder(
    loadscope, tiny_run, tiny_dataset, tmp_path
):
    (tmp_path / "photographs").symlink_to(tiny_dataset)
    (tmp_path / "mine.conf").write_text("*.Offline.target_qps = 50\n")
    given = {"--models": "tiny.yaml", "--dataset-path": "photographs"}
    arguments = list(tiny_run("Offline", "--mode", "accuracy", "--user-conf", "mine.conf"))
    for option, name in given.items():
        arguments[arguments.index(option) + 1] = name
    loadscope(*arguments, "--output", "out")
    # The run has what its manifest said.
    (tmp_path / "tiny.yaml").write_text("schema: 1\nmodels: {}\n")
    (tmp_path / "elsewhere").mkdir()
    there = {"cwd": tmp_path / "elsewhere"}
    loadscope("accuracy", "../out", **there)
    added = loadscope("run", "--resume", "../out", "--mode", "performance", "--json", **there)
    assert json.loads(added.stdout)["mode"] == "accuracy,performance"
    loadscope("run", "--from", "../out", "--output", "again", **there)
    assert (tmp_path / "elsewhere/again/result.json").exists()


def test_options_that_repeat_leave_a_run_directory_each(loadscope, tiny_run, tmp_path):
    arguments = tiny_run("offline", "--scenario", "SINGLESTREAM", "--output", "all", "--json")
    runs = json.loads(loadscope(*arguments).stdout)["runs"]
    assert [run["scenario"] for run in runs] == ["Offline", "SingleStream"]
    assert {run["run_dir"] for run in runs} == set(map(str, (tmp_path / "all").iterdir()))


def test_of_several_runs_one_that_fails_does_not_take_the_others_along(
    loadscope, tiny_dataset, manifest, tmp_path
):
    script = tmp_path / "both.yaml"
    script.write_text(
        f"models: [{manifest()}]\nmodel: tiny\nframework: 'null'\nmin_duration: 100ms\n"
        f"dataset_path: {tiny_dataset}\nruns: [{{scenario: Offline, options: {{fail_at: 3}}}}, "
        "{scenario: SingleStream}]\n"
    )
    done = loadscope("run", script, "--json", status=1)
    printed = json.loads(done.stdout)
    assert [run["scenario"] for run in printed["runs"]] == ["SingleStream"]
    assert "fails at batch 3" in printed["error"]["message"]
    assert printed["error"]["status"] == 1
    assert "SingleStream" in loadscope("run", script, status=1).stdout


def test_a_run_is_repeated_from_its_directory(loadscope, tiny_run, tmp_path):
    loadscope(*tiny_run("Server", "--target-qps", "50", "--output", "first", delay_us=100))
    loadscope("run", "--from", "first", "--output", "second")
    first, second = (
        json.loads((tmp_path / name / "run.json").read_text()) for name in ("first", "second")
    )
    same = ("spec", "effective", "model", "data", "rehearsal")
    assert {key: first[key] for key in same} == {key: second[key] for key in same}
    for name in ("plan.json", "user.conf"):
        assert (tmp_path / "first" / name).read_text() == (tmp_path / "second" / name).read_text()


def test_a_changed_data_set_is_not_scored_or_repeated(
    loadscope, tiny_run, tiny_dataset, tmp_path, environment
):
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(tiny_dataset, copy)
    arguments = [copy if item == tiny_dataset else item for item in tiny_run("Offline", *BOTH)]
    loadscope(*arguments, "--output", "out")
    label_map = copy / "val_map.txt"
    label_map.write_text(label_map.read_text().replace("JPEG 3\n", "JPEG 4\n"))
    assert (
        "expected the data set of the run, digest" in loadscope("accuracy", "out", status=2).stderr
    )
    assert "the data has changed" in loadscope("run", "--from", "out", status=2).stderr


def test_a_script_runs_every_combination(loadscope, tiny_dataset, manifest, tmp_path):
    script = tmp_path / "both.yaml"
    script.write_text(
        f"models: [{manifest()}]\nmodel: tiny\nframework: 'null'\nmin_duration: 100ms\n"
        f"dataset_path: {tiny_dataset}\nscenario: [SingleStream, Offline]\n"
    )
    done = loadscope("run", script, "--output", "all", "--json")
    runs = json.loads(done.stdout)["runs"]
    assert [run["scenario"] for run in runs] == ["SingleStream", "Offline"]
    assert len(list((tmp_path / "all").iterdir())) == 2
    table = loadscope("report", "all").stdout
    assert "SingleStream" in table and "Offline" in table and "rehearsal" in table
