"""``loadscope compare`` of measured runs: figures side by side, and what stands against it."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from loadscope.errors import InputError
from loadscope.suite.cli.compare import compare_command

MS = 1_000_000


def compared(*arguments: object) -> Result:
    return CliRunner().invoke(compare_command, [*map(str, arguments)])


@pytest.fixture
def two(make_run: Callable[..., Path]) -> tuple[Path, Path]:
    """Two runs of 100 queries, of 10 to 10.99 and of 20 to 21.98 ms."""
    latencies = 10 * MS + np.arange(100) * 10_000
    a = make_run("a", latencies=latencies)
    noise = {"seconds": 1.0, "warnings": ["other processes used 40 % of the CPU"]}
    b = make_run(
        "b",
        framework="pytorch",
        latencies=2 * latencies,
        log={"result_validity": "INVALID", "result_invalid_reason": "too short"},
        run={"state": {"performance": {"status": "finished", "noise": noise}}},
    )
    return a, b


def test_figures_stand_side_by_side_with_their_ratio(two: tuple[Path, Path]) -> None:
    record = json.loads(compared(*two, "--json").stdout)
    found = {one["name"]: one for one in record["figures"]}
    assert (found["p99 latency"]["a"], found["p99 latency"]["b"]) == (10.99 * MS, 21.98 * MS)
    assert all(found[f"p{name} latency"]["ratio"] == 2 for name in ("50", "90", "99.9"))
    assert found["samples per second"]["ratio"] == 0.5
    assert record["b"]["status"] == "invalid"
    said = compared(*two).stdout
    for words in ("INVALID: too short", "10.99 ms", "21.98 ms", "2.000", "unverified, rehearsal"):
        assert words in said


def test_what_makes_them_hard_to_compare_is_said(
    two: tuple[Path, Path], make_run: Callable[..., Path], tmp_path: Path
) -> None:
    caveats = json.loads(compared(*two, "--json").stdout)["caveats"]
    assert caveats == [
        "B is INVALID: too short.",
        "The runs differ in framework: onnxruntime 1.31.1 and pytorch 1.31.1.",
        "Rehearsal: min_duration 5 s instead of 600 s.",
        "B is noisy: other processes used 40 % of the CPU.",
    ]
    other = make_run(
        "c",
        scenario="Offline",
        run={
            "data": {"digest": "cd" * 32, "samples": 20, "full_size": 50000},
            "effective": {"batch_size": 8, "workers": 2, "threads": 2},
        },
    )
    page = tmp_path / "page.html"
    record = json.loads(compared(two[0], other, "--anyway", "--json", "--output", page).stdout)
    said = " ".join(record["caveats"])
    for words in ("scenario: SingleStream and Offline", "threads: 1 and 2", "on unlike data"):
        assert words in said
        assert words in page.read_text(encoding="utf-8")
    # A query of one scenario is not a query of another.
    assert [one["name"] for one in record["figures"]] == ["samples per second"]


def test_a_run_without_figures_and_a_trace_are_refused(
    two: tuple[Path, Path], make_run: Callable[..., Path]
) -> None:
    killed = make_run("killed", run={"state": {"performance": {"status": "running"}}})
    trace = make_run("trace", modes=("trace",))
    for other, words in ((killed, "killed has no result to compare (unfin"), (trace, "is a trace")):
        for order in ((two[0], other), (other, two[0])):
            error = compared(*order).exception
            assert isinstance(error, InputError)
            assert words in error.message
