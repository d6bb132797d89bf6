"""A datacenter benchmark whose answers come token by token, from LoadGen to a checked tree."""

import json

import pytest
import yaml
from tests.suite.run.sums import entry, sum_folder, write

from loadscope.rundir.accuracy_log import read_accuracy_log

SHORT = {
    "accuracy.data-set", "accuracy.further", "accuracy.target", "test.min-duration",
    "test.query-count", "test.real-duration", "test.sample-count",
}  # fmt: skip
"""What a rehearsal must be refused for: length, data and score."""


@pytest.fixture
def folder(tmp_path):
    return sum_folder(tmp_path)


@pytest.fixture
def system(tmp_path, loadscope):
    path = tmp_path / "box.yaml"
    loadscope(
        "system", "--division", "closed", "--submitter", "Acme", "--framework", "onnxruntime",
        "--output", path, "--set", "status=available",
        "--set", "system_name=box", "--set", "system_type=datacenter",
    )  # fmt: skip
    text = yaml.safe_load(path.read_text())
    path.write_text(yaml.safe_dump({key: value or "N/A" for key, value in text.items()}))
    return path


def test_interactive_passes_test06_and_is_refused_for_length_data_and_score(
    folder, loadscope, system
):
    rows = [{"text": text, "reference": "c", "most_new_tokens": 4} for text in ("a", "bb", "abc")]
    (folder / "rows.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    names = {
        "submission": ["llama3.1-8b"], "loadgen": "llama3_1-8b", "compliance": "llama3.1-8b",
        "rules": "Llama3.1-8B", "division": "closed",
    }  # fmt: skip
    write(folder, entry(folder) | {"mlperf": names, "dataset": "cnn-dailymail"})
    scenarios = {
        "Interactive": ("Server", "--interactive", "--target-qps", "150", "--min-duration", "5s"),
        # As many samples as the fastest machine answers in that time.
        "Offline": ("Offline", "--target-qps", "20000", "--min-duration", "200ms"),
    }
    for name, how in scenarios.items():
        loadscope(
            "run", "--models", "models.yaml", "--model", "sum", "--framework", "onnxruntime",
            "--scenario", *how, "--dataset-path", "rows.jsonl", "--layout-seconds", "0",
            "--workers", "1", "--mode", "performance", "--mode", "accuracy",
            "--mode", "compliance", "--output", f"runs/{name}",
        )  # fmt: skip
        text = (folder / "runs" / name / "TEST06" / "verify_accuracy.txt").read_text()
        first = "Skipped" if name == "Offline" else "True"
        assert f"First token check pass: {first}\n" in text and "verification complete" in text
    loadscope(
        "submit", "--runs", "runs", "--division", "closed", "--submitter", "Acme",
        "--system", system, "--output", "tree", "--rehearsal",
    )  # fmt: skip
    result = folder / "tree/closed/Acme/results/box/llama3.1-8b/Interactive"
    assert sorted(
        str(one.relative_to(result / "TEST06")) for one in result.rglob("TEST06/**/*.*")
    ) == [
        "accuracy/mlperf_log_accuracy.json",
        "performance/run_1/mlperf_log_detail.txt",
        "performance/run_1/mlperf_log_summary.txt",
        "verify_accuracy.txt",
    ]
    kept = list((folder / "tree-full-logs").rglob("TEST06/accuracy/mlperf_log_accuracy.json"))
    assert [len(list(read_accuracy_log(one))) for one in kept] == [100, 100]
    done = loadscope("check", "tree", "--json", status=1)
    found = {
        one["rule"] for one in json.loads(done.stdout)["findings"] if one["severity"] == "error"
    }
    assert "test.real-duration" in found and found <= SHORT
