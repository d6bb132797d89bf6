"""A submission tree that passes, made of the logs of real LoadGen tests."""

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from loadscope.submission.rounds import load_round

SCRIPT = Path(__file__).with_name("loadgen_process.py")
SCENARIOS = ("SingleStream", "MultiStream", "Offline", "Server")
AUDIT = {
    "TEST01": "mode = 2\naccuracy_log_rng_seed = 720381539243781796\n"
    "accuracy_log_sampling_target = 4096\n",
    "TEST04": "mode = 2\nperformance_issue_unique = 0\nperformance_issue_same = 1\n"
    "performance_issue_same_index = 3\n",
}
# The tests last a fifth of a second where MLPerf asks for ten minutes, and this machine may be
# too busy for LoadGen to call them valid or alike. These values alone are edited; seeds, counts,
# figures and the form of the logs are LoadGen's own.
FULL_LENGTH = {
    "requested_min_duration_ms": 600_000,
    "effective_min_duration_ms": 600_000,
    "power_begin": "11-24-2026 12:00:00.000",
    "power_end": "11-24-2026 12:10:01.500",
    "result_validity": "VALID",
    "result_min_duration_met": True,
    "result_min_queries_met": True,
    "result_perf_constraints_met": True,
    "early_stopping_met": True,
}
DETAIL = "mlperf_log_detail.txt"
METRIC = {
    "SingleStream": "early_stopping_latency_ss",
    "MultiStream": "early_stopping_latency_ms",
    "Offline": "result_samples_per_second",
    "Server": "result_completed_samples_per_sec",
}


def entries(log: Path):
    return [json.loads(line[len(":::MLLOG ") :]) for line in log.read_text().splitlines()]


def _edit_log(log: Path, **values):
    """Replace the values of keys in a detail log."""
    lines = []
    for entry in entries(log):
        entry["value"] = values.get(entry["key"], entry["value"])
        lines.append(f":::MLLOG {json.dumps(entry)}\n")
    log.write_text("".join(lines))


@pytest.fixture
def edit_log():
    return _edit_log


def value_of(log: Path, key: str):
    return next(entry["value"] for entry in entries(log) if entry["key"] == key)


def _run(folder: Path, scenario: str, mode: str, audit: str = "") -> Path:
    folder.mkdir(parents=True)
    if audit:
        lines = audit.splitlines()
        (folder / "audit.config").write_text("".join(f"*.*.{line}\n" for line in lines))
    subprocess.run([sys.executable, SCRIPT, folder, scenario, mode], check=True, timeout=120)
    return folder


@pytest.fixture(scope="session")
def loadgen_logs(tmp_path_factory):
    """By scenario and role, the folder of a real LoadGen test."""
    root = tmp_path_factory.mktemp("logs")
    logs = {}
    for scenario in SCENARIOS:
        for role, mode in (("performance", "PerformanceOnly"), ("accuracy", "AccuracyOnly")):
            logs[scenario, role] = _run(root / scenario / role, scenario, mode)
        for role, audit in AUDIT.items():
            logs[scenario, role] = _run(root / scenario / role, scenario, "PerformanceOnly", audit)
    return logs


def _copy_logs(source: Path, target: Path):
    target.mkdir(parents=True)
    for name in ("mlperf_log_summary.txt", DETAIL):
        shutil.copy(source / name, target / name)


def _timed(source: Path, target: Path):
    _copy_logs(source, target)
    values = dict(FULL_LENGTH)
    if "result_perf_constraints_met" in {entry["key"] for entry in entries(target / DETAIL)}:
        values["result_99.00_percentile_latency_ns"] = 9_000_000
    _edit_log(target / DETAIL, **values)
    summary = target / "mlperf_log_summary.txt"
    summary.write_text(summary.read_text().replace("INVALID", "VALID"))


def truncated(log: bytes) -> bytes:
    return log if len(log) < 4096 else log[:4096] + b"\n\n...\n\n" + log[-4096:]


def _accuracy(source: Path, target: Path):
    target.mkdir(parents=True, exist_ok=True)
    log = (source / "mlperf_log_accuracy.json").read_bytes()
    (target / "mlperf_log_accuracy.json").write_bytes(truncated(log))
    # The score is that of a trained model; the one of the answers above would miss the target.
    digest = hashlib.sha256(log).hexdigest()
    score = "accuracy=76.456%, good=38228, total=50000"
    (target / "accuracy.txt").write_text(f"{score}\nhash={digest}\n")


def _result(folder: Path, scenario: str, logs, tests):
    _timed(logs[scenario, "performance"], folder / "performance" / "run_1")
    _copy_logs(logs[scenario, "accuracy"], folder / "accuracy")
    _accuracy(logs[scenario, "accuracy"], folder / "accuracy")
    reference = folder / "performance" / "run_1" / DETAIL
    for test in tests:
        run = folder / test / "performance" / "run_1"
        # As fast as the performance run: its figures, with what the test asked for.
        _timed(logs[scenario, "performance"], run)
        asked = entries(logs[scenario, test] / DETAIL)
        settings = {
            entry["key"]: entry["value"]
            for entry in asked
            if entry["key"].startswith(("effective_perf", "effective_acc"))
        }
        _edit_log(run / DETAIL, **settings)
        score = value_of(reference, METRIC[scenario])
        (folder / test / "verify_performance.txt").write_text(
            f"Verifying performance.\nReference score = {score}\nTest score = {score}\nTEST PASS\n"
        )
        if test == "TEST01":
            (folder / test / "verify_accuracy.txt").write_text("Verifying accuracy.\nTEST PASS\n")
            _accuracy(logs[scenario, test], folder / test / "accuracy")
    (folder / "README.md").write_text("How to repeat it\n")
    conf = (logs[scenario, "performance"] / "user.conf").read_text().splitlines(keepends=True)
    kept = [line for line in conf if "min_duration" not in line]
    (folder / "user.conf").write_text("".join(kept))
    measurements = dict.fromkeys(load_round().submission.measurement_fields, "fp32")
    (folder / "measurements.json").write_text(json.dumps(measurements | {"retraining": "no"}))


def describe(path: Path, division: str, **fields):
    """Write a system description."""
    values = dict.fromkeys(load_round().submission.system_fields, "N/A")
    values |= {"division": division, "submitter": "Acme", "status": "available"}
    values |= {"system_type": "edge", "number_of_nodes": "1", "accelerators_per_node": "0"}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values | fields, indent=2))


def _submitter(folder: Path, benchmark: str):
    (folder / "src" / benchmark).mkdir(parents=True)
    (folder / "src" / benchmark / "README.md").write_text("Source\n")
    (folder / "documentation").mkdir()
    (folder / "documentation" / "calibration.md").write_text("No weights were quantised.\n")


@pytest.fixture(scope="session")
def passing_tree(tmp_path_factory, loadgen_logs):
    """Closed: resnet in all four scenarios. Open: another model in one."""
    root = tmp_path_factory.mktemp("tree")
    closed, opened = root / "closed" / "Acme", root / "open" / "Acme"
    _submitter(closed, "resnet")
    describe(closed / "systems" / "box.json", "closed", system_type="datacenter,edge")
    for scenario in SCENARIOS:
        folder = closed / "results" / "box" / "resnet" / scenario
        _result(folder, scenario, loadgen_logs, tuple(AUDIT))
    _submitter(opened, "my-model")
    describe(opened / "systems" / "box.json", "open")
    (opened / "model_mapping.json").write_text('{"my-model": "resnet"}')
    _result(opened / "results" / "box" / "my-model" / "Offline", "Offline", loadgen_logs, ())
    return root


@pytest.fixture
def tree(passing_tree, tmp_path):
    """A copy of the passing tree to damage."""
    return Path(shutil.copytree(passing_tree, tmp_path / "tree"))
