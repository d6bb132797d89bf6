"""What a report reads of ``run.json`` and ``result.json``, checked key by key."""

import json
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from loadscope.errors import InputError
from loadscope.names import Mode, Scenario
from loadscope.submission.rounds import CURRENT
from loadscope.sut.info import DEFAULT_NUMERICS

_Nanoseconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class _Part(BaseModel):
    """A JSON object whose further keys belong to other readers."""

    model_config = ConfigDict(frozen=True, extra="ignore", protected_namespaces=())


class Noise(_Part):
    """What else the machine did during a test."""

    model_config = ConfigDict(frozen=True, extra="allow")

    warnings: tuple[str, ...] = ()


class OneOfRepeats(_Part):
    """One of the performance tests of a run: its number from 1, figure, and its logs' digests."""

    model_config = ConfigDict(frozen=True, extra="allow")

    run: int
    value: FiniteFloat | None
    valid: bool
    sha256: dict[str, str] = {}


class TestState(_Part):
    """How one LoadGen test of the run stands; ``error`` tells why it failed.

    ``verification`` is what a compliance test was found to be beside the other tests, ``sha256``
    the digests that its logs had when it ended. Further keys (times, calibration, memory) are
    kept as they are.
    """

    model_config = ConfigDict(frozen=True, extra="allow")

    status: Literal["planned", "running", "finished", "failed", "interrupted"]
    error: str | None = None
    verification: dict[str, Any] | None = None
    sha256: dict[str, str] = {}
    repeats: tuple[OneOfRepeats, ...] = ()
    median_run: int | None = None
    noise: Noise = Noise()


class MlperfModel(_Part):
    """LoadGen's key of the model."""

    loadgen: str = ""


class ModelInfo(_Part):
    """Which model ran, and how; ``accuracy_meaningful`` is false for seeded weights."""

    id: str
    title: str
    sha256: str | None = None
    files: dict[str, str] = {}
    verified: bool | None = None
    source: str | None = None
    licence: str | None = None
    numerics: str = DEFAULT_NUMERICS
    accuracy_meaningful: bool = True
    options: dict[str, Any] = {}
    mlperf: MlperfModel = MlperfModel()


class Asked(_Part):
    """The part of the settings that names a run which has no result yet."""

    framework: str
    scenario: Scenario
    mode: tuple[Mode, ...]


class RunFile(_Part):
    """``run.json``, format 1: what was asked, on what, and how far it came."""

    format: Literal[1]
    round: str = CURRENT
    spec: dict[str, Any]
    asked: Asked = Field(validation_alias="spec")
    effective: dict[str, Any]
    rehearsal: tuple[str, ...]
    model: ModelInfo
    data: dict[str, Any]
    host: dict[str, Any]
    versions: dict[str, str]
    command: str
    state: dict[Mode, TestState]
    created: str


class Metric(_Part):
    """The figure that the scenario is judged by, as LoadGen reports it.

    ``kind`` tells an early-stopping estimate from a percentile and a rate.
    """

    name: str
    value: FiniteFloat | None
    unit: str
    kind: str | None = None


class Accuracy(_Part):
    """A score in percent, the target it is held against, and over how many samples."""

    metric: str
    value: FiniteFloat | None
    target: FiniteFloat | None = None
    passed: bool | None = None
    samples: int | None = None
    meaningful: bool | None = None


class LatencySummary(_Part):
    """LoadGen's own latency figures, nanoseconds per query."""

    mean: _Nanoseconds | None = None
    p50: _Nanoseconds | None = None
    p90: _Nanoseconds | None = None
    p99: _Nanoseconds | None = None


class Repeat(_Part):
    """Of how many performance tests the run shows the median, and their range over it."""

    count: int
    median_run: int
    valid: int
    spread_percent: FiniteFloat | None


class ResultFile(_Part):
    """``result.json``: the results in the object that ``loadscope run --json`` prints."""

    model: str | None = None
    framework: str | None = None
    numerics: str | None = None
    valid: bool | None = None
    invalid_reasons: tuple[str, ...] = ()
    metric: Metric | None = None
    samples_per_second: FiniteFloat | None = None
    queries: int | None = None
    latency_ns: LatencySummary | None = None
    percentiles_ns: dict[str, _Nanoseconds | None] | None = None
    few_queries: tuple[str, ...] = ()
    accuracy: Accuracy | None = None
    compliance: dict[str, dict[str, Any]] = {}
    rehearsal: tuple[str, ...] | None = None
    repeat: Repeat | None = None
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


_File = TypeVar("_File", bound=_Part)


def read_checked(path: Path, kind: type[_File]) -> _File:
    """Read ``path`` as JSON and hold it to ``kind``.

    Raises:
        InputError: The file cannot be read, is no JSON, or has a missing or wrong key.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(
            f"cannot read {path}: {error.strerror}", "check the folder and its permissions"
        ) from error
    except ValueError as error:
        raise InputError(f"{path} is not JSON: {error}", "repeat the run") from error
    return checked(value, kind, path)


def checked(value: object, kind: type[_File], path: Path) -> _File:
    """Hold what was read of ``path`` to ``kind``.

    Raises:
        InputError: A key is missing or wrong.
    """
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"]) or "the whole file"
        raise InputError(
            f"{path}: {key}: {first['msg']}",
            "repeat the run, or use the version of loadscope that wrote it",
        ) from error
