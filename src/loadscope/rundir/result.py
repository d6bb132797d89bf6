"""``result.json``: what the finished tests of a run came to."""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, FiniteFloat, JsonValue

from loadscope.names import DEFAULT_DEVICE, Mode, Scenario
from loadscope.rundir.part import Part
from loadscope.rundir.record import ModeState, RateSearchRecord, Verification

Nanoseconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class RecordedMetric(Part):
    """The figure that the scenario is judged by, as LoadGen reports it.

    ``kind`` tells an early-stopping estimate from a percentile and a rate.
    """

    name: str
    value: FiniteFloat | None
    unit: str
    kind: str | None = None


class LatencySummary(Part):
    """LoadGen's own latency figures, nanoseconds per query."""

    mean: Nanoseconds | None = None
    p50: Nanoseconds | None = None
    p90: Nanoseconds | None = None
    p99: Nanoseconds | None = None


class TokenFigures(Part):
    """LoadGen's figures of a test whose answers came token by token.

    Attributes:
        per_second: Tokens a second, all that were answered over the time that it took.
        ttft_ns: Time to the first token of a query, by percentile (``99.9``), nanoseconds; none
            in Offline, where nobody waits for it.
        tpot_ns: Mean time of each further token of a query, likewise.
        ttft_bound_ns: What 99 % of Server's queries have to keep.
        tpot_bound_ns: Likewise.
    """

    per_second: FiniteFloat | None = None
    ttft_ns: dict[str, FiniteFloat] = Field(default_factory=dict)
    tpot_ns: dict[str, FiniteFloat] = Field(default_factory=dict)
    ttft_bound_ns: FiniteFloat | None = None
    tpot_bound_ns: FiniteFloat | None = None


class Figures(Part):
    """What LoadGen's log of a performance test says.

    Attributes:
        metric: The scenario's figure.
        samples_per_second: At the measured speed.
        latency_ns: Per query, and for Offline per sample since the start.
        queries: How many there were.
        percentiles_ns: By their names (``99.9``).
        few_queries: The names of the percentiles that have too few queries to mean anything.
        tokens: What it says of tokens; None where it was not told of any.
    """

    metric: RecordedMetric
    samples_per_second: FiniteFloat | None
    queries: int | None = None
    latency_ns: LatencySummary
    percentiles_ns: dict[str, Nanoseconds | None]
    few_queries: tuple[str, ...] = ()
    tokens: TokenFigures | None = None


class AccuracyRecord(Part):
    """A score, and the target it is held against.

    Attributes:
        unit: Of value and target; runs of version 0.1 do not say it, theirs are percent.
        better: Which values are the better ones.
        value: None where it would mean nothing: seeded weights, no labels.
        target: The round's, for the closed division; None where there is none.
        passed: Whether the target is reached.
        samples: How many were scored.
        meaningful: False for seeded weights.
        details: The task's own further figures.
        remark: What is to be said beside the value wherever it is shown.
        line: What ``accuracy.txt`` says.
        log_sha256: The digest of the log that was scored.
    """

    metric: str
    unit: str = "%"
    better: Literal["higher", "lower"] = "higher"
    value: FiniteFloat | None
    target: FiniteFloat | None = None
    passed: bool | None = None
    samples: int | None = None
    meaningful: bool = True
    details: dict[str, JsonValue] = Field(default_factory=dict)
    remark: str = ""
    line: str | None = None
    log_sha256: str | None = None


class RepeatSummary(Part):
    """Of how many performance tests the run shows the median, and how far they differ.

    Attributes:
        count: How many there were.
        median_run: Which of them stands for the run, from 1.
        values: The metric of each.
        valid: How many LoadGen calls valid.
        median: The median's metric.
        spread_percent: The range over the median.
    """

    count: int
    median_run: int
    values: tuple[FiniteFloat | None, ...] = ()
    valid: int
    median: FiniteFloat | None = None
    spread_percent: FiniteFloat | None


class ResultRecord(Part):
    """``result.json``; null where a test is missing.

    Attributes:
        mode: The finished tests, joined by a comma.
        valid: Whether LoadGen calls the performance test valid.
        unverified: Always true: only MLCommons verifies a result.
        unscored: Why the data give no accuracy; empty where they do.
        warnings: Why the performance figures cannot be trusted.
        notes: What else one must know of the results.
    """

    uid: UUID
    model: str
    title: str
    framework: str
    numerics: str
    device: str = DEFAULT_DEVICE
    scenario: Scenario
    mode: str
    valid: bool | None = None
    invalid_reasons: tuple[str, ...] = ()
    metric: RecordedMetric | None = None
    samples_per_second: FiniteFloat | None = None
    queries: int | None = None
    latency_ns: LatencySummary | None = None
    percentiles_ns: dict[str, Nanoseconds | None] | None = None
    few_queries: tuple[str, ...] = ()
    tokens: TokenFigures | None = None
    accuracy: AccuracyRecord | None = None
    unscored: str = ""
    compliance: dict[Mode, Verification] = Field(default_factory=dict)
    rehearsal: tuple[str, ...] = ()
    unverified: bool = True
    repeat: RepeatSummary | None = None
    rate_search: RateSearchRecord | None = None
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    state: dict[Mode, ModeState] = Field(default_factory=dict)

    def to_json(self, run_dir: str) -> dict[str, Any]:
        """The object of ``loadscope run --json``: the record, and where it lies here."""
        return {"run_dir": run_dir, **self.model_dump(mode="json")}
