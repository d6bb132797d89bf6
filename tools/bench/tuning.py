"""Rows for tuning: what ``loadscope tune`` finds beside the best of hand settings and of a grid."""

import json
import tempfile
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from loadscope.cores import usable_cores
from loadscope.datasets.task import Progress
from loadscope.names import Scenario
from loadscope.scenarios.execution import MULTI_STREAM_SAMPLES
from loadscope.sut.registry import backend_info
from loadscope.tools.bench.models import (
    BenchCase,
    Settings,
    arguments,
    cell,
    figure,
    names,
    run_suite,
)
from loadscope.tools.bench.pairs import alternate, enclose, run_json

MODELS = ("efficientnet-lite0", "resnet50-seeded", "yolox-nano", "bert-mini")
OFFLINE_LEAST, SINGLE_STREAM_MOST, MULTI_STREAM_MOST = 0.98, 1.02, 1.03
SERVER_LEAST, GRID_LEAST = 0.75, 0.97
SERVER_MODELS = ("efficientnet-lite0", "bert-mini")
OPTIONS_LEAST = {"float32": 1.6, "bfloat16": 3.0}
OPTIONS_MODEL = "resnet50-seeded"
_BOUND = 10
"""Server's bound, in latencies of a single sample."""
_SERVER_LONGER = 5
"""Early stopping asks of short tests that far fewer are late than one in a hundred."""
_QUERIES = 200
"""The fewest of a measurement whose 99th percentile is compared; of a hundred it is the slowest."""
_TRIAL = "2s"
_WITHOUT_END = "1000h"
_BATCHES = (1, 4, 8, 16)


def tuning_rows(
    models: Sequence[str],
    frameworks: Sequence[str],
    questions: str,
    pairs: int,
    seconds: float,
    minutes: float,
    progress: Progress,
) -> Iterator[dict[str, Any]]:
    """All rows of all models on all frameworks.

    Args:
        models: Their ids.
        frameworks: Their names.
        questions: See ``cell``.
        pairs: Pairs of measurements a row.
        seconds: Seconds a measurement.
        minutes: Budget of the search of PyTorch's options, and of Server's, whose trials are
            searches themselves; that of another scenario has a quarter.
        progress: Told of what is prepared.
    """
    for model in models:
        for framework in frameworks:
            one = cell(model, framework, questions, progress)
            offline = _tuned(one, Scenario.OFFLINE, minutes / 4)
            yield from _scenario_rows(one, offline, pairs, seconds, minutes / 4)
            if model in SERVER_MODELS:
                yield from _server_rows(one, offline, pairs, seconds, minutes)
            if (model, framework) == (OPTIONS_MODEL, "pytorch"):
                yield from _options_rows(one, pairs, seconds, minutes)


def _scenario_rows(
    one: BenchCase, offline: Settings, pairs: int, seconds: float, minutes: float
) -> Iterator[dict[str, Any]]:
    for scenario, key, batches, percentile, what, unit, target in (
        (Scenario.OFFLINE, "samples_per_second", _BATCHES, "", "rate", "samples/s", OFFLINE_LEAST),
        (Scenario.SINGLE_STREAM, "p90_ms", (1,), "p90", "p90", "ms", SINGLE_STREAM_MOST),
        (
            Scenario.MULTI_STREAM, "p99_ms", (1, 2, 4, MULTI_STREAM_SAMPLES), "p99", "p99", "ms",
            MULTI_STREAM_MOST,
        ),
    ):  # fmt: skip
        tuned = offline if scenario is Scenario.OFFLINE else _tuned(one, scenario, minutes)
        best = _best_by_hand(one, scenario, key, batches, seconds)
        fewest = _QUERIES if percentile == "p99" else 1
        measured = alternate(
            pairs,
            partial(figure, one, scenario, tuned, seconds, percentile, fewest),
            partial(_bare, one, {**best, "queries": fewest}, seconds, key),
        )
        row = {**names(one, scenario, f"{what}, tuned to best by hand", unit), **measured}
        met = measured["ratio"] <= target if percentile else measured["ratio"] >= target
        limit = "at most" if percentile else "at least"
        yield {
            **row, "tuned": tuned, "by_hand": best, "target": f"ratio {limit} {target}",
            "met": met,
        }  # fmt: skip


def _server_rows(
    one: BenchCase, offline: Settings, pairs: int, seconds: float, minutes: float
) -> Iterator[dict[str, Any]]:
    def bound() -> str:
        lone = run_suite(one, Scenario.SINGLE_STREAM, seconds)["latency_ns"]["mean"] / 1e6
        # LoadGen reads whole milliseconds.
        return f"{int(_BOUND * lone)}ms"

    server = _tuned(one, Scenario.SERVER, minutes, bound())
    longer = seconds * _SERVER_LONGER
    measured = enclose(
        pairs,
        # Where the machine's speed changes, a single sample's latency does too.
        lambda: _server_rate(one, server, longer, bound()),
        lambda: figure(one, Scenario.OFFLINE, offline, longer),
    )
    what = f"99 % within {_BOUND} latencies of a single sample, to Offline"
    yield {
        **names(one, Scenario.SERVER, what, "samples/s"),
        **measured,
        "tuned": server,
        "target": f"ratio at least {SERVER_LEAST}",
        "met": measured["ratio"] >= SERVER_LEAST,
    }


def _options_rows(
    one: BenchCase, pairs: int, seconds: float, minutes: float
) -> Iterator[dict[str, Any]]:
    """Offline with the options that tune finds beside PyTorch's eager float32 on NCHW.

    The seeded weights' accuracy means nothing, so tune searches no bfloat16 with them; the second
    row adds it, and what it needs to be fast, to what was found for float32.
    """
    artifact = {**one.plan["artifact"], "options": {}}
    eager = BenchCase(one.model, one.framework, one.dataset, {**one.plan, "artifact": artifact})
    best = _best_by_hand(eager, Scenario.OFFLINE, "samples_per_second", _BATCHES, seconds)
    found = _tuned(one, Scenario.OFFLINE, minutes)
    for dtype, least in OPTIONS_LEAST.items():
        options = {**found["options"], "dtype": dtype}
        if dtype != "float32":
            options |= {"compile": True, "channels_last": True}
        chosen = {**found, "options": options}
        measured = alternate(
            pairs,
            partial(figure, one, Scenario.OFFLINE, chosen, seconds),
            partial(_bare, eager, best, seconds, "samples_per_second"),
        )
        yield {
            **names(one, Scenario.OFFLINE, f"rate, {dtype} to eager float32 NCHW", "samples/s"),
            **measured,
            "tuned": chosen,
            "by_hand": best,
            "target": f"ratio at least {least}",
            "met": measured["ratio"] >= least,
        }


def grid_rows(
    one: BenchCase, pairs: int, seconds: float, minutes: float
) -> Iterator[dict[str, Any]]:
    """Offline with what tune finds in ``minutes`` beside what it finds when nothing is left out."""
    found = _tuned(one, Scenario.OFFLINE, minutes)
    grid = _tuned(one, Scenario.OFFLINE, None)
    measured = alternate(
        pairs,
        lambda: figure(one, Scenario.OFFLINE, found, seconds),
        lambda: figure(one, Scenario.OFFLINE, grid, seconds),
    )
    yield {
        **names(
            one, Scenario.OFFLINE, f"rate, tuned for {minutes:g} min to the whole grid", "samples/s"
        ),
        **measured,
        "tuned": found,
        "by_hand": grid,
        "target": f"ratio at least {GRID_LEAST}",
        "met": measured["ratio"] >= GRID_LEAST,
    }


def hand_settings(
    scenario: Scenario,
    cores: int,
    batches: Sequence[int],
    most: int | None,
    one_caller: bool = False,
) -> list[dict[str, int]]:
    """What an expert would try: twelve layouts in Offline, threads and batches in the others.

    A framework that takes one caller would hang with two workers, so there one has the threads.
    """
    splits = [(cores, 1), (1, cores), (max(1, cores // 2), 1)]
    if scenario.inline or one_caller:
        splits = [(1, cores), (1, max(1, cores // 2))]
    return [
        {"workers": workers, "threads": threads, "batch": batch}
        for workers, threads in dict.fromkeys(splits)
        for batch in batches
        if most is None or batch <= most
    ]


def _best_by_hand(
    one: BenchCase, scenario: Scenario, key: str, batches: Sequence[int], seconds: float
) -> dict[str, int]:
    settings = hand_settings(
        scenario,
        usable_cores(),
        batches,
        one.plan["artifact"]["max_batch"],
        backend_info(one.framework).one_caller,
    )
    if scenario is Scenario.MULTI_STREAM:
        settings = [{**each, "query": MULTI_STREAM_SAMPLES} for each in settings]
    choose = min if scenario.inline else max
    return choose(settings, key=lambda each: _bare(one, each, seconds / 2, key))


def _bare(one: BenchCase, settings: dict[str, int], seconds: float, key: str) -> float:
    asked = {"plan": one.plan, **settings, "seconds": seconds}
    return float(run_json("loadscope.tools.bench.bare", json.dumps(asked))[key])


def _tuned(one: BenchCase, scenario: Scenario, minutes: float | None, bound: str = "") -> Settings:
    """What ``loadscope tune`` finds in so many minutes, or after all points."""
    with tempfile.TemporaryDirectory() as folder:
        result = run_json(
            "loadscope", "tune", "--model", one.model, "--framework", one.framework,
            "--scenario", scenario, "--dataset-path", one.dataset, "--trial-duration", _TRIAL,
            "--budget", _WITHOUT_END if minutes is None else f"{minutes:g}min",
            *(("--target-latency", bound) if scenario is Scenario.SERVER else ()),
            "--output", f"{folder}/tuned", "--json",
        )  # fmt: skip
    (found,) = result["scenarios"]
    settings: Settings = found["settings"]
    return settings


def _server_rate(one: BenchCase, settings: Settings, seconds: float, bound: str) -> float:
    more = ("--find-rate", "--target-latency", bound, *arguments(settings))
    return float(run_suite(one, Scenario.SERVER, seconds, None, *more)["samples_per_second"])
