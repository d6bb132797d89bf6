import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from loadscope.suite.report import load_run, ordered
from loadscope.suite.report.batches import read_completion
from loadscope.suite.report.figures import (
    Drawing,
    Series,
    assign_series,
    draw_completion,
    draw_histogram,
    draw_percentiles,
    draw_throughput,
)
from loadscope.suite.report.figures.layout import GREY
from loadscope.suite.report.latencies import Latencies, read_latencies


def _series(*paths: Path) -> list[Series]:
    return assign_series(ordered(load_run(path) for path in paths))


def _timed(*paths: Path) -> list[tuple[Series, Latencies]]:
    return [
        (one, read_latencies(one.run.latency_file))
        for one in _series(*paths)
        if one.run.latency_file
    ]


def _plot(drawing: Drawing) -> Any:
    return json.loads(drawing.figure.to_json())


def _lognormal(median_ms: float, count: int) -> Any:
    random = np.random.default_rng(11)
    return (median_ms * 1e6 * random.lognormal(0, 0.1, count)).astype(np.int64)


def _axis_titles(plot: Any) -> list[str]:
    return [
        plot["layout"][axis]["title"]["text"]
        for axis in ("xaxis", "yaxis")
        if "title" in plot["layout"][axis]
    ]


def _labels(plot: Any) -> list[str]:
    notes = sorted(plot["layout"]["annotations"], key=lambda note: note["y"])
    return [note["text"] for note in notes]


def test_percentile_curve_is_latency_over_one_by_one_minus_the_fraction(
    make_run: Callable[..., Path],
) -> None:
    values = np.array([40, 10, 30, 20, 50]) * 1_000_000
    trace, rest, *_ = _plot(draw_percentiles(_timed(make_run(latencies=values))))["data"]
    # Ranks 0 to 4 of 5 are the fractions 0, 0.2, 0.4, 0.6, 0.8; LoadGen's 99.9 % lies beyond.
    # Five queries are enough up to 0.01 ** (1 / 5), 40 %: what follows is grey.
    assert trace["x"] + rest["x"][1:] == pytest.approx([1, 1.25, 5 / 3, 2.5, 5, 1000], rel=1e-5)
    assert trace["y"] + rest["y"][1:] == pytest.approx([0.01, 0.02, 0.03, 0.04, 0.05, 0.05])
    assert trace["customdata"] == ["0 %", "20 %"]
    assert (trace["x"][-1], trace["y"][-1]) == (rest["x"][0], rest["y"][0])
    assert trace["line"]["shape"] == rest["line"]["shape"] == "hv"
    assert (trace["meta"]["colour"], rest["meta"]["colour"]) == (0, GREY)


def test_percentiles_of_too_few_queries_are_grey_and_the_estimate_is_named(
    make_run: Callable[..., Path],
) -> None:
    """44 queries are the fewest for 90 %, 459 for 99 %: 0.9 ** 44 and 0.99 ** 459 are below 1 %."""

    def points(queries: int) -> list[tuple[str, int, list[str]]]:
        path = make_run(str(queries), latencies=_lognormal(5, queries))
        return [
            (trace["marker"]["symbol"], trace["meta"]["colour"], trace["customdata"])
            for trace in _plot(draw_percentiles(_timed(path)))["data"]
            if trace["mode"] == "markers" and "customdata" in trace
        ]

    few = ["95 %", "97 %", "99 %", "99.9 %"]
    assert points(44) == [
        ("circle-open", 0, ["50 %", "90 %"]),
        ("circle-open", GREY, few),
        ("diamond", 0, ["90 %"]),
    ]
    assert points(43)[1] == ("circle-open", GREY, ["90 %", *few])
    assert points(459)[1] == ("circle-open", GREY, ["99.9 %"])
    assert points(2)[0] == ("circle-open", GREY, ["50 %", "90 %", *few])
    assert [one[:2] for one in points(4603)] == [("circle-open", 0), ("diamond", 0)]


def test_percentile_curve_passes_through_loadgens_points(make_run: Callable[..., Path]) -> None:
    values = _lognormal(5, 20_000)
    curve, _, points, *_ = _plot(draw_percentiles(_timed(make_run(latencies=values))))["data"]
    ranked = sorted(values.tolist())
    for fraction, x, y in zip(
        (0.5, 0.9, 0.95, 0.97, 0.99, 0.999), points["x"], points["y"], strict=True
    ):
        assert x == pytest.approx(1 / (1 - fraction))
        assert y == pytest.approx(ranked[int(20_000 * fraction)] / 1e9)
        drawn = max(place for place, left in enumerate(curve["x"]) if left <= x)
        assert curve["y"][drawn] == pytest.approx(y, rel=0.005)


def test_percentile_axis_counts_nines(make_run: Callable[..., Path]) -> None:
    plot = _plot(draw_percentiles(_timed(make_run(latencies=_lognormal(5, 20_000)))))
    axis = plot["layout"]["xaxis"]
    assert axis["type"] == "log"
    assert dict(zip(axis["tickvals"], axis["ticktext"], strict=True)) == {
        2: "50 %",
        10: "90 %",
        100: "99 %",
        1000: "99.9 %",
        10000: "99.99 %",
    }


def test_a_run_without_loadgens_percentiles_has_its_curve_alone(
    make_run: Callable[..., Path],
) -> None:
    percents = ("50.00", "90.00", "95.00", "97.00", "99.00", "99.90")
    log = {f"result_{percent}_percentile_latency_ns": None for percent in percents}
    path = make_run(latencies=_lognormal(5, 500), log=log)
    drawn = _plot(draw_percentiles(_timed(path)))["data"]
    assert {trace["mode"] for trace in drawn if trace["x"] != [None]} == {"lines", "markers"}
    marks = [trace for trace in drawn if trace["mode"] == "markers" and trace["x"] != [None]]
    assert [trace["marker"]["symbol"] for trace in marks] == ["diamond"]


def test_histogram_holds_the_share_of_queries_in_each_bin(make_run: Callable[..., Path]) -> None:
    values = np.repeat([1_003_000, 1_503_000, 2_003_000], [500, 300, 200])
    trace = _plot(draw_histogram(_timed(make_run(latencies=values))))["data"][0]
    bins = {
        (left, right): share
        for left, right, share in zip(trace["x"][1:], trace["x"][2:], trace["y"][1:], strict=False)
        if share
    }
    for value, share in ((1.003e-3, 50), (1.503e-3, 30), (2.003e-3, 20)):
        assert [held for (left, right), held in bins.items() if left <= value < right] == [share]
    assert len(bins) == 3
    assert sum(trace["customdata"]) == 1000


def test_histogram_bins_agree_with_a_count_by_hand(make_run: Callable[..., Path]) -> None:
    values = _lognormal(6, 5_000)
    trace = _plot(draw_histogram(_timed(make_run(latencies=values))))["data"][0]
    for left, right, count in zip(
        trace["x"][1:], trace["x"][2:], trace["customdata"][1:], strict=False
    ):
        by_hand = sum(1 for value in values.tolist() if left * 1e9 <= value < right * 1e9)
        # Edges are rounded to six digits on the page, which moves a query or two.
        assert abs(by_hand - count) <= 3


def test_histograms_of_one_figure_have_the_same_bins(make_run: Callable[..., Path]) -> None:
    first, second = _plot(
        draw_histogram(
            _timed(
                make_run("a", latencies=_lognormal(5, 3000)),
                make_run("b", framework="pytorch", latencies=_lognormal(8, 900)),
            )
        )
    )["data"]
    assert first["x"] == second["x"]
    assert len(first["x"]) <= 122
    assert sum(first["y"]) == pytest.approx(100, abs=0.5)
    assert sum(second["y"]) == pytest.approx(100, abs=0.5)


def test_histogram_says_how_many_stragglers_it_leaves_out(make_run: Callable[..., Path]) -> None:
    values = np.concatenate([np.linspace(4e6, 5e6, 9990), np.full(10, 3e8)]).astype(np.int64)
    drawing = draw_histogram(_timed(make_run(latencies=values)))
    trace = _plot(drawing)["data"][0]
    outside = 10_000 - sum(trace["customdata"])
    assert outside >= 10
    assert f"{outside} of 10,000 queries" in drawing.note
    assert "the slowest took 300.0 ms" in drawing.note


def test_equal_latencies_are_one_full_bin(make_run: Callable[..., Path]) -> None:
    drawing = draw_histogram(_timed(make_run(latencies=np.full(64, 5_000_000))))
    assert [share for share in _plot(drawing)["data"][0]["y"] if share] == [100]


def test_bars_are_sorted_by_scenario_then_from_fast_to_slow(make_run: Callable[..., Path]) -> None:
    drawing = draw_throughput(
        _series(
            make_run("a", scenario="Offline", log={"result_samples_per_second": 100.0}),
            make_run(
                "b",
                scenario="Offline",
                framework="pytorch",
                log={"result_samples_per_second": 170.26},
            ),
            make_run("c", framework="pytorch", log={"result_mean_latency_ns": 12_500_000}),
        )
    )
    assert drawing is not None
    plot = _plot(drawing)
    assert plot["data"][0]["x"] == [80.0, 170.26, 100.0]
    assert plot["data"][0]["text"] == ["80.00", "170.3", "100.0"]
    assert _labels(plot) == [
        "SingleStream, pytorch, rehearsal",
        "Offline, pytorch, rehearsal",
        "Offline, onnxruntime, rehearsal",
    ]


def test_bars_begin_at_zero(make_run: Callable[..., Path]) -> None:
    drawing = draw_throughput(_series(make_run()))
    assert drawing is not None
    assert _plot(drawing)["layout"]["xaxis"]["range"][0] == 0


def test_an_invalid_result_is_marked_at_its_bar(make_run: Callable[..., Path]) -> None:
    drawing = draw_throughput(
        _series(make_run(run={"rehearsal": []}, log={"result_validity": "INVALID"}))
    )
    assert drawing is not None
    plot = _plot(drawing)
    assert _labels(plot) == ["SingleStream, onnxruntime, invalid"]
    assert plot["data"][0]["marker"]["pattern"]["shape"] == ["/"]


def test_runs_without_a_throughput_have_no_bars(make_run: Callable[..., Path]) -> None:
    state = {"performance": {"status": "failed", "error": "boom"}}
    assert draw_throughput(_series(make_run(run={"state": state}))) is None


def test_completion_adds_up_to_all_samples(make_run: Callable[..., Path]) -> None:
    rows = np.array([[0, 2_000_000_000, 8, 0], [0, 3_000_000_000, 8, 1]])
    (one,) = _series(make_run(scenario="Offline", batches=rows))
    assert one.run.batches_file is not None
    trace = _plot(draw_completion([(one, read_completion(one.run.batches_file))]))["data"][0]
    assert trace["x"] == [0, 2, 3]
    assert trace["y"] == [0, 8, 16]


def test_every_figure_says_unverified_and_its_unit(make_run: Callable[..., Path]) -> None:
    rows = np.array([[0, 2_000_000, 8, 0]])
    path = make_run(latencies=_lognormal(5, 100), batches=rows)
    (one,) = _series(path)
    assert one.run.batches_file is not None
    bars = draw_throughput([one])
    assert bars is not None
    titles: Sequence[list[str]] = [
        _axis_titles(_plot(drawing))
        for drawing in (
            bars,
            draw_percentiles(_timed(path)),
            draw_histogram(_timed(path)),
            draw_completion([(one, read_completion(one.run.batches_file))]),
        )
    ]
    assert titles == [
        ["Samples/s (unverified)"],
        ["Percentile of queries", "Latency per query (unverified)"],
        ["Latency per query (unverified)", "Queries per bin, %"],
        ["Time since the start of the test, s", "Samples done (unverified)"],
    ]


def test_one_framework_has_one_colour_and_repeats_differ_in_dash_and_name(
    make_run: Callable[..., Path],
) -> None:
    first, second, other = _series(
        make_run("monday"), make_run("tuesday"), make_run("x", framework="pytorch")
    )
    assert first.colour == second.colour != other.colour
    assert first.dash != second.dash
    assert [one.name for one in (first, second, other)] == [
        "onnxruntime (monday)",
        "onnxruntime (tuesday)",
        "pytorch",
    ]


def test_names_are_not_read_as_tags_by_plotly(make_run: Callable[..., Path]) -> None:
    (one,) = _series(make_run(framework="<a href='x'>"))
    assert one.legend == "&lt;a href='x'&gt;, rehearsal"
