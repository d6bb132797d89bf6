"""Ways to damage a tree that passes, each with the rule that must find it."""

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from loadscope.submission.check import RULES, check_tree
from loadscope.submission.rounds import load_round

CLOSED = "closed/Acme"
BOX = f"{CLOSED}/results/box"
SINGLE = f"{BOX}/resnet/SingleStream"
OFFLINE = f"{BOX}/resnet/Offline"
MULTI = f"{BOX}/resnet/MultiStream"
SERVER = f"{CLOSED}/results/box/resnet/Server"
OPEN = "open/Acme/results/box/my-model/Offline"
SYSTEM = f"{CLOSED}/systems/box.json"
RUN = "performance/run_1"
DETAIL, SUMMARY = "mlperf_log_detail.txt", "mlperf_log_summary.txt"
LOG = "mlperf_log_accuracy.json"
PERFORMANCE = f"{SINGLE}/{RUN}/{DETAIL}"
ACCURACY_TXT = f"{SINGLE}/accuracy/accuracy.txt"
BOM = b"\xef\xbb\xbf"
MAPPING = "open/Acme/model_mapping.json"
HASH = "hash=" + "0" * 64


@dataclass(frozen=True)
class Damage:
    """One way: ``do`` gets the tree's folder."""

    name: str
    rule: str
    do: Callable[[Path], Any]
    severity: str = "error"


def remove(path: str):
    def do(root: Path):
        target = root / path
        shutil.rmtree(target) if target.is_dir() else target.unlink()

    return do


def write(path: str, content: str | bytes = ""):
    def do(root: Path):
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content if isinstance(content, bytes) else content.encode())

    return do


def rename(path: str, name: str):
    return lambda root: (root / path).rename((root / path).with_name(name))


def move(path: str, to: str):
    return lambda root: shutil.move(root / path, root / to)


def copy(path: str, to: str):
    return lambda root: shutil.copytree(root / path, root / to)


def replace(path: str, old: str, new: str):
    def do(root: Path):
        text = (root / path).read_text()
        assert old in text
        (root / path).write_text(text.replace(old, new))

    return do


def cut(path: str, size: int):
    return lambda root: os.truncate(root / path, size)


def link(path: str, to: str):
    def do(root: Path):
        target = root / path
        if target.exists():
            target.unlink()
        target.symlink_to(to)

    return do


def fields(path: str, **values):
    """Set keys of a JSON object; None removes one."""

    def do(root: Path):
        content = json.loads((root / path).read_text()) | values
        kept = {key: value for key, value in content.items() if value is not None}
        (root / path).write_text(json.dumps(kept))

    return do


def logged(path: str, **values):
    """Set values in a detail log; None removes the entry."""

    def do(root: Path):
        lines = []
        for line in (root / path).read_text().splitlines():
            entry = json.loads(line.removeprefix(":::MLLOG "))
            if entry["key"] in values:
                if values[entry["key"]] is None:
                    continue
                entry["value"] = values[entry["key"]]
            lines.append(f":::MLLOG {json.dumps(entry)}\n")
        (root / path).write_text("".join(lines))

    return do


def with_error(path: str):
    def do(root: Path):
        entry = {"key": "error_runtime", "value": "too late", "metadata": {"is_error": True}}
        with (root / path).open("a") as file:
            file.write(f":::MLLOG {json.dumps(entry)}\n")

    return do


def again(path: str, key: str, value: Any):
    def do(root: Path):
        entry = {"key": key, "value": value, "metadata": {"is_error": False}}
        with (root / path).open("a") as file:
            file.write(f":::MLLOG {json.dumps(entry)}\n")

    return do


def both(*steps: Callable[[Path], Any]):
    def do(root: Path):
        for step in steps:
            step(root)

    return do


def sparse(path: str, size: int):
    def do(root: Path):
        with (root / path).open("wb") as file:
            file.truncate(size)

    return do


def fails_test01(baseline: str, compliance: str):
    folder = f"{SINGLE}/TEST01"
    return both(
        write(f"{folder}/verify_accuracy.txt", "TEST FAIL\n"),
        write(f"{folder}/accuracy/baseline_accuracy.txt", baseline),
        write(f"{folder}/accuracy/compliance_accuracy.txt", compliance),
    )


DAMAGES = [
    # The tree.
    Damage("nothing at all", "tree.empty", both(remove("closed"), remove("open"))),
    Damage("no scenario", "tree.empty", both(remove(f"{BOX}/resnet"), write(f"{BOX}/resnet/x"))),
    Damage("no system", "tree.empty", both(remove("open"), write("open/Acme/results/x"))),
    Damage("division in capitals", "tree.division", rename("open", "Open")),
    Damage("unknown division", "tree.division", write("preview/Acme/x")),
    Damage("network division", "tree.network-division", write("network/Acme/results/x")),
    Damage("file at the top", "tree.stray-file", write("notes.txt", "x"), "warning"),
    Damage("60 MB file", "tree.file-size", sparse(f"{CLOSED}/src/resnet/w.bin", 60 << 20)),
    Damage("blank in a name", "tree.name", write(f"{CLOSED}/src/resnet/my notes.md", "x")),
    Damage("umlaut in a name", "tree.name", write(f"{CLOSED}/src/resnet/gr\u00fcn.md", "x")),
    Damage("bytes that are no text in a name", "tree.name",
           rename(OFFLINE, os.fsdecode(b"Off\xffline"))),
    Damage("line feed in a name", "tree.name", write(f"{CLOSED}/src/resnet/a\nb", "x")),
    Damage("hidden file", "tree.dot-file", write(f"{SINGLE}/.DS_Store", "x")),
    Damage("names alike but for case", "tree.case", write(f"{CLOSED}/src/resnet/readme.md", "x")),
    Damage("link out of the tree", "tree.link", link(f"{SINGLE}/README.md", "/etc/hostname")),
    Damage("link to nothing", "tree.link", link(f"{SINGLE}/extra.md", "nowhere")),
    Damage("link to itself", "tree.link", link(f"{SINGLE}/user.conf", "user.conf")),
    Damage("linked folder", "tree.link", link(f"{BOX}/bert-99", "resnet")),
    Damage("pipe", "tree.kind", lambda root: os.mkfifo(root / CLOSED / "src" / "pipe")),
    Damage("pipe as a log", "tree.kind", both(
        remove(PERFORMANCE), lambda root: os.mkfifo(root / PERFORMANCE))),
    Damage("folder as a log", "tree.kind", both(
        remove(PERFORMANCE), lambda root: (root / PERFORMANCE).mkdir())),
    Damage("byte-order mark in JSON", "tree.text",
           lambda root: (root / SYSTEM).write_bytes(BOM + (root / SYSTEM).read_bytes())),
    Damage("byte-order mark in a log", "tree.text", lambda root: (root / PERFORMANCE).write_bytes(
        BOM + (root / PERFORMANCE).read_bytes())),
    Damage("Latin-1 text", "tree.text", write(ACCURACY_TXT, b"accuracy=76.456%\xe9\n")),
    # A submitter.
    Damage("no source", "submitter.folders", remove(f"{CLOSED}/src")),
    Damage("source as code/", "submitter.folders", rename(f"{CLOSED}/src", "code")),
    Damage("no results", "submitter.folders", remove("open/Acme/results")),
    Damage("no systems", "submitter.folders", remove("open/Acme/systems")),
    Damage("no source of a benchmark", "submitter.source", both(
        remove(f"{CLOSED}/src/resnet"), write(f"{CLOSED}/src/x")), "warning"),
    Damage("no calibration", "submitter.calibration", remove(f"{CLOSED}/documentation"), "warning"),
    Damage("system without results", "submitter.results", write(f"{CLOSED}/systems/z.json", "{}")),
    Damage("extra folder", "submitter.unknown", write(f"{CLOSED}/notes/x"), "warning"),
    Damage("mapping is a list", "submitter.model-mapping", write(MAPPING, "[]")),
    Damage("mapping to nothing known", "submitter.model-mapping",
           write(MAPPING, '{"my-model": "resnet34"}')),
    # A system.
    Damage("no description", "system.file", remove(SYSTEM)),
    Damage("empty description", "system.file", write(SYSTEM)),
    Damage("description cut off", "system.file", cut(SYSTEM, 300)),
    Damage("description is a list", "system.file", write(SYSTEM, "[]")),
    Damage("description nested deeply", "system.file", write(SYSTEM, "[" * 100_000)),
    Damage("field missing", "system.field-missing", fields(SYSTEM, cooling=None)),
    Damage("field empty", "system.field-empty", fields(SYSTEM, framework="")),
    Damage("field is 0", "system.field-empty", fields(SYSTEM, accelerators_per_node=0)),
    Damage("field is false", "system.field-empty", fields(SYSTEM, cooling=False)),
    Damage("field is a list", "system.field-empty", fields(SYSTEM, sw_notes=["a"])),
    Damage("field is a number", "system.field-type", fields(SYSTEM, number_of_nodes=1), "warning"),
    Damage("count is N/A", "system.field-number", fields(SYSTEM, accelerators_per_node="N/A")),
    Damage("status unknown", "system.status", fields(SYSTEM, status="soon")),
    Damage("status is a number", "system.status", fields(SYSTEM, status=1)),
    Damage("type unknown", "system.type", fields(SYSTEM, system_type="laptop")),
    Damage("type with a blank", "system.type", fields(SYSTEM, system_type="datacenter, edge")),
    Damage("type in capitals", "system.type", fields(SYSTEM, system_type="Edge")),
    Damage("another submitter", "system.submitter", fields(SYSTEM, submitter="Bcme")),
    Damage("another division", "system.division", fields(SYSTEM, division="open")),
    Damage("network false", "system.network", fields(SYSTEM, is_network="false")),
    Damage("network true", "system.network", fields(SYSTEM, is_network="true")),
    Damage("power supplies", "system.power", write(f"{CLOSED}/systems/box_power.yaml", "a: [")),
    Damage("system folder renamed", "system.file", rename(BOX, "Box")),
    # Benchmarks and scenarios.
    Damage("unknown benchmark", "benchmark.name", rename(f"{BOX}/resnet", "resnet152")),
    Damage("benchmark in capitals", "benchmark.name", rename(f"{BOX}/resnet", "ResNet")),
    Damage("no mapping", "benchmark.name", remove(MAPPING)),
    Damage("scenario missing", "benchmark.scenarios", remove(OFFLINE)),
    Damage("scenario too many", "benchmark.scenarios", fields(SYSTEM, system_type="edge")),
    Damage("no benchmark of datacenter", "benchmark.scenarios",
           fields(SYSTEM, system_type="datacenter")),
    Damage("Server missing on both types", "benchmark.scenarios", remove(SERVER)),
    Damage("scenario in lower case", "benchmark.scenario-name", rename(OFFLINE, "offline")),
    Damage("scenario in lower case, open", "benchmark.scenario-name", rename(OPEN, "offline")),
    Damage("scenario misspelt, open", "benchmark.scenario-name", rename(OPEN, "Off-line")),
    # A result's own files.
    *(Damage(f"no {name}", "result.files", remove(f"{SINGLE}/{name}"))
      for name in ("measurements.json", "user.conf", "README.md")),
    *(Damage(f"empty {name}", "result.files", write(f"{SINGLE}/{name}"))
      for name in ("measurements.json", "user.conf", "README.md")),
    Damage("measurements cut off", "result.measurements", cut(f"{SINGLE}/measurements.json", 40)),
    Damage("measurements field missing", "result.measurements",
           fields(f"{SINGLE}/measurements.json", retraining=None)),
    Damage("measurements field false", "result.measurements",
           fields(f"{SINGLE}/measurements.json", retraining=False)),
    Damage("measurements field empty", "result.measurements",
           fields(f"{OPEN}/measurements.json", weight_data_types="")),
    Damage("extra file", "result.unknown", write(f"{SINGLE}/notes.txt", "x"), "warning"),
    Damage("extra folder of a result", "result.unknown", write(f"{SINGLE}/trace/x"), "warning"),
    Damage("second run", "result.unknown", copy(
        f"{SINGLE}/performance/run_1", f"{SINGLE}/performance/run_2"), "warning"),
    Damage("power measurement", "result.power", write(f"{SINGLE}/performance/power/x")),
    Damage("power as a file", "result.power", write(f"{SINGLE}/performance/power", "x")),
    Damage("Offline from Server", "result.inferred", both(
        remove(f"{OFFLINE}/{RUN}"), copy(f"{SERVER}/{RUN}", f"{OFFLINE}/{RUN}"))),
    Damage("SingleStream from Offline", "result.inferred", both(
        remove(f"{SINGLE}/{RUN}"), copy(f"{OFFLINE}/{RUN}", f"{SINGLE}/{RUN}"))),
    Damage("inferred without its figure", "result.inferred", both(
        remove(OFFLINE), copy(SINGLE, OFFLINE),
        logged(f"{OFFLINE}/{RUN}/{DETAIL}", result_qps_without_loadgen_overhead=None))),
    Damage("accuracy of another scenario", "result.same-scenario", both(
        remove(f"{SINGLE}/accuracy"), copy(f"{OFFLINE}/accuracy", f"{SINGLE}/accuracy"))),
    # LoadGen's logs.
    *(Damage(f"no {name} of {where}", "log.files", remove(f"{SINGLE}/{where}/{name}"))
      for where in (RUN, "accuracy", f"TEST01/{RUN}", f"TEST04/{RUN}")
      for name in (DETAIL, SUMMARY)),
    Damage("empty detail log", "log.files", write(PERFORMANCE)),
    Damage("empty accuracy detail log", "log.files", write(f"{SINGLE}/accuracy/{DETAIL}")),
    Damage("detail log cut off", "log.form", cut(PERFORMANCE, 9000)),
    Damage("accuracy detail log cut off", "log.form", cut(f"{SINGLE}/accuracy/{DETAIL}", 9000)),
    Damage("first line lost", "log.form", lambda root: (root / PERFORMANCE).write_text(
        "hello\n" + (root / PERFORMANCE).read_text())),
    Damage("detail log of another tool", "log.form", write(PERFORMANCE, ":::ENDPTS {}\n")),
    Damage("entry without a key", "log.form", replace(PERFORMANCE, '"key"', '"name"')),
    Damage("entry without metadata", "log.form", replace(PERFORMANCE, '"is_error"', '"error"')),
    Damage("bytes that are no text", "log.form", lambda root: (root / PERFORMANCE).write_bytes(
        (root / PERFORMANCE).read_bytes().replace(b"PySUT", b"\xff\xfe"))),
    Damage("two runs in a log", "log.one-run", again(PERFORMANCE, "effective_min_duration_ms", 1)),
    Damage("LoadGen error", "log.errors", with_error(PERFORMANCE)),
    Damage("LoadGen error in accuracy", "log.errors", with_error(f"{SINGLE}/accuracy/{DETAIL}")),
    Damage("LoadGen error in TEST04", "log.errors", with_error(f"{SINGLE}/TEST04/{RUN}/{DETAIL}")),
    Damage("performance in accuracy mode", "log.mode",
           logged(PERFORMANCE, effective_test_mode="AccuracyOnly")),
    Damage("accuracy in performance mode", "log.mode",
           logged(f"{SINGLE}/accuracy/{DETAIL}", effective_test_mode="PerformanceOnly")),
    Damage("another LoadGen", "log.loadgen-version",
           logged(PERFORMANCE, loadgen_version="5.1.2 @ 0"), "warning"),
    # What a run did.
    Damage("INVALID", "test.valid", logged(PERFORMANCE, result_validity="INVALID")),
    Damage("INVALID in TEST01", "test.valid",
           logged(f"{SINGLE}/TEST01/{RUN}/{DETAIL}", result_validity="INVALID")),
    Damage("no validity", "test.valid", logged(PERFORMANCE, result_validity=None)),
    Damage("summary of another run", "test.summary", both(
        remove(f"{SINGLE}/{RUN}/{SUMMARY}"),
        lambda root: shutil.copy(root / OFFLINE / RUN / SUMMARY, root / SINGLE / RUN / SUMMARY))),
    Damage("summary says INVALID", "test.summary",
           replace(f"{SINGLE}/{RUN}/{SUMMARY}", "Result is : VALID", "Result is : INVALID")),
    Damage("no scenario in the log", "test.scenario", logged(PERFORMANCE, effective_scenario=None)),
    Damage("scenario unknown", "test.scenario", logged(PERFORMANCE, effective_scenario="Burst")),
    Damage("no metric", "test.metric", logged(PERFORMANCE, early_stopping_latency_ss=None)),
    Damage("metric of 0", "test.metric", logged(f"{OFFLINE}/{RUN}/{DETAIL}",
                                                result_samples_per_second=0)),
    Damage("metric is text", "test.metric", logged(PERFORMANCE, early_stopping_latency_ss="fast")),
    *(Damage(f"wrong {seed}", "test.seeds", logged(PERFORMANCE, **{f"effective_{seed}": 1}))
      for seed in ("qsl_rng_seed", "sample_index_rng_seed", "schedule_rng_seed")),
    Damage("seeds of v6.0", "test.seeds",
           logged(PERFORMANCE, effective_qsl_rng_seed=2465351861681999779)),
    Damage("seed missing in open", "test.seeds",
           logged(f"{OPEN}/{RUN}/{DETAIL}", effective_qsl_rng_seed=None)),
    Damage("wrong seed in TEST01", "test.seeds",
           logged(f"{SINGLE}/TEST01/{RUN}/{DETAIL}", effective_schedule_rng_seed=0)),
    Damage("few samples held", "test.sample-count",
           logged(PERFORMANCE, effective_performance_sample_count=1023)),
    Damage("samples held is text", "test.sample-count",
           logged(PERFORMANCE, effective_performance_sample_count="1024")),
    Damage("short run asked for", "test.min-duration",
           logged(PERFORMANCE, effective_min_duration_ms=599_999)),
    Damage("short run asked for in TEST04", "test.min-duration",
           logged(f"{SINGLE}/TEST04/{RUN}/{DETAIL}", effective_min_duration_ms=1000)),
    Damage("duration is no number", "test.min-duration",
           logged(PERFORMANCE, effective_min_duration_ms=float("nan"))),
    Damage("one second instead of 600", "test.real-duration",
           logged(PERFORMANCE, power_end="11-24-2026 12:00:01.000")),
    Damage("no end time", "test.real-duration", logged(PERFORMANCE, power_end=None)),
    Damage("LoadGen says too short", "test.real-duration",
           logged(PERFORMANCE, result_min_duration_met=False)),
    Damage("few samples a query", "test.query-count",
           logged(f"{OFFLINE}/{RUN}/{DETAIL}", effective_samples_per_query=24_575)),
    Damage("no query", "test.query-count",
           logged(f"{OPEN}/{RUN}/{DETAIL}", effective_min_query_count=0)),
    Damage("early stopping not met", "test.early-stopping",
           logged(PERFORMANCE, early_stopping_met=False)),
    Damage("early stopping not met in Server", "test.early-stopping",
           logged(f"{SERVER}/{RUN}/{DETAIL}", early_stopping_met=None)),
    Damage("loose latency bound", "test.latency-bound",
           logged(f"{SERVER}/{RUN}/{DETAIL}", effective_target_latency_ns=15_000_001)),
    # Accuracy.
    Damage("no accuracy.txt", "accuracy.result", remove(ACCURACY_TXT)),
    Damage("no accuracy.txt in open", "accuracy.result", remove(f"{OPEN}/accuracy/accuracy.txt")),
    Damage("empty accuracy.txt", "accuracy.result", write(ACCURACY_TXT)),
    Damage("leading blank", "accuracy.result", write(ACCURACY_TXT, f" accuracy=76.456%\n{HASH}\n")),
    Damage("another metric", "accuracy.result", write(ACCURACY_TXT, f"mAP=53.1%\n{HASH}\n")),
    Damage("score is no number", "accuracy.result",
           write(ACCURACY_TXT, f"accuracy=7.6.4\n{HASH}\n")),
    Damage("score is no number in open", "accuracy.result",
           write(f"{OPEN}/accuracy/accuracy.txt", f"accuracy=7.6.4\n{HASH}\n")),
    Damage("score misses the target", "accuracy.target",
           replace(ACCURACY_TXT, "76.456", "75.695")),
    Damage("one of two scores misses", "accuracy.target",
           write(ACCURACY_TXT, f"accuracy=1.0%\naccuracy=76.456%\n{HASH}\n")),
    Damage("score over 100", "accuracy.score-range", replace(ACCURACY_TXT, "76.456", "7645.6")),
    Damage("no hash", "accuracy.hash", write(ACCURACY_TXT, "accuracy=76.456%\n")),
    Damage("hash too short", "accuracy.hash", write(ACCURACY_TXT, "accuracy=76.456%\nhash=abc\n")),
    Damage("hash not alone on its line", "accuracy.hash",
           write(ACCURACY_TXT, f"accuracy=76.456% {HASH}\n")),
    Damage("wrong hash of a whole log", "accuracy.hash-match",
           write(f"{SINGLE}/accuracy/{LOG}", '[{"qsl_idx": 1, "data": "00"}]')),
    Damage("no accuracy log", "accuracy.log", remove(f"{SINGLE}/accuracy/{LOG}")),
    Damage("empty accuracy log", "accuracy.log", write(f"{SINGLE}/accuracy/{LOG}")),
    Damage("whole accuracy log", "accuracy.log", sparse(f"{SINGLE}/accuracy/{LOG}", 10_241)),
    Damage("whole log in TEST01", "accuracy.log",
           sparse(f"{SINGLE}/TEST01/accuracy/{LOG}", 1 << 20)),
    Damage("accuracy log cut off", "accuracy.log-form", cut(f"{SINGLE}/accuracy/{LOG}", 5000)),
    Damage("part of the data set", "accuracy.data-set",
           logged(f"{SINGLE}/accuracy/{DETAIL}", effective_accuracy_sample_count=500)),
    Damage("part of the data set in open", "accuracy.data-set",
           logged(f"{OPEN}/accuracy/{DETAIL}", effective_accuracy_sample_count=500)),
    # Compliance.
    Damage("no TEST01", "compliance.files", remove(f"{SINGLE}/TEST01")),
    Damage("no TEST04", "compliance.files", remove(f"{MULTI}/TEST04")),
    Damage("TEST01 in lower case", "compliance.files", rename(f"{SINGLE}/TEST01", "test01")),
    *(Damage(f"no {name}", "compliance.files", remove(f"{SINGLE}/{name}"))
      for name in ("TEST01/verify_accuracy.txt", "TEST01/verify_performance.txt",
                   "TEST04/verify_performance.txt")),
    Damage("empty verification", "compliance.files", write(f"{SINGLE}/TEST01/verify_accuracy.txt")),
    Damage("TEST04 failed", "compliance.performance",
           write(f"{SINGLE}/TEST04/verify_performance.txt", "TEST FAIL\n")),
    Damage("TEST01 accuracy failed", "compliance.accuracy",
           fails_test01("accuracy=76.456%\n", "accuracy=74.0%\n")),
    Damage("TEST01 accuracy without score", "compliance.accuracy", fails_test01("", "none\n")),
    Damage("TEST01 accuracy of 0", "compliance.accuracy",
           fails_test01("accuracy=76.456%\n", "accuracy=0.0%\n")),
    Damage("TEST01 failed, no baseline", "compliance.accuracy-files",
           write(f"{SINGLE}/TEST01/verify_accuracy.txt", "TEST FAIL\n")),
    Damage("TEST01 failed, extra file", "compliance.accuracy-files", both(
        fails_test01("accuracy=76.4%\n", "accuracy=76.4%\n"),
        write(f"{SINGLE}/TEST01/accuracy/notes.txt", "x"))),
    Damage("no accuracy.txt in TEST01", "compliance.accuracy-files",
           remove(f"{SINGLE}/TEST01/accuracy/accuracy.txt")),
    Damage("extra file in TEST01", "compliance.performance-files",
           write(f"{SINGLE}/TEST01/{RUN}/notes.txt", "x")),
    Damage("TEST01 without its settings", "compliance.settings", both(
        remove(f"{SINGLE}/TEST01/{RUN}"), copy(f"{SINGLE}/{RUN}", f"{SINGLE}/TEST01/{RUN}"))),
    Damage("TEST04 without its settings", "compliance.settings", logged(
        f"{SINGLE}/TEST04/{RUN}/{DETAIL}", effective_performance_issue_same=False)),
    Damage("TEST01 twice as slow", "compliance.performance-ratio", logged(
        f"{OFFLINE}/TEST01/{RUN}/{DETAIL}", result_samples_per_second=1.0)),
    Damage("TEST04 twice as fast", "compliance.performance-ratio", logged(
        f"{OFFLINE}/TEST04/{RUN}/{DETAIL}", result_samples_per_second=1e9)),
]  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.name)
def test_a_damage_is_found_by_its_rule(damage, tree):
    damage.do(tree)
    report = check_tree(tree, load_round())
    found = {(finding.rule, finding.severity) for finding in report.findings}
    assert (damage.rule, damage.severity) in found
    assert report.passed == (damage.severity == "warning")
    for finding in report.findings:
        assert finding.fix
        assert finding.message.isprintable()
        assert finding.path.isprintable()
    json.dumps(report.record())


def test_every_rule_has_a_damage_and_an_id_of_its_own():
    ids = [rule.id for rule in RULES]
    assert len(set(ids)) == len(ids)
    assert set(ids) == {damage.rule for damage in DAMAGES}
    assert len({damage.name for damage in DAMAGES}) == len(DAMAGES)
