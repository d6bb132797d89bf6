import csv
import io
import json
import os
import re
import shutil

import pytest
from click.testing import CliRunner
from rich.console import Console

from loadscope.errors import InputError
from loadscope.submission.rounds import load_round
from loadscope.suite.cli.report import report_command
from loadscope.suite.report.submission import (
    Submitted,
    read_submission,
    side_by_side,
)
from loadscope.suite.report.submission_page import submission_table

SINGLE = {
    "early_stopping_latency_ss": 2_000_000,
    "early_stopping_latency_ms": 3_000_000,
    "result_qps_without_loadgen_overhead": 480.5,
}


LOG = "performance/run_1/mlperf_log_detail.txt"


@pytest.fixture
def inferred(tree, edit_log):
    """A tree whose MultiStream and Offline come from SingleStream, as far as they can."""
    results = tree / "closed" / "Acme" / "results" / "box" / "resnet"
    edit_log(results / "SingleStream" / LOG, **SINGLE)
    edit_log(results / "Offline" / LOG, result_samples_per_second=1234.5)
    shutil.rmtree(results / "MultiStream")
    shutil.copytree(results / "SingleStream", results / "MultiStream")
    return tree


def test_results_are_those_of_the_logs(inferred):
    found = {
        (one.model, one.division, one.scenario): one
        for one in read_submission(inferred, load_round())
    }
    assert len(found) == 5
    single = found["resnet", "closed", "SingleStream"]
    assert (single.value, single.unit, single.inferred) == (2.0, "ms", "")
    assert (single.accuracy, single.metric, single.valid) == (76.456, "top-1", True)
    # Eight samples of 3 ms each.
    multi = found["resnet", "closed", "MultiStream"]
    assert (multi.value, multi.inferred) == (24.0, "SingleStream")
    assert found["resnet", "closed", "Offline"].value == 1234.5
    assert found["resnet", "open", "Offline"].benchmark == "my-model"
    results = inferred / "closed" / "Acme" / "results" / "box" / "resnet"
    shutil.rmtree(results / "Offline")
    shutil.copytree(results / "SingleStream", results / "Offline")
    first = read_submission(inferred, load_round())[:3]
    values = {one.scenario: one.value for one in first}
    assert list(values.items()) == [
        ("SingleStream", 2.0),
        ("MultiStream", 24.0),
        ("Offline", 480.5),
    ]


def one(scenario, value, system="box", unit="ms"):
    return Submitted(
        "closed", "Acme", system, "resnet", "resnet", scenario, value, unit, "", 76.0, "top-1", True
    )


def test_two_submissions_are_paired_by_system_and_else_where_one_can_be_meant():
    first = [one("SingleStream", 4.0), one("Offline", 100.0, unit="samples/s")]
    second = [
        one("SingleStream", 2.0, "crate"),
        one("Offline", 50.0, "rack", "samples/s"),
        one("Offline", 150.0, "box", "samples/s"),
    ]
    rows = side_by_side(first, second)
    assert [row.speedup for row in rows] == [2.0, 1.5, None]
    assert rows[2].speedup_text == "only in the second"
    # Two systems could be meant: none is.
    assert side_by_side(first[1:], [*second[1:2], one("Offline", 1.0, "z")])[0].second is None


def test_the_command_tells_submissions_from_runs(inferred, passing_tree, tmp_path):
    page, table = tmp_path / "page.html", tmp_path / "results.csv"
    trees = [str(passing_tree), str(inferred)]
    odd = inferred / "open" / "Acme" / "results" / "box"
    odd.rename(odd.with_name(os.fsdecode(b"\xff")))
    run = CliRunner().invoke(report_command, [*trees, "--csv", str(table), "--output", str(page)])
    assert run.exit_code == 0, run.output
    assert "24.00 ms (from SingleStream)" in run.stdout
    rows = list(csv.DictReader(table.read_text().splitlines()))
    assert len(rows) == 5
    offline = rows[2]
    assert offline["other_value"] == "1234.5"
    assert offline["compliance"] == "TEST01 passed; TEST04 passed"
    # The second tree's figure was edited, and that of its compliance tests was not.
    assert offline["other_compliance"] == "TEST01 FAILED; TEST04 FAILED"
    assert float(offline["times_as_fast"]) == 1234.5 / float(offline["value"])
    html = page.read_text()
    assert html.count("<svg") == 5
    assert "24.00 ms (from SingleStream)" in html
    assert "not verified by MLCommons" in html
    run = CliRunner().invoke(report_command, [trees[1], "--json"])
    assert len(json.loads(run.stdout)["results"]) == 5


def test_compliance_is_told_as_the_check_finds_it(tree, edit_log, tmp_path):
    results = tree / "closed" / "Acme" / "results" / "box" / "resnet"
    (results / "Offline/TEST04/verify_performance.txt").write_text("TEST FAIL: too fast\n")
    shutil.rmtree(results / "Server/TEST01")
    # A verdict that the logs do not bear out.
    edit_log(
        results / "SingleStream/TEST01/performance/run_1/mlperf_log_detail.txt",
        early_stopping_latency_ss=9_000_000_000,
    )
    found = {
        (one.division, one.scenario): dict(one.compliance)
        for one in read_submission(tree, load_round())
    }
    assert found == {
        ("closed", "MultiStream"): {"TEST01": "passed", "TEST04": "passed"},
        ("closed", "Offline"): {"TEST01": "passed", "TEST04": "FAILED"},
        ("closed", "Server"): {"TEST01": "absent", "TEST04": "passed"},
        ("closed", "SingleStream"): {"TEST01": "FAILED", "TEST04": "passed"},
        ("open", "Offline"): {},
    }
    page = tmp_path / "page.html"
    run = CliRunner().invoke(report_command, [str(tree), "--output", str(page)])
    for text in (run.stdout, re.sub("<[^>]*>", "", page.read_text())):
        assert "TEST01 absent" in text and text.count("FAILED") == 2
    # What the page says in columns of their own the narrowest terminal shows whole.
    printed = io.StringIO()
    results = read_submission(tree, load_round())
    table = submission_table(side_by_side(results, results), ["first", "second"])
    Console(file=printed, width=80).print(table)
    shown = printed.getvalue()
    assert [shown.count(text) for text in ("absent", "FAILED", "passed", "1.000 x speed")] == [
        2, 4, 10, 5,
    ]  # fmt: skip
    run = CliRunner().invoke(report_command, [str(tree), "--json"])
    first = json.loads(run.stdout)["results"][0]
    assert first["compliance"] == {"TEST01": {"passed": False}, "TEST04": {"passed": True}}


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("measurements", "marked as a rehearsal, not a submission"),
        ("folder", "marked as a rehearsal, not a submission"),
        ("log", "min_duration 2 s instead of 600 s"),
    ],
)
def test_it_is_said_wherever_shown_that_a_submission_is_none(
    how, reason, tree, passing_tree, edit_log, tmp_path
):
    """By any of its marks, and by its log where they were taken away."""
    acme = tree / "closed" / "Acme"
    single = acme / "results/box/resnet/SingleStream"
    if how == "folder":
        (acme / "documentation/REHEARSAL.md").write_text("# Rehearsal\n")
    elif how == "measurements":
        fields = json.loads((single / "measurements.json").read_text())
        (single / "measurements.json").write_text(json.dumps({**fields, "rehearsal": "yes"}))
    else:
        edit_log(single / LOG, effective_min_duration_ms=2000)
    page, table = tmp_path / "page.html", tmp_path / "results.csv"
    files = ["--output", str(page), "--csv", str(table)]
    wide = {"COLUMNS": "200"}

    def shown(*trees):
        run = CliRunner().invoke(report_command, [*map(str, trees), *files], env=wide)
        assert run.exit_code == 0, run.output
        text = re.sub("<style>.*?</style>|<[^>]*>", " ", page.read_text(), flags=re.DOTALL)
        html = " ".join(text.split())
        return run.stdout, html, list(csv.DictReader(table.read_text().splitlines()))

    marked = 4 if how == "folder" else 1
    terminal, html, rows = shown(tree)
    for text in (terminal, html):
        assert "REHEARSAL" in text and re.search(f"rehearsal:? {reason}", text)
    assert sum(row["rehearsal"] == reason for row in rows) == marked
    run = CliRunner().invoke(report_command, [str(tree), "--json"])
    results = json.loads(run.stdout)["results"]
    assert sum(one["rehearsal"] == [reason] for one in results) == marked
    # Beside another one it is said of which side.
    terminal, html, rows = shown(passing_tree, tree)
    for text in (terminal, html):
        assert text.count("REHEARSAL") == 1 and re.search(f"rehearsal:? {reason}", text)
    assert f"{tree}(REHEARSAL)" in "".join(terminal.split())
    assert {row["rehearsal"] for row in rows} == {""}
    assert sum(row["other_rehearsal"] == reason for row in rows) == marked
    terminal, html, rows = shown(passing_tree)
    assert "rehearsal" not in (terminal + html).lower()
    assert {row["rehearsal"] for row in rows} == {""}


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (["{tree}", "."], "is not a submission: closed/ or open/ not found"),
        (["{tree}"] * 3, "expected one or two submissions, got 3"),
        (["{tree}/closed/..", "{tree}/closed"], "is not a submission: closed/ or open/ not found"),
        (["{empty}"], "no result found"),
    ],
)
def test_what_cannot_be_reported_is_an_input_error(wrong, message, passing_tree, tmp_path):
    (tmp_path / "closed").mkdir()
    arguments = [text.format(tree=passing_tree, empty=tmp_path) for text in wrong]
    run = CliRunner().invoke(report_command, arguments)
    assert isinstance(run.exception, InputError)
    assert message in str(run.exception)
