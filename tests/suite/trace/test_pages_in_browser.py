import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from loadscope.suite.cli.compare import compare_command
from loadscope.suite.cli.report import report_command

PEAKS = {
    "flops_per_second": 1e11,
    "bytes_per_second": 2e10,
    "threads": 1,
    "how": "given by the test",
    "processor": "Test CPU",
}
LEVELS = {
    "order": ["none", "layer"],
    "repeats": 3,
    "predict_ns": {"none": [100_000, 90_000, 110_000], "layer": [104_000, 106_000, 105_000]},
    "overhead": {"layer": 1.05},
}
PLOTS = ["top", "types", "order", "cumulative", "roofline", "memory", "queries", "overhead"]


@pytest.fixture
def page(make_trace: Callable[..., Path], tmp_path: Path) -> Path:
    run = make_trace()
    (run / "trace" / "peaks.json").write_text(json.dumps(PEAKS))
    (run / "trace" / "levels.json").write_text(json.dumps(LEVELS))
    path = tmp_path / "trace.html"
    arguments = [str(run), "--trace", "--output", str(path)]
    assert CliRunner().invoke(report_command, arguments).exit_code == 0
    return path


@pytest.fixture
def comparison(make_trace: Callable[..., Path], tmp_path: Path) -> Path:
    path = tmp_path / "compare.html"
    a, b = make_trace("a"), make_trace("b", speed=1.7)
    arguments = [str(a), str(b), "--output", str(path)]
    assert CliRunner().invoke(compare_command, arguments).exit_code == 0
    return path


def drawn(browser: Any) -> list[str]:
    """Identifiers of the plots in which something is drawn."""
    marks = ".bars path, .scatterlayer .js-line, .scatterlayer path.point"
    found: list[str] = browser.evaluate(
        "[...document.querySelectorAll('.chart')]"
        f".filter((plot) => plot.querySelector('{marks}')).map((plot) => plot.id)"
    )
    return found


def test_all_plots_of_a_trace_are_drawn_and_nothing_is_asked_of_the_network(
    browser: Any, page: Path
) -> None:
    browser.open(page)
    assert {url for url in browser.requested() if not url.startswith("data:")} == {page.as_uri()}
    assert drawn(browser) == [f"run-1-{name}" for name in PLOTS]
    assert browser.console() == []
    # Four layers, of which two are convolutions: three types on the roofline, and its limit.
    points = "#run-1-roofline .scatterlayer path.point"
    assert browser.evaluate(f"document.querySelectorAll('{points}').length") == 4


def test_all_plots_of_a_comparison_are_drawn(browser: Any, comparison: Path) -> None:
    browser.open(comparison)
    assert drawn(browser) == ["types", "differences", "scatter"]
    assert browser.console() == []


@pytest.mark.parametrize("width", [360, 1280])
def test_pages_fit_the_window(browser: Any, page: Path, comparison: Path, width: int) -> None:
    for path in (page, comparison):
        browser.open(path, width=width)
        assert browser.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert browser.cut_labels() == []


@pytest.mark.real_data
def test_a_real_model_is_drawn_and_aligns_with_its_unfused_self(
    browser: Any, real_data: Path, tmp_path: Path
) -> None:
    runs = []
    for level in ("all", "disabled"):
        runs.append(tmp_path / level)
        model = str(real_data / "models" / "yolox_nano.onnx")
        command = [sys.executable, "-P", str(Path(__file__).with_name("onnxruntime_process.py"))]
        subprocess.run([*command, model, str(runs[-1]), level], check=True)
    page = tmp_path / "trace.html"
    result = CliRunner().invoke(report_command, [*map(str, runs), "--trace", "--output", str(page)])
    assert result.exit_code == 0
    browser.open(page)
    assert {name for name in drawn(browser) if name.startswith("run-1")} == {
        f"run-1-{name}" for name in PLOTS if name != "overhead"
    }
    assert browser.console() == []

    record = json.loads(CliRunner().invoke(compare_command, [*map(str, runs), "--json"]).stdout)
    matched = {side: sum(len(row[side]) for row in record["matched"]) for side in ("a", "b")}
    assert matched["a"] + len(record["only_a"]) == record["a"]["layers"]
    assert matched["b"] + len(record["only_b"]) == record["b"]["layers"]
    pairs = [{layer["type"] for layer in row["a"] + row["b"]} for row in record["matched"]]
    # ONNX Runtime pads single channels of the heads; all other convolutions have a counterpart.
    assert sum("Conv" in types for types in pairs) >= 110
    sides = [(layer["name"], layer["type"]) for layer in record["only_a"] + record["only_b"]]
    assert sum(type_ == "Conv" for _, type_ in sides) <= 6
