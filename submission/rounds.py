"""What a round of MLPerf Inference prescribes, read from ``rounds/<round>.yaml``."""

import functools
from importlib.resources import files

import yaml
from pydantic import BaseModel, ConfigDict, PositiveFloat, PositiveInt

CURRENT = "v6.1"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ScenarioRules(_Frozen):
    """LoadGen's settings of a scenario, after mlperf.conf."""

    percentile: PositiveFloat | None = None
    samples_per_query: PositiveInt | None = None
    min_query_count: PositiveInt
    early_stopping_queries: PositiveInt | None = None
    target_latency_ms: PositiveFloat | None = None


class BenchmarkRules(_Frozen):
    """A benchmark's sizes, limits and accuracy targets (percent, by submission folder).

    ``offline_min_query_count_in_user_conf`` is for a benchmark whose number the round's checker
    demands but its mlperf.conf lacks. ``compliance`` holds LoadGen's settings in each compliance
    test.
    """

    dataset_size: PositiveInt
    performance_sample_count: PositiveInt
    offline_min_query_count: PositiveInt
    offline_min_query_count_in_user_conf: bool = False
    server_target_latency_ms: PositiveFloat
    accuracy_metric: str
    accuracy_targets: dict[str, float]
    compliance: dict[str, dict[str, int]]


class Round(_Frozen):
    """A round's rules.

    Attributes:
        round: Its name.
        loadgen: The LoadGen version whose compiled-in mlperf.conf has the round's seeds.
        seeds: The three seeds by their LoadGen key.
        min_duration_ms: Shortest duration of a performance run, milliseconds.
        scenarios: Rules by scenario name.
        benchmarks: Rules by LoadGen's key of the model.
    """

    round: str
    loadgen: str
    seeds: dict[str, int]
    min_duration_ms: PositiveInt
    scenarios: dict[str, ScenarioRules]
    benchmarks: dict[str, BenchmarkRules]

    def min_query_count(self, model: str, scenario: str) -> int:
        """LoadGen's minimum number of queries, of samples for Offline."""
        benchmark = self.benchmarks.get(model)
        if scenario == "Offline" and benchmark is not None:
            return benchmark.offline_min_query_count
        return self.scenarios[scenario].min_query_count

    def server_target_latency_ms(self, model: str) -> float | None:
        """The latency that 99 % of Server queries must keep, milliseconds."""
        benchmark = self.benchmarks.get(model)
        if benchmark is not None:
            return benchmark.server_target_latency_ms
        return self.scenarios["Server"].target_latency_ms


@functools.cache
def load_round(name: str = CURRENT) -> Round:
    """Read a round's rules."""
    text = (files("loadscope.submission") / "rounds" / f"{name}.yaml").read_text("utf-8")
    return Round.model_validate(yaml.safe_load(text))
