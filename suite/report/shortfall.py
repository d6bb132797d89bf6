"""What LoadGen's log of a performance test says of a test below full length."""

from collections.abc import Callable, Iterator

from loadscope.scenarios.names import Scenario
from loadscope.submission.rounds import Round
from loadscope.suite.units import human


def shortfalls(
    number: Callable[[str], float | None], scenario: Scenario, model: str, rules: Round
) -> Iterator[str]:
    """Name each setting in force that is below the round's, as ``run.json`` words it.

    Args:
        number: The number that the log has for a key, or None.
        scenario: The scenario that was run.
        model: LoadGen's key of the model, unknown to the round maybe.
        rules: The round.
    """
    duration = number("effective_min_duration_ms")
    if duration is not None and duration < rules.min_duration_ms:
        yield f"min_duration {human(duration)} instead of {human(rules.min_duration_ms)}"
    queries = number("effective_min_query_count")
    least = rules.min_query_count(model, scenario)
    # Offline's one query has the samples of all.
    if scenario is not Scenario.OFFLINE and queries is not None and queries < least:
        yield f"min_query_count {queries:g} instead of {least}"
    benchmark = rules.benchmarks.get(model)
    if benchmark is None:
        return
    samples = number("qsl_reported_total_count")
    if samples is not None and samples < benchmark.dataset_size:
        yield f"{samples:,.0f} samples instead of {benchmark.dataset_size:,}"
    count = number("effective_performance_sample_count")
    if count is not None and count < benchmark.performance_sample_count:
        yield (
            f"performance_sample_count {count:g} instead of {benchmark.performance_sample_count}"
        )
