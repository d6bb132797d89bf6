"""``run.json``: what was asked, on what it ran, and how far each test came.

One model writes and reads it. What only the machine of the run can use (paths of the model file,
of the prepared samples and of the data) lies beside it in ``plan.json``.
"""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

from pydantic import Field, JsonValue

from loadscope.names import DEFAULT_DEVICE, Mode, Scenario
from loadscope.rundir.device_record import EnergyRecord, GpuNoise
from loadscope.rundir.host_record import HostRecord
from loadscope.rundir.layout_record import ExecutionRecord, LayoutRecord
from loadscope.rundir.part import Part
from loadscope.rundir.quantized import Quantized
from loadscope.rundir.remote_record import RemoteRecord
from loadscope.rundir.spec import RecordedSpec
from loadscope.rundir.spec_numbers import MOST_TIMES, Times

Status = Literal["planned", "running", "finished", "failed", "interrupted"]


class Calibration(Part):
    """The estimate that LoadGen was given.

    Attributes:
        key: The user.conf key.
        value: Its value: ms of SingleStream and MultiStream, otherwise queries/s.
        measured: What it was made from, in the same unit.
        reason: How.
        corrections: How often a test was run again with what it had shown.
    """

    key: str
    value: float
    measured: float
    reason: str
    corrections: int = 0


class Noise(Part):
    """What else the machine did during a test; shares are percent, None is not to be had here.

    Attributes:
        load_average: Of one minute: before, during and after the test.
        frequency_mhz: Mean of all CPUs, likewise.
        warnings: Why the figure cannot be trusted; empty if it can.
    """

    seconds: float
    load_average: tuple[float, ...] = ()
    frequency_mhz: tuple[float, ...] = ()
    others_percent: float = 0.0
    steal_percent: float = 0.0
    heat_throttles: int | None = None
    quota_throttled_percent: float | None = None
    memory_stall_percent: float | None = None
    swapped_pages: int | None = None
    gpu: GpuNoise | None = None
    warnings: tuple[str, ...] = ()


class ReplicaPlace(Part):
    """A process that held the model, and the CPUs that it was pinned to."""

    pid: int
    cpus: tuple[int, ...]


class ComparedPerformance(Part):
    """A compliance test's figure beside the performance test's; ``bounds`` are the allowed."""

    passed: bool
    reference: float
    score: float
    bounds: tuple[float | None, float | None]
    reason: str


class ComparedAnswers(Part):
    """A compliance test's answers beside the accuracy test's.

    Attributes:
        deterministic: Whether the sampled answers are the same to the bit.
        baseline: The accuracy test's score over the sampled answers, percent, where they differ.
        score: The compliance test's, likewise.
        change_percent: How far the two differ.
        allowed_change_percent: How far they may, for the least strict of the benchmarks.
        passed_for: The submission folders whose limit is kept.
        failed_for: Those whose limit is not.
        reference_sha256: The digest of the accuracy test's log as it was compared.
        log_sha256: The compliance test's, likewise.
    """

    passed: bool
    compared: int
    different: int
    missing: int
    first_different: str | None
    deterministic: bool
    reason: str
    baseline: float | None = None
    score: float | None = None
    change_percent: float | None = None
    allowed_change_percent: float | None = None
    passed_for: tuple[str, ...] = ()
    failed_for: tuple[str, ...] = ()
    reference_sha256: str | None = None
    log_sha256: str | None = None


class CheckedTokens(Part):
    """Generated answers of a compliance test, looked at one by one.

    Attributes:
        answers: How many were sampled.
        log_sha256: The digest of the log that was looked at.
        reason: Why the test failed; empty if it did not.
    """

    passed: bool
    answers: int
    log_sha256: str
    reason: str = ""


class Verification(Part):
    """What a compliance test was found to be, most of them beside the run's other tests."""

    passed: bool
    performance: ComparedPerformance | None = None
    accuracy: ComparedAnswers | None = None
    tokens: CheckedTokens | None = None


class ModeOutcome(Part):
    """What one LoadGen test came to.

    Attributes:
        test_seconds: LoadGen's part.
        load_seconds: Until the model could answer.
        peak_memory_bytes: Of all processes that held the model, resident.
        instances: The processes that held the model, where they were several.
        halved_batch: The batch size that fitted into the device's memory, where the one asked
            for did not.
        traced: Whether layers were recorded, so that the speed says nothing.
        value: The metric of a performance test, in its unit.
        valid: Whether LoadGen calls the performance test valid.
        energy: What was counted, where there is a counter.
        in_force: What the backend said after loading: threads, device, options.
        sha256: The digests that the logs had when the test ended, by name.
    """

    __test__: ClassVar[bool] = False  # A LoadGen test, not one of pytest's.

    test_seconds: float | None = None
    load_seconds: float | None = None
    calibration: Calibration | None = None
    peak_memory_bytes: Annotated[int, Field(ge=0, lt=2**63)] | None = None
    instances: tuple[ReplicaPlace, ...] | None = None
    halved_batch: Times | None = None
    traced: bool = False
    value: float | None = None
    valid: bool | None = None
    noise: Noise | None = None
    energy: EnergyRecord | None = None
    in_force: dict[str, JsonValue] = Field(default_factory=dict)
    sha256: dict[str, str] = Field(default_factory=dict)


class RepeatOutcome(ModeOutcome):
    """One of several performance tests; ``run`` counts from 1."""

    run: int


class ModeState(ModeOutcome):
    """How one LoadGen test of the run stands; ``error`` tells why it failed.

    A test that says ``running`` while no process holds the run's lock was killed.
    """

    status: Status
    started: str | None = None
    ended: str | None = None
    error: str | None = None
    verification: Verification | None = None
    repeats: tuple[RepeatOutcome, ...] = ()
    median_run: Annotated[int, Field(ge=1, le=MOST_TIMES)] | None = None


class Lineage(Part):
    """What became of the weights on the way to the file that was loaded.

    Attributes:
        file: The file of the starting weights, where the manifest names it.
        retrained: Whether they were trained further.
        steps: What conversions did to them.
        loaded: What the framework did to them while loading.
        quantized: How they were calibrated, where LoadScope had them quantised.
    """

    file: str = ""
    retrained: bool = False
    steps: tuple[str, ...] = ()
    loaded: tuple[str, ...] = ()
    quantized: Quantized | None = None


class BenchmarkNames(Part):
    """The names of the model's benchmark in the four vocabularies of MLPerf."""

    submission: tuple[str, ...]
    loadgen: str
    compliance: str
    rules: str
    division: str


class ModelRecord(Part):
    """Which model ran, and how.

    Attributes:
        task: The task's name.
        sha256: The digest of every file that was loaded; see ``identity.model_sha256``.
        files: The digest of each; None in records of format 1, whose ``sha256`` may be that of
            the first file alone.
        verified: Whether the manifest has a checksum of each; None where that was not recorded.
        source: Where the file came from.
        weights: Where the weights that it was made from came from.
        numerics: What it computes with.
        device: What it computes on.
        format: The file's format.
        input_types: The numpy type names of its inputs, each once.
        options: The backend's settings.
        accuracy_meaningful: False for seeded weights.
    """

    id: str
    title: str
    task: str = ""
    sha256: str | None = None
    files: dict[str, str] | None = None
    verified: bool | None = None
    source: str | None = None
    weights: str | None = None
    lineage: Lineage | None = None
    licence: str | None = None
    numerics: str
    device: str = DEFAULT_DEVICE
    format: str = ""
    input_types: tuple[str, ...] = ()
    options: dict[str, JsonValue] = Field(default_factory=dict)
    accuracy_meaningful: bool = True
    mlperf: BenchmarkNames | None = None


class DataRecord(Part):
    """Which samples: a digest of names, labels and contents; ``full_size`` without a limit.

    ``loaded`` is how many LoadGen has loaded at once where all would have taken too much memory,
    None where nothing but the rules or the user bounds it.
    ``unscored`` says why there are no true answers to score by, and is empty where there are.
    ``form`` is how the data set lies in its folder, as settings of an adapter; None for its task's
    own form.
    """

    digest: str | None = None
    samples: int
    loaded: int | None = None
    full_size: int
    unscored: str = ""
    form: dict[str, JsonValue] | None = None


class RateProbe(Part):
    """One short Server test of a search for the highest valid rate; times are ms."""

    rate: float
    valid: bool
    reasons: tuple[str, ...]
    noise: tuple[str, ...]
    p99_ms: float | None
    bound_ms: float
    sample_ms: float | None
    folder: str


class RateSearchRecord(Part):
    """How a Server rate was found; ``estimate`` is what queueing theory expected."""

    estimate: float | None
    probes: tuple[RateProbe, ...]


class RunRecord(Part):
    """``run.json``.

    Attributes:
        uid: The run's identity, wherever the folder is copied.
        created: When it began, ISO 8601, UTC.
        command: As it was typed.
        round: The MLPerf round whose rules it was held to.
        spec: What was asked.
        effective: How the work was spread.
        layout: How that was come by; None before the first test, and in runs of earlier versions.
        rehearsal: Why it is shorter than full length; empty when it is not.
        versions: Of everything that takes part.
        manifest: The model's own manifest, for one that is not built in.
        assumed: How a model's file was understood where no manifest told, a line each.
        state: Each test.
        rate_search: How Server's rate was found, where it was.
        traced: Whether it is a trace, which is never a result.
        remote: That the SUT was reached by the network; None where it was LoadGen's own process.
    """

    format: Literal[2] = 2
    uid: UUID
    created: str
    command: str
    round: str
    spec: RecordedSpec
    effective: ExecutionRecord
    layout: LayoutRecord | None = None
    rehearsal: tuple[str, ...]
    model: ModelRecord
    data: DataRecord
    host: HostRecord
    versions: dict[str, str]
    manifest: dict[str, JsonValue] | None
    assumed: tuple[str, ...] = ()
    state: dict[Mode, ModeState] = Field(default_factory=dict)
    rate_search: RateSearchRecord | None = None
    traced: bool = False
    remote: RemoteRecord | None = None

    @property
    def scenario(self) -> Scenario:
        """The LoadGen scenario."""
        return self.spec.scenario

    def of(self, mode: Mode) -> ModeState:
        """How a test stands; ``planned`` where nothing is recorded of it."""
        return self.state.get(mode) or ModeState(status="planned")

    def finished(self) -> tuple[Mode, ...]:
        """The tests that finished, in their order."""
        return tuple(mode for mode, state in self.state.items() if state.status == "finished")

    def having(self, mode: Mode, state: Mapping[str, Any]) -> "RunRecord":
        """The record with these keys of a test's state replaced."""
        known = self.of(mode).model_dump(mode="json")
        changed = ModeState.model_validate({**known, **state})
        return self.model_copy(update={"state": {**self.state, mode: changed}})
