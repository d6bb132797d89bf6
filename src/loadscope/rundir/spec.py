"""What to run: one schema for the command line, scenario scripts and the API."""

import os
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
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

from loadscope.errors import InputError, near
from loadscope.names import Mode, Scenario
from loadscope.shipped import is_shipped
from loadscope.units import milliseconds

MinDuration = Annotated[float, BeforeValidator(milliseconds)]
TargetLatency = Annotated[
    float, BeforeValidator(lambda value: milliseconds(value, plausible=(0.1, 10_000)))
]
Wait = Annotated[float, BeforeValidator(milliseconds)]

# Settings of earlier versions, and what to do about them in a script; a recorded run may have them.
_REMOVED = {"idle": "delete it; cores are left to halt"}


def folder_named(text: str) -> Path | None:
    """The folder that a ``dataset_path`` is; None where it is the id of a data set."""
    path = Path(text).expanduser()
    return path if path.exists() or "/" in text else None


def _absolute_dataset(text: str) -> str:
    folder = folder_named(text)
    return text if folder is None else str(folder.absolute())


# What a run began with is found from every folder.
HerePath = Annotated[Path, AfterValidator(Path.absolute)]
ManifestPath = Annotated[
    Path, AfterValidator(lambda path: path if is_shipped(path) else path.absolute())
]
DatasetPath = Annotated[str, AfterValidator(_absolute_dataset)]

_Name = TypeVar("_Name", bound=StrEnum)


@dataclass(frozen=True)
class Only:
    """Marks a field of ``RunSpec`` that some scenarios alone have.

    Attributes:
        scenarios: Those that have it.
        otherwise: What to say where it is given to another, ``{scenario}``.
    """

    scenarios: tuple[Scenario, ...]
    otherwise: str


def _in_any_case(kind: type[_Name]) -> BeforeValidator:
    """Take a name however it is capitalised."""
    by_folded = {str(one).casefold(): one for one in kind}
    return BeforeValidator(
        lambda value: by_folded.get(value.casefold(), value) if isinstance(value, str) else value
    )


AnyScenario = Annotated[Scenario, _in_any_case(Scenario)]
AnyMode = Annotated[Mode, _in_any_case(Mode)]

_INLINE = tuple(scenario for scenario in Scenario if scenario.inline)


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
        server_target_latency: Server's bound; the round's if None.
        expected_latency: SingleStream's and MultiStream's expected latency, by which LoadGen
            draws up its queries; calibrated if None.
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
        models: Further manifest files; ``scenarios:ibm-z16-nnpa/models`` is a shipped one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    framework: str
    scenario: AnyScenario
    mode: tuple[AnyMode, ...] = (Mode.PERFORMANCE,)
    dataset_path: DatasetPath | None = None
    count: PositiveInt | None = None
    min_duration: MinDuration | None = None
    min_query_count: PositiveInt | None = None
    target_qps: Annotated[
        PositiveFloat | None,
        Only((Scenario.OFFLINE, Scenario.SERVER), "{scenario} has no rate; use expected_latency"),
    ] = None
    server_target_latency: Annotated[
        TargetLatency | None, Only((Scenario.SERVER,), "only Server has a bound, {scenario} none")
    ] = None
    expected_latency: Annotated[
        TargetLatency | None,
        Only(_INLINE, "{scenario} takes target_qps; SingleStream and MultiStream expect a latency"),
    ] = None
    batch_size: PositiveInt | None = None
    workers: PositiveInt | None = None
    threads: PositiveInt | None = None
    instances: PositiveInt | Literal["auto"] | None = None
    max_wait: Wait | None = None
    late: Annotated[
        Literal["last", "in-turn"] | None,
        Only((Scenario.SERVER,), "only Server has a bound, {scenario} none; leave it out"),
    ] = None
    options: dict[str, JsonValue] = {}
    repeat: PositiveInt = 1
    user_conf: HerePath | None = None
    models: tuple[ManifestPath, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _one_mode_is_a_list(cls, data: Any) -> Any:
        if isinstance(data, dict) and isinstance(data.get("mode"), str):
            return {**data, "mode": (data["mode"],)}
        return data

    @model_validator(mode="before")
    @classmethod
    def _target_latency_has_one_meaning(cls, data: Any) -> Any:
        """Take ``target_latency``, which was the key of both, for what it means here."""
        if not isinstance(data, dict) or _OLD_LATENCY not in data:
            return data
        rest = {key: value for key, value in data.items() if key != _OLD_LATENCY}
        scenario, value = scenario_of(data.get("scenario")), data[_OLD_LATENCY]
        if value is None or scenario is None:
            return rest
        if scenario is Scenario.OFFLINE:
            raise ValueError("target_latency: Offline has no latency; use target_qps")
        key = "expected_latency" if scenario.inline else "server_target_latency"
        if rest.get(key) is not None:
            raise ValueError(f"target_latency: the old name of {key}; leave it out")
        return {**rest, key: value}

    @model_validator(mode="after")
    def _targets_fit_the_scenario(self) -> Self:
        if not self.mode or len(set(self.mode)) != len(self.mode):
            raise ValueError("mode: give each of performance, accuracy, compliance at most once")
        if Mode.TRACE in self.mode and len(self.mode) > 1:
            raise ValueError("mode: a trace is made alone, with loadscope trace")
        for key, only in _ONLY.items():
            if getattr(self, key) is not None and self.scenario not in only.scenarios:
                raise ValueError(f"{key}: {only.otherwise.format(scenario=self.scenario)}")
        return self


_OLD_LATENCY = "target_latency"

_ONLY = {
    name: mark
    for name, field in RunSpec.model_fields.items()
    for mark in field.metadata
    if isinstance(mark, Only)
}

_TWO_MEANINGS = {
    _OLD_LATENCY: (
        (_INLINE, (Scenario.SERVER,)),
        "a bound to Server and an expected latency to SingleStream and MultiStream",
        "give each its own: server_target_latency, expected_latency",
    ),
    "target_qps": (
        ((Scenario.OFFLINE,), (Scenario.SERVER,)),
        "Server's rate and Offline's expected rate",
        "give each its own: in a script under runs, on the command line one after the other",
    ),
}


class RecordedSpec(RunSpec):
    """A spec as ``run.json`` holds it: numbers are milliseconds, whatever their size."""

    server_target_latency: Annotated[float, Field(gt=0)] | None = None
    expected_latency: Annotated[float, Field(gt=0)] | None = None

    @model_validator(mode="before")
    @classmethod
    def _drop_what_was_removed(cls, data: Any) -> Any:
        if isinstance(data, dict):
            return {key: value for key, value in data.items() if key not in _REMOVED}
        return data


def recorded(spec: RunSpec) -> RecordedSpec:
    """A spec as ``run.json`` holds it."""
    return RecordedSpec.model_validate(spec.model_dump())


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
        # A key that is misspelt is the cause where one is missing too.
        first = min(error.errors(), key=lambda one: one["type"] != "extra_forbidden")
        key = ".".join(str(part) for part in first["loc"]) or "settings"
        raise InputError(f"{where}: {_say(key, first)}", _mend(key, first)) from error


def scenario_of(name: Any) -> Scenario | None:
    """The scenario that a name means, in any case; None for none."""
    return next((one for one in Scenario if str(one).casefold() == str(name).casefold()), None)


def among(
    settings: Iterable[str], scenario: Scenario, scenarios: Collection[Scenario], where: str
) -> list[str]:
    """Which of the settings that several scenarios share are settings of one of them.

    A setting that only Server has, say, is Server's where Server is among them. One that no
    scenario of them has is left to ``make_spec``, which says so.

    Args:
        settings: Keys.
        scenario: The scenario.
        scenarios: All that share the settings.
        where: For errors, as in ``make_spec``.

    Raises:
        InputError: One means different things to them.
    """
    for key in settings:
        if key in _TWO_MEANINGS:
            kinds, meanings, fix = _TWO_MEANINGS[key]
            if all(any(one in kind for one in scenarios) for kind in kinds):
                raise InputError(f"{where}: {key} means two things here: {meanings}", fix)
    only = {key: mark.scenarios for key, mark in _ONLY.items()}
    only[_OLD_LATENCY] = (*_INLINE, Scenario.SERVER)
    return [
        key
        for key in settings
        if key not in only or scenario in only[key] or not set(only[key]).intersection(scenarios)
    ]


def _say(key: str, error: Any) -> str:
    if error["type"] == "extra_forbidden":
        return f"the setting '{key}' was removed" if key in _REMOVED else f"unknown key '{key}'"
    if error["type"] == "missing":
        return f"'{key}' is missing"
    message: str = error["msg"].removeprefix("Value error, ")
    if message.startswith(tuple(f"{name}:" for name in (*RunSpec.model_fields, _OLD_LATENCY))):
        return message
    return f"{key} = {error['input']!r}: {message}"


def _mend(key: str, error: Any) -> str:
    if error["type"] == "extra_forbidden" and key in _REMOVED:
        return _REMOVED[key]
    if error["type"] == "extra_forbidden":
        return f"{near(key, RunSpec.model_fields)}use: {', '.join(RunSpec.model_fields)}"
    if error["type"] in ("enum", "literal_error"):
        known = error["ctx"]["expected"]
        hint = near(str(error["input"]), re.findall("'([^']+)'", known))
        return f"{hint}use one of: {known}"
    if error["type"] == "missing":
        return f"add {key}, on the command line as --{key.replace('_', '-')}"
    return "see loadscope run --help"


def usable_cores() -> int:
    """Physical cores that this process may run on."""
    import psutil

    allowed = len(os.sched_getaffinity(0))
    return max(1, min(allowed, psutil.cpu_count(logical=False) or allowed))
