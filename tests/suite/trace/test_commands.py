import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.suite.trace.conftest import STEM

from loadscope.errors import InputError
from loadscope.suite.cli.compare import compare_command
from loadscope.suite.cli.report import report_command
from loadscope.suite.worker.tracing.events import EVENTS_FILE


@pytest.fixture(autouse=True)
def wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")


def report(*arguments: object) -> Result:
    return CliRunner().invoke(report_command, [*map(str, arguments), "--trace"])


def compared(*arguments: object) -> Result:
    return CliRunner().invoke(compare_command, [*map(str, arguments)])


def test_the_terminal_shows_layers_types_spans_and_what_is_missing(traced: Path) -> None:
    result = report(traced)
    assert result.exit_code == 0
    for words in (
        "conv2", "MaxPool", "51.5 %", "no performance result", "this machine has no PMU",
        "12 layer", "no roofline: the trace was made on Test CPU", "page-faults 3",
    ):  # fmt: skip
        assert words in result.stdout


def test_json_has_every_layer_and_the_account_of_spans(traced: Path) -> None:
    (trace,) = json.loads(report(traced, "--json").stdout)["traces"]
    assert [layer["name"] for layer in trace["layers"]] == [layer[0] for layer in STEM]
    assert trace["layers"][0]["constituents"] == ["conv1", "relu1"]
    assert trace["layers"][0]["primitives"] == ["jit:avx2"]
    assert trace["spans"] == {"made": 49, "exported": None, "dropped": None}
    assert 0.9 < trace["layer_sum_ratio"] < 1.02
    assert trace["traced"] is True


def test_the_page_is_written(traced: Path, tmp_path: Path) -> None:
    page = tmp_path / "trace.html"
    result = report(traced, "--output", page)
    assert str(page) in result.stdout.replace("\n", "")
    text = page.read_text(encoding="utf-8")
    assert "Tiny &lt;net&gt;" in text
    assert "no performance result" in text


def test_otlp_exports_again_and_the_report_says_what_was_dropped(
    traced: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "0.3")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    result = report(traced, "--otlp", "http://127.0.0.1:9")
    assert result.exit_code == 0
    assert "0 spans exported, 49 dropped: Connection refused" in result.stdout
    assert (traced / "trace" / "otlp.jsonl").exists()


def test_otlp_without_trace_is_wrong_usage(traced: Path) -> None:
    result = CliRunner().invoke(report_command, [str(traced), "--otlp", "http://h"])
    assert result.exit_code == 2
    assert "add --trace" in result.output


def test_a_run_without_a_trace_is_bad_input(traced: Path) -> None:
    (traced / EVENTS_FILE).unlink()
    assert isinstance(report(traced).exception, InputError)
    assert isinstance(compared(traced, traced).exception, InputError)


def test_a_trace_without_layers_says_so(make_trace: Callable[..., Path]) -> None:
    run = make_trace(stem=[])
    assert "--level layer records them" in report(run).stdout
    error = compared(run, run).exception
    assert isinstance(error, InputError)
    assert "no layers" in error.message


SPLIT = [
    ("conv1", "Conv", [[4, 3, 32, 32]], [4, 8, 32, 32], 1, ["conv1"], 5),
    ("relu1", "Relu", [[4, 8, 32, 32]], [4, 8, 32, 32], 1, ["relu1"], 3),
    ("conv2", "Conv", [[4, 8, 32, 32]], [4, 16, 32, 32], 1, ["conv2"], 4),
    ("cast", "Cast", [[4, 16, 32, 32]], [4, 16, 32, 32], 1, ["cast"], 1),
]  # fmt: skip


def test_two_runs_are_compared_layer_by_layer(make_trace: Callable[..., Path]) -> None:
    a, b = make_trace("a"), make_trace("b", stem=SPLIT, header={"framework": "pytorch"})
    record = json.loads(compared(a, b, "--json").stdout)
    pairs = [
        ([one["name"] for one in row["a"]], [one["name"] for one in row["b"]], row["how"])
        for row in record["matched"]
    ]
    assert pairs == [
        (["conv1"], ["conv1", "relu1"], "fused"),
        (["conv2"], ["conv2"], "name"),
    ]
    assert [one["name"] for one in record["only_a"]] == ["pool", "fc"]
    assert [one["name"] for one in record["only_b"]] == ["cast"]
    first = record["matched"][0]
    assert first["a_ns"] == pytest.approx(500_000, rel=0.01)
    assert first["ratio"] == pytest.approx(8 / 5, rel=0.01)
    assert record["caveats"] == []


def test_predicts_of_unlike_sizes_are_compared_by_the_sample(
    make_trace: Callable[..., Path],
) -> None:
    a, b = make_trace("a"), make_trace("b", samples=8, speed=0.5)
    record = json.loads(compared(a, b, "--json").stdout)
    assert (record["per"], record["a"]["samples"], record["b"]["samples"]) == ("sample", 4, 8)
    first = record["matched"][0]
    assert first["a_ns"] == pytest.approx(500_000 / 4, rel=0.01)
    assert first["b_ns"] == pytest.approx(1_000_000 / 8, rel=0.01)
    assert first["ratio"] == pytest.approx(1, rel=0.01)
    conv = next(one for one in record["types"] if one["type"] == "Conv")
    assert conv["a_ns"] == pytest.approx(1_400_000 / 4, rel=0.01)
    said = compared(a, b).stdout
    assert "All times are of one sample." in said
    assert "A sample takes 437." in said


def test_the_comparison_names_unmatched_layers_and_caveats(
    make_trace: Callable[..., Path], tmp_path: Path
) -> None:
    a, b = make_trace("a"), make_trace("b", stem=SPLIT, header={"threads": 2})
    page = tmp_path / "compare.html"
    result = compared(a, b, "--output", page)
    assert "only in A: pool (MaxPool), fc (Gemm)" in result.stdout
    assert "differ in threads: 1 and 2" in result.stdout
    assert "Without a counterpart" in page.read_text(encoding="utf-8")


def test_help_of_compare_ends_with_an_example() -> None:
    lines = compared("--help").stdout.strip().splitlines()
    assert lines[-1].strip().startswith("loadscope compare ")
