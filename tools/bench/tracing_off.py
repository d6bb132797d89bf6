"""Rows for tracing that is off: a predict where layers have been traced, where none ever were.

Two processes hold the same model, and their predicts are timed in turn. One never makes a tracer,
nor imports its module: what ``loadscope run`` is. The other has traced layers and ended that.
``python -m loadscope.tools.bench.tracing_off FRAMEWORK WHAT`` is such a process; see ``turns``.
"""

import os
import statistics
import sys
from collections.abc import Iterator
from time import perf_counter_ns
from typing import Any

from loadscope.datasets.task import Progress
from loadscope.paths import cache_root
from loadscope.suite.fetch.artifacts import materialise
from loadscope.suite.models.manifest import Catalogue
from loadscope.suite.worker.paired_timing import Timed, answer, other_process
from loadscope.sut.tracing import layers
from loadscope.tools.bench.tracing import MODEL, opened

LEAST = 0.99
PAIRS = 60
_WARM_UP = 5
_UNTRACED, _TRACED = "untraced", "traced"


def tracing_off_rows(frameworks: list[str], progress: Progress) -> Iterator[dict[str, Any]]:
    """What is left of tracing when it is over: ResNet-50, one thread, batches of one."""
    for framework in frameworks:
        materialise(MODEL, Catalogue.load().get(MODEL), framework, cache_root(), progress)
        module = ["-m", "loadscope.tools.bench.tracing_off", framework]
        with (
            other_process([*module, _TRACED], os.environ) as suite,
            other_process([*module, _UNTRACED], os.environ) as bare,
        ):
            measured = _compare(suite[_TRACED], bare[_UNTRACED])
        yield {
            "framework": framework,
            "model": MODEL,
            "scenario": "-",
            "what": "predicts with tracing over, beside a process that never traced",
            "unit": "predicts/s",
            **measured,
            "target": f"ratio at least {LEAST}",
            "met": measured["ratio"] >= LEAST,
        }


def _compare(suite: Timed, bare: Timed) -> dict[str, Any]:
    """Time both in turn; the ratio of rates is that of the medians."""
    pairs = []
    for number in range(_WARM_UP + PAIRS):
        first, second = (suite, bare) if number % 2 else (bare, suite)
        found = first(), second()
        pairs.append(found if number % 2 else found[::-1])
    kept = pairs[_WARM_UP:]
    ours, theirs = (1e9 / statistics.median(each) for each in zip(*kept, strict=True))
    ratios = [round(bare_ns / suite_ns, 4) for suite_ns, bare_ns in kept]
    return {"suite": ours, "bare": theirs, "ratio": ours / theirs, "ratios": ratios}


def _works(framework: str, what: str) -> dict[str, Timed]:
    backend, batch = opened(framework, 1)
    if what == _TRACED:
        layers(backend, batch)

    def once() -> int:
        begun = perf_counter_ns()
        backend.predict(batch)
        return perf_counter_ns() - begun

    return {what: once}


if __name__ == "__main__":
    answer(lambda: _works(*sys.argv[1:3]))
