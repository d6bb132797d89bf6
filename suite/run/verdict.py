"""Read back what LoadGen did, compare it with what was asked, and take the figures."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from loadscope.errors import WorkError
from loadscope.names import Mode, Scenario
from loadscope.rundir.detail_log import DetailLog
from loadscope.rundir.user_conf import UserConf
from loadscope.submission.compliance.audit import effective_key
from loadscope.submission.rounds import BenchmarkRules, Round

_TOLERANCE = 1e-5
"""LoadGen logs floating-point settings with six digits."""


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
        "effective_min_duration_ms": setting("min_duration", rules.min_duration_ms),
        "qsl_reported_total_count": asked.samples,
        "effective_accuracy_sample_count": asked.samples,
        "effective_performance_sample_count": setting(
            "performance_sample_count_override",
            benchmark.performance_sample_count if benchmark else asked.samples,
        ),
    }
    queries = setting("min_query_count", rules.min_query_count(asked.model, scenario))
    audited = _audit(asked, benchmark, scenario)
    if scenario is Scenario.OFFLINE:
        expected["effective_target_qps"] = float(setting("target_qps", 1.0))
        # A compliance test that bounds its duration itself has the queries that it says.
        expected["effective_samples_per_query"] = float(
            audited.get("effective_min_sample_count")
            or offline_samples(asked.model, asked.conf, rules)
        )
    else:
        expected["effective_min_query_count"] = queries
    if scenario.inline:
        expected["effective_target_qps"] = 1000 / setting("target_latency", 1.0)
    if scenario is Scenario.SINGLE_STREAM and benchmark is not None and benchmark.equal_issue:
        expected["effective_min_query_count"] = _equally_often(expected, queries)
    if scenario is Scenario.MULTI_STREAM:
        expected["effective_samples_per_query"] = setting(
            "samples_per_query", rules.scenarios[scenario].samples_per_query or 0
        )
    if scenario is Scenario.SERVER:
        expected["effective_target_qps"] = float(setting("target_qps", 1.0))
        limit = rules.server_target_latency_ms(asked.model) or 0.0
        expected["effective_target_latency_ns"] = setting("target_latency", limit) * 1e6
    expected |= audited
    if setting("use_token_latencies", 0):
        expected["requested_use_token_latencies"] = True
        if scenario is Scenario.SERVER:
            for key in ("ttft_latency", "tpot_latency"):
                if bound := setting(key, 0):
                    expected[f"requested_server_{key}"] = bound * 1e6
    return expected


def _equally_often(expected: Mapping[str, Any], queries: float) -> int:
    """SingleStream's fewest queries where LoadGen issues all samples equally often.

    Source: LoadGen's test_settings_internal.cc; twice the expected number, and on to the next
    multiple of the performance samples.
    """
    seconds = expected["effective_min_duration_ms"] / 1000
    most = int(max(queries, int(2.0 * seconds * expected["effective_target_qps"])))
    samples = int(expected["effective_performance_sample_count"])
    return most + samples - most % samples


def _audit(asked: Asked, benchmark: BenchmarkRules | None, scenario: Scenario) -> dict[str, Any]:
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
    return {effective_key(key, scenario): value for key, value in settings.items()}
