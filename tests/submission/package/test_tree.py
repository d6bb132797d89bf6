import hashlib
import json
import shutil

from loadscope.rundir.directory import RunDirectory
from loadscope.suite.run.process_plan import ProcessPlan

from .conftest import edit, judge_again

LOGS = ["mlperf_log_detail.txt", "mlperf_log_summary.txt"]
RESULT = sorted(
    [
        "README.md",
        *(f"TEST01/accuracy/{name}" for name in ("accuracy.txt", "mlperf_log_accuracy.json")),
        *(f"TEST01/performance/run_1/{name}" for name in LOGS),
        "TEST01/verify_accuracy.txt",
        "TEST01/verify_performance.txt",
        *(f"TEST04/performance/run_1/{name}" for name in LOGS),
        "TEST04/verify_performance.txt",
        *(f"accuracy/{name}" for name in ("accuracy.txt", "mlperf_log_accuracy.json", *LOGS)),
        "measurements.json",
        *(f"performance/run_1/{name}" for name in LOGS),
        "user.conf",
    ]
)
COMMON = [
    "documentation/README.md",
    "documentation/calibration.md",
    "src/resnet/README.md",
    "src/resnet/SingleStream-models.yaml",
    "src/resnet/SingleStream.yaml",
    "systems/box.json",
]


def listing(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def contents(folder):
    return {name: (folder / name).read_bytes() for name in listing(folder)}


def test_the_closed_tree_of_one_run_has_all_scenarios(submit, full, tmp_path):
    submit(full)
    root = tmp_path / "tree" / "closed" / "Acme"
    assert listing(tmp_path / "tree") == sorted(
        f"closed/Acme/{name}"
        for name in [
            *COMMON,
            *(
                f"results/box/resnet/{scenario}/{name}"
                for scenario in ("MultiStream", "Offline", "SingleStream")
                for name in RESULT
            ),
        ]
    )
    assert all(path.stat().st_size for path in root.rglob("*") if path.is_file())
    results = root / "results/box/resnet"
    assert "inferred from SingleStream" in (results / "Offline/README.md").read_text()
    assert "inferred" not in (results / "SingleStream/README.md").read_text()
    assert "cheapest way" in (root / "documentation/README.md").read_text()
    measured = json.loads((results / "Offline/measurements.json").read_text())
    assert measured == {
        "input_data_types": "fp32",
        "retraining": "no",
        "starting_weights_filename": "nothing.bin",
        "weight_data_types": "fp32",
        "weight_transformations": "no",
    }
    system = json.loads((root / "systems/box.json").read_text())
    assert len(system) == 35
    assert {type(value) for value in system.values()} == {str}
    assert (system["division"], system["submitter"]) == ("closed", "Acme")
    assert (system["number_of_nodes"], system["accelerators_per_node"]) == ("1", "0")


def test_what_is_in_src_repeats_the_run(submit, full, loadscope, photographs, work, tmp_path):
    edit(full / "run.json", spec__user_conf="elsewhere/user.conf")
    submit(full)
    source = tmp_path / "tree/closed/Acme/src/resnet"
    assert str(work) not in "".join(path.read_text() for path in source.iterdir())
    digest = RunDirectory(full).read().model.sha256
    assert f"- `nothing.bin`, sha256 `{digest}`" in (source / "README.md").read_text()
    shutil.copy(work / "nothing.bin", source)
    again = tmp_path / "again"
    loadscope(
        "run", "SingleStream.yaml", "--dataset-path", photographs, "--output", again,
        "--min-duration", "100ms", cwd=source, status=(0, 1),
    )  # fmt: skip
    records = [RunDirectory(folder).read() for folder in (full, again)]
    for key in ("sha256", "lineage", "mlperf"):
        assert getattr(records[0].model, key) == getattr(records[1].model, key)
    # The targets are those of the run that is repeated, not calibrated anew.
    assert not ProcessPlan.of(RunDirectory(again)).calibrate


def test_logs_are_cut_and_the_whole_ones_lie_beside_with_their_hash(
    submit, full, dataset, tmp_path
):
    log = full / "accuracy" / "mlperf_log_accuracy.json"
    assert log.stat().st_size < 4096
    # LoadGen repeats samples to fill a last query; only the first answers count.
    entries = json.loads(log.read_text()) * 20
    log.write_text("[\n" + ",\n".join(map(json.dumps, entries)) + "\n]\n")
    judge_again(full, dataset)
    submit(full)
    result = tmp_path / "tree/closed/Acme/results/box/resnet/SingleStream"
    cut = (result / "accuracy/mlperf_log_accuracy.json").read_bytes()
    assert len(cut) == 8199
    lines = (result / "accuracy/accuracy.txt").read_text().splitlines()
    digest = hashlib.sha256(log.read_bytes()).hexdigest()
    assert lines[0].startswith("accuracy=") and lines[1:] == [f"hash={digest}"]
    beside = tmp_path / "tree-full-logs/closed/Acme/results/box/resnet/SingleStream"
    assert (beside / "accuracy/mlperf_log_accuracy.json").read_bytes() == log.read_bytes()
    assert (beside / "TEST01/accuracy/mlperf_log_accuracy.json").exists()


def test_the_same_runs_give_the_same_bytes_wherever_they_are(submit, full, tmp_path):
    submit(full, output="first")
    moved = tmp_path / "elsewhere" / full.name
    shutil.move(full, moved)
    submit(moved, output="second")
    assert contents(tmp_path / "first") == contents(tmp_path / "second")


def test_a_rehearsal_is_marked_and_the_same_wherever_it_is(submit, steady, tmp_path):
    done = submit(steady, "--rehearsal", output="first")
    assert "submission (REHEARSAL)" in done.stdout
    root = tmp_path / "first"
    documents = root / "closed/Acme/documentation"
    assert "not a submission" in (documents / "REHEARSAL.md").read_text()
    result = root / "closed/Acme/results/box/resnet/SingleStream"
    assert json.loads((result / "measurements.json").read_text())["rehearsal"] == "yes"
    assert "300 ms instead of 600 s" in (result / "README.md").read_text()
    assert (
        str(tmp_path)
        not in b"".join(contents(root / "closed/Acme/documentation").values()).decode()
    )
    moved = tmp_path / "elsewhere" / steady.name
    shutil.move(steady, moved)
    submit(moved, "--rehearsal", output="second")
    assert contents(root) == contents(tmp_path / "second")


def test_the_open_tree_maps_the_model_and_needs_no_compliance(
    submit, single_stream, offline, work, tmp_path
):
    done = submit(single_stream, "--runs", offline, "--rehearsal", "--json", division="open")
    root = tmp_path / "tree/open/Acme"
    assert json.loads((root / "model_mapping.json").read_text()) == {"tiny": "resnet"}
    results = sorted((root / "results/box/tiny").iterdir())
    assert [result.name for result in results] == ["Offline", "SingleStream"]
    assert not list(root.rglob("TEST0*"))
    record = json.loads(done.stdout)
    assert [entry["inferred_from"] for entry in record["results"]] == [None, None]


def test_an_interrupted_attempt_is_replaced_and_nothing_is_overwritten(submit, full, tmp_path):
    (tmp_path / "tree.partial" / "rest").mkdir(parents=True)
    submit(full)
    assert not (tmp_path / "tree.partial").exists()
    before = contents(tmp_path / "tree")
    assert "already exists" in submit(full, status=2).stderr
    shutil.rmtree(tmp_path / "tree")
    assert "tree-full-logs already exists" in submit(full, status=2).stderr
    assert before


def test_traces_lie_beside_the_tree_and_never_in_it(submit, full, tmp_path):
    traced = tmp_path / "traced"
    (traced / "trace").mkdir(parents=True)
    (traced / "trace" / "layers.jsonl").write_text("{}\n")
    assert "has no traces" in submit(full, "--traces", full, status=2).stderr
    submit(full, "--traces", traced)
    assert listing(tmp_path / "tree-traces") == ["traced/layers.jsonl"]
    assert not list((tmp_path / "tree").rglob("*trace*"))


def test_a_lost_file_leaves_no_tree(submit, full, tmp_path):
    (full / "user.conf").unlink()
    done = submit(full, status=1)
    assert f"cannot read {full / 'user.conf'}" in done.stderr
    assert not (tmp_path / "tree").exists() and not (tmp_path / "tree-full-logs").exists()
