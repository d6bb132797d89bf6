"""What to run: one schema for the command line, scenario scripts and the API."""

import os
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    model_validator,
)

from loadscope.errors import InputError
from loadscope.scenarios.names import Mode, Scenario
from loadscope.suite.units import milliseconds

MinDuration = Annotated[float, BeforeValidator(milliseconds)]
TargetLatency = Annotated[
    float, BeforeValidator(lambda value: milliseconds(value, plausible=(0.1, 10_000)))
]
Wait = Annotated[float, BeforeValidator(milliseconds)]

# Settings of earlier versions, and what to do about them in a script; a recorded run may have them.
_REMOVED = {"idle": "delete it; cores are left to halt"}


class RunSpec(BaseModel):
    """One model on one framework in one scenario; times are milliseconds.

    Attributes:
        model: A model id of the catalogue.
        framework: A backend's name.
        scenario: A LoadGen scenario.
        mode: The LoadGen tests to run, in this order, each in a process of its own; compliance
            tests come last, as they are held against the others.
        dataset_path: A folder in the data set's layout, or the id of a data set that
            ``loadscope fetch`` gets.
        count: Use only the first so many samples.
        min_duration: Shortest duration of the performance test; the round's if None.
        min_query_count: Smallest number of queries; if None the round's, or 1 where
            ``min_duration`` is shorter than the round's.
        target_qps: Offline's expected rate, Server's rate; calibrated if None.
        target_latency: Server's bound, the round's if None; SingleStream's and
            MultiStream's expected latency, calibrated if None.
        batch_size: Most samples in a batch.
        workers: Batches in flight at once (Offline, Server).
        threads: The framework's threads for each batch.
        instances: Processes that hold the model, each on cores of its own, or ``auto``; the
            measured process alone if None.
        max_wait: Longest time that Server holds a sample back to fill a batch.
        late: What becomes of Server's samples that cannot be answered within the bound any more:
            ``last``, they wait until nothing else does, or ``in-turn``; ``last`` if None.
        options: Settings of the backend, on top of the manifest's.
        repeat: How many times to run the performance test; the median stands for the run.
        user_conf: A LoadGen user.conf to start from.
        models: Further manifest files.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    framework: str
    scenario: Scenario
    mode: tuple[Mode, ...] = (Mode.PERFORMANCE,)
    dataset_path: str | None = None
    count: PositiveInt | None = None
    min_duration: MinDuration | None = None
    min_query_count: PositiveInt | None = None
    target_qps: PositiveFloat | None = None
    target_latency: TargetLatency | None = None
    batch_size: PositiveInt | None = None
    workers: PositiveInt | None = None
    threads: PositiveInt | None = None
    instances: PositiveInt | Literal["auto"] | None = None
    max_wait: Wait | None = None
    late: Literal["last", "in-turn"] | None = None
    options: dict[str, JsonValue] = {}
    repeat: PositiveInt = 1
    user_conf: Path | None = None
    models: tuple[Path, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _one_mode_is_a_list(cls, data: Any) -> Any:
        if isinstance(data, dict) and isinstance(data.get("mode"), str):
            return {**data, "mode": (data["mode"],)}
        return data

    @model_validator(mode="after")
    def _targets_fit_the_scenario(self) -> Self:
        if not self.mode or len(set(self.mode)) != len(self.mode):
            raise ValueError("mode: give each of performance, accuracy, compliance at most once")
        if Mode.TRACE in self.mode and len(self.mode) > 1:
            raise ValueError("mode: a trace is made alone, with loadscope trace")
        if self.target_qps is not None and self.scenario.inline:
            raise ValueError(f"target_qps: {self.scenario} has no rate; use target_latency")
        if self.late is not None and self.scenario is not Scenario.SERVER:
            raise ValueError(f"late: only Server has a bound, {self.scenario} none; leave it out")
        if self.target_latency is not None and self.scenario is Scenario.OFFLINE:
            raise ValueError("target_latency: Offline has no latency; use target_qps")
        return self


class RecordedSpec(RunSpec):
    """A spec as ``run.json`` holds it: numbers are milliseconds, whatever their size."""

    target_latency: Annotated[float, Field(gt=0)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _drop_what_was_removed(cls, data: Any) -> Any:
        if isinstance(data, dict):
            return {key: value for key, value in data.items() if key not in _REMOVED}
        return data


def make_spec(values: dict[str, Any], where: str, kind: type[RunSpec] = RunSpec) -> RunSpec:
    """Validate settings once, with errors that name the place and the key.

    Args:
        values: Settings by field name.
        where: The file, or ``command line``.
        kind: ``RunSpec``, or ``RecordedSpec`` for what was validated before.

    Raises:
        InputError: An unknown key, a missing one or a bad value.
    """
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "settings"
        raise InputError(f"{where}: {_say(key, first)}", _mend(key, first)) from error


def _say(key: str, error: Any) -> str:
    if error["type"] == "extra_forbidden":
        return f"the setting '{key}' was removed" if key in _REMOVED else f"unknown key '{key}'"
    if error["type"] == "missing":
        return f"'{key}' is missing"
    message: str = error["msg"].removeprefix("Value error, ")
    if message.startswith(tuple(f"{name}:" for name in RunSpec.model_fields)):
        return message
    return f"{key} = {error['input']!r}: {message}"


def _mend(key: str, error: Any) -> str:
    if error["type"] == "extra_forbidden" and key in _REMOVED:
        return _REMOVED[key]
    if error["type"] == "extra_forbidden":
        return f"use: {', '.join(RunSpec.model_fields)}"
    if error["type"] == "enum":
        return f"use one of: {error['ctx']['expected']}"
    if error["type"] == "missing":
        return f"add {key}, on the command line as --{key.replace('_', '-')}"
    return "see loadscope run --help"


def usable_cores() -> int:
    """Physical cores that this process may run on."""
    import psutil

    allowed = len(os.sched_getaffinity(0))
    return max(1, min(allowed, psutil.cpu_count(logical=False) or allowed))
