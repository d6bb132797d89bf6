"""One run directory as a report sees it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from loadscope.errors import InputError
from loadscope.names import Mode, Scenario, system_name
from loadscope.rundir.directory import RunDirectory
from loadscope.rundir.figures import ESTIMATE
from loadscope.rundir.host_record import HostRecord
from loadscope.rundir.layout_record import ExecutionRecord, LayoutRecord
from loadscope.rundir.record import (
    DataRecord,
    ModelRecord,
    ModeState,
    RunRecord,
)
from loadscope.rundir.result import AccuracyRecord, RecordedMetric, RepeatSummary, ResultRecord
from loadscope.rundir.rowfile import BATCHES, LATENCIES, RowFile
from loadscope.rundir.spec import RecordedSpec
from loadscope.suite.run.evidence import examine

ESTIMATED = {Scenario.SINGLE_STREAM: 0.9, Scenario.MULTI_STREAM: 0.99}
"""The percentile, a fraction, of which LoadGen's early stopping makes an estimate."""


@dataclass(frozen=True)
class RunView:
    """What a run asked for, what it ran on and what came out of it.

    Results are there only for tests that finished.

    Attributes:
        path: The run directory.
        run_id: Its name, to tell repeats of one measurement apart.
        modes: The tests asked for.
        states: Where the tests stand that have begun.
        mean_ns: LoadGen's mean latency per query, nanoseconds.
        percentiles_ns: LoadGen's own percentiles: fraction in (0, 1) to nanoseconds.
        rehearsal: Why the run is shorter than full length; empty when it is not.
        altered: By test, what of its logs and records is not as the run left it.
        few_queries: The fractions of ``percentiles_ns`` that have too few queries.
        result: ``result.json`` as it has to be, assembled from the logs.
        repeat: Of how many performance tests the results are the median; None for one.
        warnings: Why the performance figures cannot be trusted.
        notes: What else one must know of the results.
        latency_file: ``rowfile.LATENCIES``.
        batches_file: ``rowfile.BATCHES``.
        record: ``run.json``.
    """

    path: Path
    run_id: str
    model: ModelRecord
    framework: str
    scenario: Scenario
    modes: tuple[Mode, ...]
    states: Mapping[Mode, ModeState]
    valid: bool | None
    invalid_reasons: tuple[str, ...]
    metric: RecordedMetric | None
    samples_per_second: float | None
    mean_ns: float | None
    queries: int | None
    percentiles_ns: Mapping[float, float]
    few_queries: frozenset[float]
    accuracy: AccuracyRecord | None
    rehearsal: tuple[str, ...]
    altered: Mapping[Mode, tuple[str, ...]]
    repeat: RepeatSummary | None
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    spec: RecordedSpec
    effective: ExecutionRecord
    layout: LayoutRecord | None
    data: DataRecord
    host: HostRecord
    versions: Mapping[str, str]
    command: str
    created: str
    latency_file: Path | None
    batches_file: Path | None
    result: ResultRecord
    record: RunRecord

    @property
    def estimate_ns(self) -> float | None:
        """LoadGen's early-stopping estimate, nanoseconds; None where it made none."""
        metric = self.metric
        if metric is None or metric.value is None or metric.kind != ESTIMATE:
            return None
        return metric.value * 1e6

    @property
    def finished(self) -> tuple[Mode, ...]:
        """The tests that finished, in the order of ``Mode``."""
        return tuple(
            mode for mode in Mode if mode in self.states and self.states[mode].status == "finished"
        )

    @property
    def accuracy_meaningful(self) -> bool:
        """Whether a score says anything: not for seeded weights, nor for the null backend."""
        scored = self.accuracy is None or self.accuracy.meaningful is not False
        return self.model.accuracy_meaningful and scored

    @property
    def system(self) -> str:
        """What ran the model: see ``names.system_name``."""
        return system_name(
            self.framework, self.model.device, self.model.numerics, self.record.remote is not None
        )


def load_run(path: Path) -> RunView:
    """Read the run directory ``path``.

    A run that failed or never finished is a view without results, not an error.

    Raises:
        InputError: ``path`` is no run directory, or one of its files is corrupt.
    """
    directory = RunDirectory(path)
    run = directory.read()
    evidence = examine(directory, run)
    result = evidence.result
    done = run.finished()
    median = run.of(Mode.PERFORMANCE).median_run or 1
    logs = directory.logs(Mode.PERFORMANCE, median) if Mode.PERFORMANCE in done else None
    return RunView(
        path=path,
        run_id=path.resolve().name,
        model=run.model,
        framework=run.spec.framework,
        scenario=run.scenario,
        modes=run.spec.mode,
        states=run.state,
        valid=result.valid,
        invalid_reasons=result.invalid_reasons,
        metric=result.metric,
        samples_per_second=result.samples_per_second,
        mean_ns=result.latency_ns.mean if result.latency_ns else None,
        queries=result.queries,
        percentiles_ns={
            _fraction(name): value
            for name, value in (result.percentiles_ns or {}).items()
            if value is not None
        },
        few_queries=frozenset(map(_fraction, result.few_queries)),
        accuracy=result.accuracy,
        rehearsal=evidence.rehearsal,
        altered=evidence.altered,
        repeat=result.repeat,
        warnings=result.warnings,
        notes=result.notes,
        spec=run.spec,
        effective=run.effective,
        layout=run.layout,
        data=run.data,
        host=run.host,
        versions=run.versions,
        command=run.command,
        created=run.created,
        latency_file=_rows(logs, LATENCIES) if logs else None,
        batches_file=_rows(logs, BATCHES) if logs else None,
        result=result,
        record=run,
    )


def _fraction(percent: str) -> float:
    return round(float(percent) / 100, 9)


def _rows(logs: Path, kind: RowFile) -> Path | None:
    path, row = logs / kind.name, kind.row_bytes
    if not path.exists():
        return None
    size = path.stat().st_size
    if size == 0 or size % row:
        raise InputError(
            f"{path} is corrupt: expected a multiple of {row} bytes, got {size} bytes",
            "repeat the run",
        )
    return path
