import inspect
import json
import os
import random
import shutil
from typing import Any

import pytest
from click.testing import CliRunner

from loadscope.submission.check import check_tree
from loadscope.submission.rounds import load_round
from loadscope.suite.cli.check import check_command

DETAIL = "performance/run_1/mlperf_log_detail.txt"

# Before click 8.2 the runner mixes what goes to the two streams unless told not to.
APART: Any = (
    {"mix_stderr": False} if "mix_stderr" in inspect.signature(CliRunner).parameters else {}
)
RUNNER = CliRunner(**APART)


def test_a_sound_tree_passes_without_a_finding(passing_tree):
    report = check_tree(passing_tree, load_round())
    assert report.findings == ()
    assert report.passed
    assert len(report.results) == 5


def test_random_bytes_anywhere_end_in_findings_and_never_in_an_exception(passing_tree, tmp_path):
    # Every file that the check reads, a few times, with bytes flipped, cut out or put in.
    source = random.Random(6)
    root = tmp_path / "tree"
    omitted = ("open", "MultiStream", "Offline", "Server")
    shutil.copytree(passing_tree, root, ignore=shutil.ignore_patterns(*omitted))
    sound_report = check_tree(root, load_round())
    read = sorted(
        path
        for part in ("systems/box.json", "results/box/resnet/SingleStream")
        for path in [root / "closed" / "Acme" / part]
        for path in ([path] if path.is_file() else path.rglob("*"))
        if path.is_file()
    )
    for path in read:
        sound = path.read_bytes()
        for _ in range(5):
            broken = bytearray(sound)
            start = source.randrange(len(broken))
            end = min(len(broken), start + source.choice((1, 8, 4096)))
            broken[start:end] = source.randbytes(source.choice((0, 1, 8)))
            path.write_bytes(broken)
            check_tree(root, load_round())
        path.write_bytes(sound)
    assert check_tree(root, load_round()) == sound_report


def test_an_inferred_result_passes_on_edge_and_not_on_a_server(tree):
    acme = tree / "closed" / "Acme"
    results = acme / "results" / "box" / "resnet"
    for scenario in ("MultiStream", "Offline", "Server"):
        shutil.rmtree(results / scenario)
        shutil.copytree(results / "SingleStream", results / scenario)
    found = {finding.path for finding in check_tree(tree, load_round()).findings}
    assert found == {f"closed/Acme/results/box/resnet/Server/{DETAIL}"}
    shutil.rmtree(results / "Server")
    system = acme / "systems" / "box.json"
    system.write_text(system.read_text().replace("datacenter,edge", "edge"))
    assert check_tree(tree, load_round()).passed


def test_test01_passes_by_its_two_accuracies_too(tree):
    folder = tree / "closed/Acme/results/box/resnet/SingleStream/TEST01"
    (folder / "verify_accuracy.txt").write_text("TEST FAIL\n")
    for name, score in (("baseline", "76.456"), ("compliance", "76.0")):
        (folder / "accuracy" / f"{name}_accuracy.txt").write_text(f"accuracy={score}%\n")
    assert check_tree(tree, load_round()).passed


def test_another_round_is_a_file(tree, tmp_path):
    file = tmp_path / "v7.0.yaml"
    file.write_text(
        "round: v7.0\nlike: v6.1\nloadgen: 7.0.0\nseeds: {schedule_rng_seed: 7}\n"
        "benchmarks: {resnet50: {accuracy_targets: {resnet: 80}}}\n"
        "submission: {system_fields: {colour: {asks: its colour}}}\n"
    )
    run = RUNNER.invoke(check_command, [str(tree), "--version", str(file), "--json"])
    assert run.exit_code == 1
    report = json.loads(run.stdout)
    assert report["round"] == "v7.0"
    assert {finding["rule"] for finding in report["findings"]} == {
        "system.field-missing",
        "log.loadgen-version",
        "test.seeds",
        "accuracy.target",
    }


def test_the_command_prints_what_is_wrong_and_what_mends_it(tree):
    run = RUNNER.invoke(check_command, [str(tree)])
    assert run.exit_code == 0
    assert "passed: 5 results held to v6.1, 0 errors, 0 warnings" in run.stdout
    (tree / "closed/Acme/results/box/resnet/Offline/user.conf").unlink()
    (tree / "a[bold]").mkdir()
    (tree / os.fsdecode(b"\xff")).touch()
    run = RUNNER.invoke(check_command, [str(tree)])
    assert run.exit_code == 1
    assert run.stdout == (
        "the tree\n"
        "  error tree.division\n"
        "    a[bold]: folder 'a[bold]'; expected closed, network or open\n"
        "    fix: rename it, or move it out of the tree\n"
        "  warning tree.stray-file\n"
        "    \\udcff: a file; expected only folders here\n"
        "    fix: move it out of the tree\n"
        "  error tree.name\n"
        "    \\udcff: name ''; expected ASCII without spaces\n"
        "    fix: rename it with letters, digits, '.', '-' and '_'\n"
        "\n"
        "closed/Acme/results/box/resnet/Offline\n"
        "  error result.files\n"
        "    user.conf: no file; expected the file\n"
        "    fix: add the file; loadscope submit writes all three\n"
        "\n"
        "FAILED: 5 results held to v6.1, 3 errors, 1 warning\n"
    )
    run = RUNNER.invoke(check_command, [str(tree), "--json"])
    report = json.loads(run.stdout)
    assert not report["passed"]
    assert report["findings"][0].keys() >= {"rule", "severity", "path", "message", "fix"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere"], "does not exist"),
        ([".", "--version", "v9"], "use v4.1, v5.0, v5.1, v6.0, v6.1"),
        ([".", "--version", "none.yaml"], "No such file"),
    ],
)
def test_what_cannot_be_checked_is_an_input_error(arguments, message, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    run = RUNNER.invoke(check_command, arguments)
    assert run.exception.__class__.__name__ == "InputError"
    assert message in str(run.exception)
