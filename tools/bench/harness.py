"""Rows for the harness alone: LoadGen with a backend that answers at once."""

from collections.abc import Iterator
from typing import Any

from loadscope.names import Scenario
from loadscope.tools.bench.pairs import alternate, run_json

SERVER_RATE = 60_000
OVERLOAD_RATE = 3 * SERVER_RATE
# Far above any null system, so that LoadGen never runs out of queries.
STREAM_LATENCY_MS = 0.001
OFFLINE_RATE = 1_500_000


def harness_rows(pairs: int, seconds: float) -> Iterator[dict[str, Any]]:
    """Measure the drivers of SingleStream, Offline and Server against the least Python can do."""

    def session(sut: str, scenario: Scenario, rate: float) -> dict[str, Any]:
        return run_json(
            "loadscope.tools.bench.null_session", sut, scenario, str(seconds), str(rate)
        )

    def row(
        scenario: Scenario, what: str, unit: str, key: str, rate: float, **target: float
    ) -> dict[str, Any]:
        measured = alternate(
            pairs,
            lambda: float(session("suite", scenario, rate)[key]),
            lambda: float(session("bare", scenario, rate)[key]),
        )
        return _row(scenario, what, unit, measured, **target)

    yield row(
        Scenario.SINGLE_STREAM, "time a query", "µs", "us_per_query", STREAM_LATENCY_MS, most=8
    )
    yield row(
        Scenario.OFFLINE, "rate", "samples/s", "samples_per_second", OFFLINE_RATE, least=500_000
    )
    found: list[dict[str, Any]] = []

    def server_p99() -> float:
        found.append(session("suite", Scenario.SERVER, SERVER_RATE))
        return float(found[-1]["latency_ns"]["p99"]) / 1e6

    measured = alternate(
        pairs,
        server_p99,
        lambda: session("bare", Scenario.SERVER, SERVER_RATE)["latency_ns"]["p99"] / 1e6,
    )
    yield _row(
        Scenario.SERVER,
        f"p99 at {SERVER_RATE:,} queries/s",
        "ms",
        measured,
        most=found[0]["bound_ms"],
    )
    yield row(
        Scenario.SERVER,
        f"rate when offered {OVERLOAD_RATE:,} queries/s",
        "samples/s",
        "samples_per_second",
        OVERLOAD_RATE,
        least=SERVER_RATE,
    )


def _row(
    scenario: Scenario,
    what: str,
    unit: str,
    measured: dict[str, Any],
    least: float | None = None,
    most: float | None = None,
) -> dict[str, Any]:
    """A row whose target is on the suite's own figure, not on the ratio."""
    figure = measured["suite"]
    return {
        "framework": "null",
        "model": "null",
        "scenario": str(scenario),
        "what": what,
        "unit": unit,
        **measured,
        "target": f"at least {least:g}" if least is not None else f"at most {most:g}",
        "met": figure >= least if least is not None else figure <= (most or 0),
    }
