import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from loadscope.suite.report import load_run, results_table

NOISE = ["other processes used 32 % of the CPU"]
NOISY = {"seconds": 1.0, "warnings": NOISE}
SEEDED = {"id": "resnet50", "title": "ResNet-50 v1.5", "accuracy_meaningful": False}


def _print(*paths: Path, width: int = 200) -> str:
    console = Console(file=io.StringIO(), width=width)
    console.print(results_table([load_run(path) for path in paths]))
    stream = console.file
    assert isinstance(stream, io.StringIO)
    return stream.getvalue()


def _row(text: str, word: str) -> str:
    return next(line for line in text.splitlines() if word in line)


def test_a_row_has_framework_scenario_metric_and_verdict(make_run: Callable[..., Path]) -> None:
    row = _row(_print(make_run()), "onnxruntime")
    assert row.split()[:-1] == [
        "onnxruntime",
        "SingleStream",
        *("12.50", "ms", "p90", "latency"),
        "valid",
    ]


def test_numerics_other_than_float32_stand_in_the_name(make_run: Callable[..., Path]) -> None:
    model = {"id": "m", "title": "M", "numerics": "bfloat16"}
    text = _print(make_run("a", framework="pytorch", run={"model": model}))
    name, below = (_row(text, word).split()[0] for word in ("pytorch", "bfloat16"))
    assert (name, below) == ("pytorch", "bfloat16")


def test_each_result_is_marked_unverified(make_run: Callable[..., Path]) -> None:
    text = _print(make_run("a"), make_run("b", framework="pytorch"))
    rows = [line for line in text.splitlines() if line.strip() == "unverified, rehearsal"]
    assert len(rows) == 2
    assert "Result not verified by MLCommons Association." in text


def test_a_full_length_run_is_no_rehearsal(make_run: Callable[..., Path]) -> None:
    assert "rehearsal" not in _print(make_run(run={"rehearsal": []}))


def test_the_reasons_of_a_rehearsal_stand_below_the_table(make_run: Callable[..., Path]) -> None:
    text = _print(make_run("a"), make_run("b"))
    assert text.count("rehearsal: min_duration 5 s instead of 600 s") == 1


def test_a_terminal_of_80_columns_cuts_nothing_off(make_run: Callable[..., Path]) -> None:
    score = {"metric": "top-1", "value": 90.0, "samples": 50_000}
    models = [{"id": name, "title": name} for name in ("efficientnet-lite0", "minilm-squad")]
    paths = [
        make_run(
            model["id"],
            framework="tensorflow",
            modes=("performance", "accuracy"),
            audited=True,
            run={
                "model": model | {"numerics": "bfloat16"},
                "state": {
                    "performance": {
                        "status": "finished",
                        "noise": NOISY,
                    },
                    "accuracy": {"status": "finished"},
                },
            },
            score=score,
        )
        for model in models
    ]
    for shown in (paths, paths[:1]):
        text = _print(*shown, width=80)
        assert max(map(len, text.splitlines())) == 80
        for whole in ("tensorflow", "12.50 ms p90 latency", "90.00 % top-1", "TEST04 failed"):
            assert text.count(whole) >= len(shown)
        assert text.count("…") == 0 and text.count("instead of 600 s") == 1


def test_an_invalid_result_says_why(make_run: Callable[..., Path]) -> None:
    path = make_run(log={"result_validity": "INVALID", "result_invalid_reason": "too short"})
    assert "INVALID: too short" in _print(path)


@pytest.mark.parametrize(
    ("state", "text"),
    [
        ({"status": "failed", "error": "ValueError: boom"}, "failed: ValueError: boom"),
        ({"status": "interrupted"}, "unfinished: interrupted"),
        ({"status": "running"}, "unfinished: still running, or killed"),
        ({"status": "planned"}, "unfinished: not started"),
    ],
)
def test_a_run_without_a_result_says_how_far_it_came(
    make_run: Callable[..., Path], state: dict[str, Any], text: str
) -> None:
    path = make_run(recorded=False, run={"state": {"performance": state}})
    assert text in _row(_print(path), "onnxruntime")


@pytest.mark.parametrize("width", [80, 200])
def test_compliance_tests_stand_below_the_accuracy(
    make_run: Callable[..., Path], width: int
) -> None:
    plain = make_run("plain")
    assert "compliance" not in _print(plain)
    text = _print(plain, make_run("audited", audited=True), width=width)
    assert "TEST01 passed" in text and "TEST04 failed" in text
    assert "TEST04: onnxruntime SingleStream: failed: performance: score 1428" in text


def test_a_finished_test_needs_no_result_json(make_run: Callable[..., Path]) -> None:
    row = _row(_print(make_run(recorded=False)), "onnxruntime")
    assert "12.50 ms p90 latency" in row and "valid" in row


def test_accuracy_has_its_target_and_its_count(make_run: Callable[..., Path]) -> None:
    score = {"metric": "top-1", "value": 76.1, "target": 75.6954, "passed": True, "samples": 50000}
    text = _print(make_run(modes=("accuracy",), score=score))
    assert "76.10 % top-1" in _row(text, "onnxruntime")
    assert "no performance test" in _row(text, "onnxruntime")
    assert "50,000 samples, target 75.70 % reached" in text


def test_a_traced_run_says_what_shows_it(make_run: Callable[..., Path]) -> None:
    text = _print(make_run(modes=("trace",)))
    assert "traced run: see loadscope report --trace" in text


def test_a_missed_target_is_said(make_run: Callable[..., Path]) -> None:
    score = {"metric": "top-1", "value": 70.0, "target": 75.6954, "passed": False, "samples": 20}
    assert "MISSED" in _print(make_run(modes=("accuracy",), score=score))


def test_accuracy_of_seeded_weights_is_never_a_number(make_run: Callable[..., Path]) -> None:
    score = {"metric": "top-1", "value": 0.125, "target": 75.7, "passed": False, "samples": 20}
    text = _print(make_run(modes=("accuracy",), run={"model": SEEDED}, score=score))
    assert "not meaningful" in text
    assert "0.12" not in text
    assert "75.7" not in text


def test_rows_are_sorted_by_scenario_and_framework(make_run: Callable[..., Path]) -> None:
    text = _print(
        make_run("a", scenario="Server"),
        make_run("b", scenario="Offline", framework="pytorch"),
        make_run("c", scenario="Offline"),
        make_run("d"),
    )
    rows = [
        line.split()[:2] for line in text.splitlines() if "valid" in line and "Valid" not in line
    ]
    assert rows == [
        ["onnxruntime", "SingleStream"],
        ["onnxruntime", "Offline"],
        ["pytorch", "Offline"],
        ["onnxruntime", "Server"],
    ]


def test_several_models_are_told_apart(make_run: Callable[..., Path]) -> None:
    text = _print(make_run("a"), make_run("b", run={"model": SEEDED}))
    assert "efficientnet-lite0" in text
    assert "resnet50" in text


def test_text_from_files_is_not_read_as_markup(make_run: Callable[..., Path]) -> None:
    state = {"performance": {"status": "failed", "error": "shape [red]3[/red]"}}
    assert "shape [red]3[/red]" in _print(make_run(recorded=False, run={"state": state}))


def test_the_table_fits_80_columns(make_run: Callable[..., Path]) -> None:
    text = _print(make_run("a"), make_run("b", run={"model": SEEDED}), width=80)
    assert max(len(line) for line in text.splitlines()) <= 80
    assert "12.50 ms p90 latency" in text
