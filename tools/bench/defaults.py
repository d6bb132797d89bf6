"""Rows for defaults: what a user gets without a word beside the best of settings by hand."""

import contextlib
import fnmatch
import os
import tempfile
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from loadscope.cores import usable_cores
from loadscope.datasets.task import Progress
from loadscope.errors import InputError
from loadscope.names import Scenario
from loadscope.rundir.directory import RunDirectory
from loadscope.suite.models.manifest import Catalogue
from loadscope.sut.registry import backend_info
from loadscope.tools.bench.models import MODELS, BenchCase, Settings, cell, figure, names
from loadscope.tools.bench.pairs import alternate, run_json
from loadscope.tools.bench.tuning import hand_settings

FRAMEWORKS = ("onnxruntime", "pytorch", "tensorflow", "mxnet", "openvino")
CORES = ("all", "one")
OFFLINE_LEAST, SINGLE_STREAM_MOST = 0.95, 1.05
NOISE = 0.03
"""What misses a target by less is reported as noise."""
_BATCHES = (1, 4, 8, 16)
_LAYOUT = ("workers", "threads", "batch_size", "instances")
_SCENARIOS = (
    (Scenario.OFFLINE, "", "rate", "samples/s"),
    (Scenario.SINGLE_STREAM, "p90", "p90 latency", "ms"),
)


def default_rows(
    cells: Sequence[str],
    done: Sequence[dict[str, Any]],
    questions: str,
    pairs: int,
    seconds: float,
    progress: Progress,
) -> Iterator[dict[str, Any]]:
    """Two rows a cell: ``loadscope run`` as it is, and with the best of twelve settings by hand.

    Both are runs of the suite, in turn, so that nothing but the choice of the layout is compared.
    The layout is found before the first of them, or was before. Where it is the best by hand, the
    target is met, whatever the one pair that is measured then says.

    Args:
        cells: Patterns of ``MODEL/FRAMEWORK/CORES``; none for all.
        done: Rows that are there already.
        questions: See ``cell``.
        pairs: Pairs of measurements a row.
        seconds: Seconds a measurement.
        progress: Told of what is prepared.

    Raises:
        InputError: A pattern fits no cell, or a model's file cannot be had.
    """
    there = {(row.get("cell"), row["scenario"]) for row in done}
    left = {
        name: [each for each in _SCENARIOS if (name, str(each[0])) not in there]
        for name in _chosen(cells)
    }
    # All files are there before the first row, so that one that cannot be had ends no session.
    cases = {}
    for name in left:
        model, framework, _ = name.split("/")
        if left[name]:
            cases[name] = cell(model, framework, questions, progress)

    def rows() -> Iterator[dict[str, Any]]:
        for name, one in cases.items():
            cores = name.rpartition("/")[2]
            with _confined(cores):
                for scenario, percentile, what, unit in left[name]:
                    row = _row(one, scenario, percentile, pairs, seconds)
                    label = f"{what}, default to best by hand, {cores} core(s)"
                    yield {**names(one, scenario, label, unit), **row, "cell": name}

    return rows()


def _chosen(patterns: Sequence[str]) -> list[str]:
    known = [
        f"{model}/{framework}/{cores}"
        for model in MODELS
        for framework in FRAMEWORKS
        if framework in Catalogue.load().get(model).frameworks()
        for cores in CORES
    ]
    for pattern in patterns:
        if not fnmatch.filter(known, pattern):
            raise InputError(
                f"--cells {pattern}: no such cell",
                f"MODEL/FRAMEWORK/CORES, patterns too; the first is {known[0]}",
            )
    return [
        name
        for name in known
        if not patterns or any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)
    ]


@contextlib.contextmanager
def _confined(cores: str) -> Iterator[None]:
    """Have what is started run on the first CPU alone, as ``taskset -c 0`` does, or on all."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)} if cores == "one" else allowed)
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def _row(
    one: BenchCase, scenario: Scenario, percentile: str, pairs: int, seconds: float
) -> dict[str, Any]:
    inline = scenario.inline
    taken, by_hand = _taken(one, scenario), _by_hand(one, scenario)
    best = by_hand[0]
    if len(by_hand) > 1:
        choose = min if inline else max
        best = choose(
            by_hand, key=lambda each: figure(one, scenario, each, seconds / 2, percentile)
        )
    same = taken == best
    measured = alternate(
        # Runs of the same settings differ by noise alone, which needs no five pairs.
        1 if same else pairs,
        partial(figure, one, scenario, {}, seconds, percentile),
        partial(figure, one, scenario, best, seconds, percentile),
    )
    target = SINGLE_STREAM_MOST if inline else OFFLINE_LEAST
    miss = measured["ratio"] - target if inline else target - measured["ratio"]
    return {
        **measured,
        "taken": taken,
        "by_hand": best,
        "target": f"ratio {'at most' if inline else 'at least'} {target}",
        "met": same or miss <= 0,
        "noise": not same and 0 < miss < NOISE,
    }


def _taken(one: BenchCase, scenario: Scenario) -> Settings:
    """The layout that a run takes by itself; it is found here where none is kept."""
    with tempfile.TemporaryDirectory() as folder:
        run_json(
            "loadscope", "run", "--model", one.model, "--framework", one.framework,
            "--scenario", scenario, "--dataset-path", one.dataset, "--min-duration", "500ms",
            "--json", "--output", f"{folder}/run",
        )  # fmt: skip
        effective = RunDirectory(Path(folder, "run")).read().effective
    return {name: getattr(effective, name) for name in _LAYOUT}


def _by_hand(one: BenchCase, scenario: Scenario) -> list[Settings]:
    most = one.plan["artifact"]["max_batch"]
    once = backend_info(one.framework).one_caller
    batches = (1,) if scenario.inline else _BATCHES
    return [
        {
            "workers": each["workers"],
            "threads": each["threads"],
            "batch_size": each["batch"],
            "instances": 1,
        }
        for each in hand_settings(scenario, usable_cores(), batches, most, once)
    ]
