"""Rows for start-up: how long a command takes until LoadGen's first query."""

import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from loadscope.datasets.task import Progress
from loadscope.names import Mode, Scenario
from loadscope.rundir.detail_log import read_detail_log
from loadscope.rundir.directory import RunDirectory
from loadscope.tools.bench.models import cell, names
from loadscope.tools.bench.pairs import run_json

MODEL = "efficientnet-lite0"
MOST_SECONDS = 1.5
_SCENARIOS = (Scenario.OFFLINE, Scenario.SINGLE_STREAM)


def startup_rows(
    frameworks: Sequence[str], questions: str, pairs: int, progress: Progress
) -> Iterator[dict[str, Any]]:
    """From the command to the first query, without the model's own loading, beside the target.

    The first run of each finds the layout and prepares the samples, and does not count.

    Args:
        frameworks: Their names.
        questions: See ``cell``.
        pairs: How many runs count; the median is taken.
        progress: Told of what is prepared.
    """
    for framework in frameworks:
        one = cell(MODEL, framework, questions, progress)
        for scenario in _SCENARIOS:
            _seconds(one.dataset, framework, scenario)
            found = [_seconds(one.dataset, framework, scenario) for _ in range(pairs)]
            ours = statistics.median(found)
            yield {
                **names(one, scenario, "start-up without the model's loading", "s"),
                "suite": ours,
                "bare": MOST_SECONDS,
                "ratio": ours / MOST_SECONDS,
                "seconds": [round(each, 3) for each in found],
                "target": f"at most {MOST_SECONDS} s",
                "met": ours <= MOST_SECONDS,
            }


def _seconds(dataset: str, framework: str, scenario: Scenario) -> float:
    with tempfile.TemporaryDirectory() as folder:
        begun = time.time()
        run_json(
            "loadscope", "run", "--model", MODEL, "--framework", framework, "--scenario", scenario,
            "--dataset-path", dataset, "--min-duration", "500ms", "--json",
            "--output", f"{folder}/run",
        )  # fmt: skip
        run = RunDirectory(Path(folder, "run"))
        log = read_detail_log(run.logs(Mode.PERFORMANCE) / "mlperf_log_detail.txt")
        # LoadGen's own clock, UTC, to a millisecond.
        first = datetime.strptime(f"{log.values['power_begin']}+0000", "%m-%d-%Y %H:%M:%S.%f%z")
        loading = run.read().of(Mode.PERFORMANCE).load_seconds or 0.0
    return first.timestamp() - begun - loading
