import itertools
import json
import re
from collections.abc import Callable
from hashlib import sha256
from html import unescape
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from loadscope.suite.report import load_run
from loadscope.suite.report.page import build_page

LATENCIES = (6e6 * np.random.default_rng(3).lognormal(0, 0.05, 4000)).astype(np.int64)
BATCHES = np.array([[0, 2_000_000_000, 8, 0], [0, 3_000_000_000, 4, 1]])


def _page(*paths: Path) -> str:
    return build_page([load_run(path) for path in paths])


def _without_scripts(page: str) -> str:
    return re.sub(r"<(script|style)\b.*?</\1>", "", page, flags=re.DOTALL)


def _cells(page: str) -> list[str]:
    found = re.findall(r"<t[dh]\b[^>]*>(.*?)</t[dh]>", _without_scripts(page), flags=re.DOTALL)
    return [" ".join(unescape(re.sub(r"<[^>]*>", " ", cell)).split()) for cell in found]


def _figures(page: str) -> dict[str, Any]:
    match = re.search(r'<script type="application/json" id="figures">(.*?)</script>', page)
    assert match is not None
    found: dict[str, Any] = json.loads(match[1])
    return found


def test_the_summary_has_the_figures_of_the_run(make_run: Callable[..., Path]) -> None:
    score = {"metric": "top-1", "value": 90.0, "target": None, "passed": None, "samples": 20}
    cells = _cells(_page(make_run(modes=("performance", "accuracy"), score=score)))
    start = cells.index("EfficientNet-Lite0")
    assert cells[start : start + 7] == [
        "EfficientNet-Lite0",
        "SingleStream",
        "onnxruntime run 2026-11-22 10:00 UTC",
        "12.50 ms p90 latency early-stopping estimate unverified rehearsal",
        "90.00",
        "valid",
        "90.00 % top-1 20 samples",
    ]


def test_compliance_tests_have_a_column_with_the_reason(make_run: Callable[..., Path]) -> None:
    plain = make_run("plain", framework="pytorch")
    assert "Compliance" not in _cells(_page(plain))
    cells = _cells(_page(plain, make_run("audited", audited=True)))
    start = cells.index("EfficientNet-Lite0")
    assert cells[start + 7] == (
        "TEST01 passed TEST04 failed: performance: score 1428.57 against 1000"
    )
    assert cells[start + 14] == "\N{EN DASH}"


def test_loadgens_percentiles_stand_in_a_table(make_run: Callable[..., Path]) -> None:
    cells = _cells(_page(make_run(latencies=LATENCIES)))
    ranked = sorted(LATENCIES.tolist())
    start = cells.index("99.9 % percentile") + 1
    assert cells[start - 9 : start - 5] == [
        "queries",
        "mean",
        "90 % early-stopping estimate",
        "50 % percentile",
    ]
    assert cells[start : start + 10] == [
        "onnxruntime, rehearsal",
        "4,000",
        f"{sum(ranked) / 4000 / 1e6:.3f} ms",
        "12.50 ms",
        f"{ranked[2000] / 1e6:.3f} ms",
        f"{ranked[3600] / 1e6:.3f} ms",
        f"{ranked[3800] / 1e6:.3f} ms",
        f"{ranked[3880] / 1e6:.3f} ms",
        f"{ranked[3960] / 1e6:.3f} ms",
        f"{ranked[3996] / 1e6:.3f} ms",
    ]
    # 4,000 queries are too few for 99.9 %.
    assert re.findall(
        r'<td class="number few">(.*?)</td>', _page(make_run("b", latencies=LATENCIES))
    ) == [f"{ranked[3996] / 1e6:.3f} ms"]


def test_results_come_first_and_notes_after(make_run: Callable[..., Path]) -> None:
    page = _without_scripts(_page(make_run()))
    assert page.index('id="results"') < page.index("<table") < page.index("not verified by MLC")


def test_each_scenario_has_the_figures_that_suit_it(make_run: Callable[..., Path]) -> None:
    page = _page(
        make_run("a", latencies=LATENCIES),
        make_run("b", scenario="MultiStream", latencies=LATENCIES),
        make_run("c", scenario="Offline", batches=BATCHES),
        make_run("d", scenario="Server", latencies=LATENCIES, batches=BATCHES),
    )
    assert re.findall(r'id="([\w-]+)" role="img"', page) == [
        "model-1-throughput",
        "model-1-SingleStream-percentiles",
        "model-1-SingleStream-histogram",
        "model-1-MultiStream-percentiles",
        "model-1-MultiStream-histogram",
        "model-1-Offline-completion",
        "model-1-Server-percentiles",
        "model-1-Server-histogram",
    ]
    assert len(_figures(page)) == 8


def test_a_run_whose_latencies_are_missing_is_named(make_run: Callable[..., Path]) -> None:
    page = _page(make_run("a", latencies=LATENCIES), make_run("b", framework="pytorch"))
    assert "pytorch, rehearsal: not drawn, the run directory has no latency.bin." in page
    assert "onnxruntime, rehearsal: not drawn" not in page


def test_offline_is_not_drawn_by_latency(make_run: Callable[..., Path]) -> None:
    page = _page(make_run(scenario="Offline", latencies=LATENCIES[:1], batches=BATCHES))
    assert list(_figures(page)) == ["model-1-Offline-completion", "model-1-throughput"]


def test_a_failed_run_is_listed_with_its_reason(make_run: Callable[..., Path]) -> None:
    state = {"performance": {"status": "failed", "error": "ValueError: <boom>"}}
    page = _page(make_run(recorded=False, run={"state": state}))
    assert "failed: ValueError: <boom>" in _cells(page)
    assert _figures(page) == {}


def test_a_rehearsal_says_why(make_run: Callable[..., Path]) -> None:
    text = " ".join(_without_scripts(_page(make_run())).split())
    assert "<dt>rehearsal</dt><dd>min_duration 5 s instead of 600 s</dd>" in text


def test_a_full_length_run_is_called_no_rehearsal(make_run: Callable[..., Path]) -> None:
    page = _without_scripts(_page(make_run(run={"rehearsal": []}, latencies=LATENCIES)))
    assert "rehearsal" not in page.lower()
    assert "unverified" in page


def test_accuracy_of_seeded_weights_is_never_a_number(make_run: Callable[..., Path]) -> None:
    model = {"id": "resnet50", "title": "ResNet-50", "accuracy_meaningful": False}
    score = {"metric": "top-1", "value": 0.137, "target": 75.7, "passed": False, "samples": 20}
    page = _page(make_run(modes=("accuracy",), run={"model": model}, score=score))
    assert "not meaningful seeded weights" in _cells(page)
    assert "0.14 %" not in page
    assert "75.70 %" not in page


def test_settings_and_provenance_are_listed(make_run: Callable[..., Path]) -> None:
    cells = _cells(_page(make_run(batches=BATCHES)))
    pairs = dict(itertools.pairwise(cells))
    assert pairs["command"] == "loadscope run --framework onnxruntime --scenario SingleStream"
    assert pairs["digest"] == "ab" * 32
    assert pairs["environment.OMP_NUM_THREADS"] == "1"
    assert pairs["usable_cores"] == "0, 1"
    assert pairs["max_wait_ms"] == "2.0"
    assert pairs["samples, mean"] == "6.000"
    # (2 s + 3 s) of two workers over 3 s.
    assert pairs["time in the backend"] == "83.3 %"


def test_text_from_files_is_not_read_as_html(make_run: Callable[..., Path]) -> None:
    evil = "</script><script>alert(1)</script>"
    model = {"id": "m", "title": evil}
    page = _page(make_run(framework=evil, run={"model": model}, latencies=LATENCIES))
    assert evil not in page
    assert page.count("<script") == page.count("</script>") == 3


def test_plotly_is_inside_once_and_draws_only_what_the_pages_use(
    make_run: Callable[..., Path],
) -> None:
    page = _page(make_run("a", latencies=LATENCIES), make_run("b", latencies=LATENCIES))
    assert len(re.findall(r"plotly\.js \(basic - minified\) v\d", page)) == 1
    assert len(page.encode()) < 1_500_000
    assert {trace["type"] for figure in _figures(page).values() for trace in figure["data"]} <= {
        "bar",
        "scatter",
    }


def test_the_plot_library_is_the_published_file() -> None:
    folder = files("loadscope.suite.report") / "plotly"
    library, origin = (folder / "plotly-basic.min.js").read_bytes(), (folder / "README.md")
    assert f"`{sha256(library).hexdigest()}`" in origin.read_text("utf-8")
    (version,) = re.findall(r"- version: (\S+)", origin.read_text("utf-8"))
    assert f"v{version}\n".encode() in library[:200]
    assert (folder / "LICENSE").read_text("utf-8").startswith("MIT License")


def test_nothing_on_the_page_points_to_the_network(make_run: Callable[..., Path]) -> None:
    page = _without_scripts(_page(make_run(latencies=LATENCIES)))
    assert re.findall(r"""\b(?:src|href)\s*=\s*["']?([^"'\s>]*)""", page) == ["#run-1"]
    assert "default-src 'none'" in page


def test_a_million_queries_take_no_more_room_than_four_thousand(
    make_run: Callable[..., Path],
) -> None:
    many = (6e6 * np.random.default_rng(3).lognormal(0, 0.05, 1_000_000)).astype(np.int64)
    figures = _figures(_page(make_run(latencies=many)))
    points = [len(trace["x"]) for figure in figures.values() for trace in figure["data"]]
    assert max(points) <= 500


def test_every_table_has_a_caption(make_run: Callable[..., Path]) -> None:
    page = _without_scripts(_page(make_run(latencies=LATENCIES)))
    assert page.count("<table") == len(re.findall(r"<table[^>]*>\s*<caption>", page)) > 2


def _luminance(colour: str) -> float:
    """Relative luminance, WCAG 2.2."""
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_text_and_curves_stand_out_from_the_page(scheme: int) -> None:
    """WCAG 2.2 AA: 4.5 for text (1.4.3), 3 for graphical objects (1.4.11)."""
    style = (files("loadscope.suite.report") / "templates" / "report.css").read_text("utf-8")
    colours = dict(
        re.findall(
            r"--([\w-]+): (#\w{6});", re.findall(r":root\S* \{(.*?)\}", style, re.DOTALL)[scheme]
        )
    )

    def contrast(name: str, background: str) -> float:
        lights = sorted(_luminance(colours[one]) + 0.05 for one in (name, background))
        return lights[1] / lights[0]

    for name in ("ink", "muted", "link", "good", "bad", "warn"):
        assert contrast(name, "page") >= 4.5, name
    assert contrast("ink", "surface") >= 4.5
    for index in range(6):
        assert contrast(f"series-{index}", "page") >= 3, index
