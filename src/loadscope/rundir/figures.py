"""The figures of a performance test, from LoadGen's detail log."""

import math
import re

from loadscope.names import Scenario
from loadscope.rundir.detail_log import DetailLog
from loadscope.rundir.result import Figures, RecordedMetric, TokenFigures

_MORE_QUERIES = re.compile(r"need to run at least (\d+) more queries")
ESTIMATE, PERCENTILE, RATE = "early-stopping estimate", "percentile", "rate"
"""What a scenario's metric can be."""
CONFIDENCE = 0.99
"""That of LoadGen's early stopping (loadgen/results.cc, ``PerformanceSummary``)."""


def invalid_reasons(log: DetailLog, least: int | None) -> list[str]:
    """Why LoadGen does not call a performance test valid; empty for a valid one.

    Args:
        log: Its log.
        least: How many queries early stopping needs; None where that is no rule of the scenario.
    """
    reasons = [f"LoadGen error: {error}" for error in log.errors]
    if log.values.get("result_validity") == "VALID" and not reasons:
        return []
    reason = str(log.values.get("result_invalid_reason", "")).replace("\n", " ").strip().rstrip(".")
    if reason:
        reasons.append(reason)
    queries = log.number("result_query_count")
    if log.values.get("early_stopping_met") is False:
        more = _MORE_QUERIES.search(str(log.values.get("early_stopping_result", "")))
        if least is not None and queries is not None and queries < least:
            reasons.append(f"early stopping needs {least} queries, ran {queries:g}")
        elif more:
            reasons.append(f"early stopping needs {int(more[1]):,} more queries, none of them late")
        else:
            reasons += _late_tokens(log) or ["early stopping is not satisfied"]
    return reasons or ["LoadGen says INVALID without a reason"]


def least_queries(fraction: float) -> int:
    """How many queries a percentile needs to mean anything.

    With fewer, the slowest of all queries is below the true percentile with a probability of
    more than 1 %: ``fraction ** queries > 0.01``.

    Args:
        fraction: The percentile, in (0, 1): 44 queries for 0.9, 4,603 for 0.999.
    """
    return math.ceil(math.log(1 - CONFIDENCE) / math.log(fraction))


def figures(log: DetailLog, scenario: Scenario) -> Figures:
    """The metric, throughput and latencies of a performance test.

    Latencies are LoadGen's own: per query, and for Offline per sample since the start.
    The metric of SingleStream and MultiStream is the early-stopping estimate that MLPerf
    reports, or the plain percentile where there were too few queries for an estimate; its
    ``kind`` says which. Where answers come token by token it is tokens a second, or the plain
    percentile of the latency. ``few_queries`` names the percentiles that have too few queries.
    """
    percentiles = {
        name: log.number(f"result_{name}.00_percentile_latency_ns")
        for name in ("50", "90", "95", "97", "99")
    }
    percentiles["99.9"] = log.number("result_99.90_percentile_latency_ns")
    mean = log.number("result_mean_latency_ns")
    tokens = token_figures(log, scenario)
    if scenario is Scenario.OFFLINE:
        rate = log.number("result_samples_per_second")
        metric = RecordedMetric(name="samples_per_second", value=rate, unit="samples/s", kind=RATE)
        if tokens is not None:
            metric = _token_rate("tokens_per_second", tokens)
    elif scenario is Scenario.SERVER:
        rate = log.number("result_completed_samples_per_sec")
        metric = RecordedMetric(
            name="completed_samples_per_second", value=rate, unit="samples/s", kind=RATE
        )
        if tokens is not None:
            metric = _token_rate("completed_tokens_per_second", tokens)
    else:
        short, percentile = ("ss", "90") if scenario is Scenario.SINGLE_STREAM else ("ms", "99")
        # With tokens LoadGen's estimate is of the time to the first one.
        estimate = None if tokens else log.number(f"early_stopping_latency_{short}")
        latency = estimate or percentiles[percentile]
        metric = RecordedMetric(
            name=f"latency_p{percentile}",
            value=latency / 1e6 if latency else None,
            unit="ms",
            kind=ESTIMATE if estimate else PERCENTILE,
        )
        samples = 8 if scenario is Scenario.MULTI_STREAM else 1
        rate = samples * 1e9 / mean if mean else None
    queries = log.number("result_query_count")
    few = tuple(
        name
        for name in percentiles
        # Offline is one query of many samples, and its percentiles are theirs.
        if scenario is not Scenario.OFFLINE
        and queries is not None
        and queries < least_queries(float(name) / 100)
    )
    return Figures.model_validate(
        {
            "metric": metric,
            "samples_per_second": rate,
            "queries": None if queries is None else int(queries),
            "latency_ns": {
                "mean": mean,
                "p50": percentiles["50"],
                "p90": percentiles["90"],
                "p99": percentiles["99"],
            },
            "percentiles_ns": percentiles,
            "few_queries": few,
            "tokens": tokens,
        }
    )


def _token_rate(name: str, tokens: TokenFigures) -> RecordedMetric:
    return RecordedMetric(name=name, value=tokens.per_second, unit="tokens/s", kind=RATE)


def token_figures(log: DetailLog, scenario: Scenario) -> TokenFigures | None:
    """What LoadGen says of tokens; None where it was not told of any.

    Offline's tokens a second are over the whole test, Server's until the last query was answered.
    """
    if log.values.get("requested_use_token_latencies") is not True:
        return None
    if scenario is Scenario.OFFLINE:
        return TokenFigures(per_second=log.number("result_tokens_per_second"))
    server = scenario is Scenario.SERVER
    fractions = ("50", "90", "95", "97", "99", "99.9")
    names = {name: f"{float(name):.2f}_percentile" for name in fractions}

    def found(start: str, end: str) -> dict[str, float]:
        keys = {name: f"result_{start}_{key}_{end}" for name, key in names.items()}
        return {name: value for name, key in keys.items() if (value := log.number(key)) is not None}

    return TokenFigures(
        per_second=log.number("result_completed_tokens_per_second"),
        ttft_ns=found("first_token", "latency_ns"),
        tpot_ns=found("time_per_output_token", "ns"),
        ttft_bound_ns=log.number("requested_server_ttft_latency") if server else None,
        tpot_bound_ns=log.number("requested_server_tpot_latency") if server else None,
    )


def _late_tokens(log: DetailLog) -> list[str]:
    """What early stopping says of the bounds on tokens that it does not grant."""
    reasons = []
    for name in ("TTFT", "TPOT"):
        said = str(log.values.get(f"early_stopping_{name.lower()}_result", ""))
        if more := _MORE_QUERIES.search(said):
            reasons.append(f"{name}: early stopping needs {int(more[1]):,} more queries, none late")
    return reasons
