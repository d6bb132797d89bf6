"""What LoadGen's log of a performance test says of a test below full length."""

import math
from collections.abc import Callable, Iterator

from loadscope.names import Scenario
from loadscope.submission.rounds import BenchmarkRules, Round
from loadscope.units import human


def shortfalls(
    number: Callable[[str], float | None],
    scenario: Scenario,
    benchmark: BenchmarkRules | None,
    rules: Round,
) -> Iterator[str]:
    """Name each setting in force that is below the round's, as ``run.json`` words it.

    Args:
        number: The number that the log has for a key, or None.
        scenario: The scenario that was run.
        benchmark: The round's rules of the benchmark, None where it has none.
        rules: The round.
    """
    duration = number("effective_min_duration_ms")
    if duration is not None and duration < rules.min_duration_ms:
        yield f"min_duration {human(duration)} instead of {human(rules.min_duration_ms)}"
    # Offline's one query has the samples of all.
    offline = scenario is Scenario.OFFLINE
    queries = number("effective_min_sample_count" if offline else "effective_min_query_count")
    least = rules.scenarios[scenario].min_query_count
    if offline and benchmark is not None:
        least = benchmark.offline_min_query_count
    if queries is not None and queries < least:
        yield f"min_query_count {queries:g} instead of {least}"
    count = number("effective_performance_sample_count")
    wanted = benchmark.performance_sample_count if benchmark else 0
    if count is not None and count < wanted:
        yield f"performance_sample_count {count:g} instead of {wanted}"


def changes(
    number: Callable[[str], float | None],
    scenario: Scenario,
    benchmark: BenchmarkRules | None,
    rules: Round,
) -> Iterator[str]:
    """Name what else in force makes a test easier than the round's, as ``run.json`` words it.

    Args:
        number: See ``shortfalls``, as the others.
        scenario: The scenario that was run.
        benchmark: The round's rules of the benchmark.
        rules: The round.
    """
    samples = number("qsl_reported_total_count")
    if benchmark is not None and samples is not None and samples < benchmark.dataset_size:
        yield f"{samples:,.0f} samples instead of {benchmark.dataset_size:,}"
    for key, logged in (
        ("max_duration", "effective_max_duration_ms"),
        ("max_query_count", "effective_max_query_count"),
    ):
        if number(logged):
            yield f"{key} is set"
    official = rules.scenarios[scenario]
    share = number("effective_target_latency_percentile")
    if official.percentile and share and not math.isclose(100 * share, official.percentile):
        yield f"percentile {100 * share:g} instead of {official.percentile:g}"
    together = number("effective_samples_per_query")
    if official.samples_per_query and together and together != official.samples_per_query:
        yield f"samples_per_query {together:g} instead of {official.samples_per_query}"
    bound = number("effective_target_latency_ns")
    limit = benchmark.server_target_latency_ms if benchmark else official.target_latency_ms
    if scenario is Scenario.SERVER and benchmark is not None:
        for key, most in benchmark.token_bounds_ms.items():
            asked = number(f"requested_server_{key}")
            if asked and asked > most * 1e6:
                yield f"{key} {human(asked / 1e6)} instead of {human(most)}"
    if scenario is Scenario.SERVER and bound and limit and bound > limit * 1e6:
        yield f"target latency {human(bound / 1e6)} instead of {human(limit)}"
