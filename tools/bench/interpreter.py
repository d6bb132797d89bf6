"""Rows for the way to a model in another Python: the null backend there and here."""

import os
import sys
from collections.abc import Iterator
from functools import partial
from typing import Any

from loadscope.names import Scenario
from loadscope.sut.interpreter.find import variable
from loadscope.tools.bench.harness import STREAM_LATENCY_MS
from loadscope.tools.bench.pairs import alternate, run_json

_MOST_US = 60
_SAMPLES = {"": "a number", "-image": "an image of 3 x 224 x 224"}


def interpreter_rows(pairs: int, seconds: float) -> Iterator[dict[str, Any]]:
    """Measure a SingleStream query of the null backend in another Python, against in this process.

    The other Python is this one's executable, unless the environment names another.
    """
    os.environ.setdefault(variable("null-interpreter"), sys.executable)

    def time_of(sut: str) -> float:
        found = run_json(
            "loadscope.tools.bench.null_session",
            *(sut, Scenario.SINGLE_STREAM, str(seconds), str(STREAM_LATENCY_MS)),
        )
        return float(found["us_per_query"])

    for ending, sample in _SAMPLES.items():
        measured = alternate(
            pairs,
            partial(time_of, f"interpreter{ending}"),
            partial(time_of, f"suite{ending}"),
        )
        yield {
            "framework": "null",
            "model": "null",
            "scenario": str(Scenario.SINGLE_STREAM),
            "what": f"time a query of {sample}, in another Python and in this process",
            "unit": "µs",
            **measured,
            "target": f"at most {_MOST_US} more",
            "met": measured["suite"] - measured["bare"] <= _MOST_US,
        }
