"""What LoadGen's log of a performance test says of a test below full length."""

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
    queries = number("effective_min_query_count")
    least = rules.scenarios[scenario].min_query_count
    # Offline's one query has the samples of all.
    if scenario is not Scenario.OFFLINE and queries is not None and queries < least:
        yield f"min_query_count {queries:g} instead of {least}"
    count = number("effective_performance_sample_count")
    wanted = benchmark.performance_sample_count if benchmark else 0
    if count is not None and count < wanted:
        yield f"performance_sample_count {count:g} instead of {wanted}"
