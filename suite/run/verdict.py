"""Read back what LoadGen did, compare it with what was asked, and take the figures."""

import math
import re
from dataclasses import dataclass
from typing import Any

from loadscope.errors import WorkError
from loadscope.names import Mode, Scenario
from loadscope.rundir.detail_log import DetailLog
from loadscope.rundir.user_conf import UserConf
from loadscope.submission.rounds import BenchmarkRules, Round

_MORE_QUERIES = re.compile(r"need to run at least (\d+) more queries")
_TOLERANCE = 1e-5
"""LoadGen logs floating-point settings with six digits."""
ESTIMATE, PERCENTILE, RATE = "early-stopping estimate", "percentile", "rate"
"""What a scenario's metric can be."""
CONFIDENCE = 0.99
"""That of LoadGen's early stopping (loadgen/results.cc, ``PerformanceSummary``)."""


@dataclass(frozen=True)
class Asked:
    """What a test was asked to do.

    Attributes:
        model: LoadGen's key of the model.
        scenario: The scenario.
        mode: Which test.
        conf: The user.conf in force.
        samples: Samples in the data set.
    """

    model: str
    scenario: Scenario
    mode: Mode
    conf: UserConf
    samples: int


def offline_samples(model: str, conf: UserConf, rules: Round) -> int:
    """How many samples LoadGen puts into Offline's one query in performance mode."""

    def setting(key: str, default: float) -> float:
        value = conf.get(model, Scenario.OFFLINE, key)
        return default if value is None else value

    queries = setting("min_query_count", rules.min_query_count(model, Scenario.OFFLINE))
    seconds = setting("min_duration", rules.min_duration_ms) / 1000
    # Source: LoadGen's test_settings_internal.cc, Offline; in its order of multiplication, or the
    # product can fall on the other side of a whole number.
    return int(max(queries, int(1.1 * seconds * setting("target_qps", 1.0))))


def require_as_asked(log: DetailLog, asked: Asked, rules: Round) -> None:
    """Compare the settings that LoadGen logged as effective with what was asked.

    Raises:
        WorkError: They differ; the message has the first difference with both values.
    """
    for key, expected in _expected(asked, rules).items():
        found = log.values.get(key)
        if isinstance(expected, float) and isinstance(found, (int, float)):
            same = math.isclose(found, expected, rel_tol=_TOLERANCE)
        else:
            same = found == expected
        if not same:
            raise WorkError(
                f"LoadGen's log: {key}: expected {expected}, got {found}",
                f"use mlcommons-loadgen=={rules.loadgen}, and no configuration beside user.conf",
            )


def _expected(asked: Asked, rules: Round) -> dict[str, Any]:
    def setting(key: str, default: float) -> float:
        value = asked.conf.get(asked.model, asked.scenario, key)
        return default if value is None else value

    scenario, benchmark = asked.scenario, rules.benchmarks.get(asked.model)
    expected: dict[str, Any] = {
        **{f"effective_{name}": seed for name, seed in rules.seeds.items()},
        "effective_scenario": str(scenario),
        "effective_test_mode": asked.mode.loadgen,
        **_audit(asked, benchmark),
        "effective_min_duration_ms": setting("min_duration", rules.min_duration_ms),
        "qsl_reported_total_count": asked.samples,
        "effective_accuracy_sample_count": asked.samples,
        "effective_performance_sample_count": setting(
            "performance_sample_count_override",
            benchmark.performance_sample_count if benchmark else asked.samples,
        ),
    }
    queries = setting("min_query_count", rules.min_query_count(asked.model, scenario))
    if scenario is Scenario.OFFLINE:
        expected["effective_target_qps"] = float(setting("target_qps", 1.0))
        expected["effective_samples_per_query"] = float(
            offline_samples(asked.model, asked.conf, rules)
        )
    else:
        expected["effective_min_query_count"] = queries
    if scenario.inline:
        expected["effective_target_qps"] = 1000 / setting("target_latency", 1.0)
    if scenario is Scenario.MULTI_STREAM:
        expected["effective_samples_per_query"] = setting(
            "samples_per_query", rules.scenarios[scenario].samples_per_query or 0
        )
    if scenario is Scenario.SERVER:
        expected["effective_target_qps"] = float(setting("target_qps", 1.0))
        limit = rules.server_target_latency_ms(asked.model) or 0.0
        expected["effective_target_latency_ns"] = setting("target_latency", limit) * 1e6
    return expected


def _audit(asked: Asked, benchmark: BenchmarkRules | None) -> dict[str, Any]:
    """What only a compliance test changes; a stray ``audit.config`` shows here."""
    settings = {
        "accuracy_log_rng_seed": 0,
        "accuracy_log_sampling_target": 0,
        "performance_issue_unique": 0,
        "performance_issue_same": 0,
        "performance_issue_same_index": 0,
    }
    if asked.mode.audit and benchmark is not None:
        settings |= benchmark.compliance[asked.mode]
    return {f"effective_{key}": value for key, value in settings.items()}


def invalid_reasons(log: DetailLog, scenario: Scenario, rules: Round) -> list[str]:
    """Why LoadGen does not call a performance test valid; empty for a valid one."""
    reasons = [f"LoadGen error: {error}" for error in log.errors]
    if log.values.get("result_validity") == "VALID" and not reasons:
        return []
    reason = str(log.values.get("result_invalid_reason", "")).replace("\n", " ").strip().rstrip(".")
    if reason:
        reasons.append(reason)
    queries = log.number("result_query_count")
    least = rules.scenarios[scenario].early_stopping_queries
    if log.values.get("early_stopping_met") is False:
        more = _MORE_QUERIES.search(str(log.values.get("early_stopping_result", "")))
        if least is not None and queries is not None and queries < least:
            reasons.append(f"early stopping needs {least} queries, ran {queries:g}")
        elif more:
            reasons.append(f"early stopping needs {int(more[1]):,} more queries, none of them late")
        else:
            reasons.append("early stopping is not satisfied")
    return reasons or ["LoadGen says INVALID without a reason"]


def least_queries(fraction: float) -> int:
    """How many queries a percentile needs to mean anything.

    With fewer, the slowest of all queries is below the true percentile with a probability of
    more than 1 %: ``fraction ** queries > 0.01``.

    Args:
        fraction: The percentile, in (0, 1): 44 queries for 0.9, 4,603 for 0.999.
    """
    return math.ceil(math.log(1 - CONFIDENCE) / math.log(fraction))


def figures(log: DetailLog, scenario: Scenario) -> dict[str, Any]:
    """The metric, throughput and latencies of a performance test, as ``--json`` has them.

    Latencies are LoadGen's own: per query, and for Offline per sample since the start.
    The metric of SingleStream and MultiStream is the early-stopping estimate that MLPerf
    reports, or the plain percentile where there were too few queries for an estimate; its
    ``kind`` says which. ``few_queries`` names the percentiles that have too few queries.
    """
    percentiles = {
        name: log.number(f"result_{name}.00_percentile_latency_ns")
        for name in ("50", "90", "95", "97", "99")
    }
    percentiles["99.9"] = log.number("result_99.90_percentile_latency_ns")
    mean = log.number("result_mean_latency_ns")
    if scenario is Scenario.OFFLINE:
        rate = log.number("result_samples_per_second")
        metric = {"name": "samples_per_second", "value": rate, "unit": "samples/s", "kind": RATE}
    elif scenario is Scenario.SERVER:
        rate = log.number("result_completed_samples_per_sec")
        metric = {
            "name": "completed_samples_per_second",
            "value": rate,
            "unit": "samples/s",
            "kind": RATE,
        }
    else:
        short, percentile = ("ss", "90") if scenario is Scenario.SINGLE_STREAM else ("ms", "99")
        estimate = log.number(f"early_stopping_latency_{short}")
        latency = estimate or percentiles[percentile]
        metric = {
            "name": f"latency_p{percentile}",
            "value": latency / 1e6 if latency else None,
            "unit": "ms",
            "kind": ESTIMATE if estimate else PERCENTILE,
        }
        samples = 8 if scenario is Scenario.MULTI_STREAM else 1
        rate = samples * 1e9 / mean if mean else None
    queries = log.number("result_query_count")
    few = [
        name
        for name in percentiles
        # Offline is one query of many samples, and its percentiles are theirs.
        if scenario is not Scenario.OFFLINE
        and queries is not None
        and queries < least_queries(float(name) / 100)
    ]
    return {
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
    }
