"""What to run: one schema for the command line, scenario scripts and the API."""

import re
from collections.abc import Collection, Iterable
from typing import Annotated, Any, Literal, Self

from pydantic import (
    ConfigDict,
    Field,
    JsonValue,
    ValidationError,
    model_validator,
)

from loadscope.errors import InputError, near, unexpected
from loadscope.names import Mode, Scenario
from loadscope.rundir.spec_fields import Group, Only, told
from loadscope.rundir.spec_names import (
    LAYOUT_SECONDS,
    LAYOUT_VARIABLE,
    AnyMode,
    AnyScenario,
    DatasetPath,
    DeviceName,
    HerePath,
    LayoutChoice,
    ManifestPath,
    ModelName,
)
from loadscope.rundir.spec_numbers import (
    MinDuration,
    Rate,
    Samples,
    TargetLatency,
    Times,
    Wait,
)
from loadscope.rundir.spec_own import OwnModelSpec
from loadscope.rundir.spec_sut import SutSpec
from loadscope.rundir.spec_tokens import TokensSpec

# Settings of earlier versions, and what to do about them in a script; a recorded run may have them.
_REMOVED = {"idle": "delete it; cores are left to halt"}


_INLINE = tuple(scenario for scenario in Scenario if scenario.inline)


class RunSpec(SutSpec, TokensSpec, OwnModelSpec):
    """One model on one framework in one scenario; what each field is stands beside it.

    A field that is None has a value of its own: the round's, a calibrated or an automatic one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: Annotated[
        ModelName,
        told(
            Group.DATA,
            "Model id; see 'loadscope models'. Or a model's file, as ./my.onnx, of which the rest "
            "is inferred.",
            completes="models",
        ),
    ]
    framework: Annotated[
        str, told(Group.DATA, "Backend's name; see 'loadscope doctor'.", completes="frameworks")
    ]
    scenario: Annotated[AnyScenario, told(Group.TARGETS, "How LoadGen issues queries.")]
    mode: Annotated[
        tuple[AnyMode, ...],
        told(
            Group.TESTS,
            "LoadGen tests, in this order, each in a process of its own; compliance is those of "
            "the round.",
            choices=tuple(mode for mode in Mode if mode is not Mode.TRACE),
        ),
    ] = (Mode.PERFORMANCE,)
    dataset_path: Annotated[
        DatasetPath | None,
        told(
            Group.DATA,
            "Folder, an id of 'loadscope datasets', or ID=FOLDER for where that data set is.",
            completes="datasets",
        ),
    ] = None
    count: Annotated[
        Samples | None, told(Group.DATA, "Use only the first so many samples.", "samples")
    ] = None
    min_duration: Annotated[
        MinDuration | None,
        told(Group.TESTS, "Shortest performance test, e.g. 60s. Default: the round's.", "ms"),
    ] = None
    min_query_count: Annotated[
        Samples | None,
        told(
            Group.TESTS,
            "Fewest queries. Default: the round's; 1 where min_duration is shorter than the "
            "round's.",
            "queries",
        ),
    ] = None
    target_qps: Annotated[
        Rate | None,
        told(
            Group.TARGETS,
            "Server's rate; Offline's expected rate. Default: calibrated.",
            "samples/s",
        ),
        Only((Scenario.OFFLINE, Scenario.SERVER), "{scenario} has no rate; use expected_latency"),
    ] = None
    server_target_latency: Annotated[
        TargetLatency | None,
        told(Group.TARGETS, "Server's bound, e.g. 15ms. Default: the round's.", "ms"),
        Only((Scenario.SERVER,), "only Server has a bound, {scenario} none"),
    ] = None
    expected_latency: Annotated[
        TargetLatency | None,
        told(
            Group.TARGETS,
            "Expected latency, e.g. 2ms, by which LoadGen draws up its queries. Default: "
            "calibrated.",
            "ms",
        ),
        Only(_INLINE, "{scenario} takes target_qps; SingleStream and MultiStream expect a latency"),
    ] = None
    device: Annotated[
        DeviceName | None,
        told(
            Group.EXECUTION,
            "What the model computes on: cpu, cuda, cuda:1, xpu, mps, nnpa; see 'loadscope "
            "doctor'. Default: the manifest's, else the framework's first.",
            completes="devices",
        ),
    ] = None
    batch_size: Annotated[
        Times | None, told(Group.EXECUTION, "Most samples in a batch.", "samples")
    ] = None
    workers: Annotated[
        Times | None,
        told(Group.EXECUTION, "Batches in flight at once (Offline, Server).", "batches"),
    ] = None
    threads: Annotated[
        Times | None,
        told(Group.EXECUTION, "The framework's own threads for each batch."),
    ] = None
    instances: Annotated[
        Times | Literal["auto"] | None,
        told(
            Group.EXECUTION,
            "Processes that hold the model, each on cores of its own (Offline, Server). Default: "
            "the measured process alone.",
            "processes",
        ),
    ] = None
    max_wait: Annotated[
        Wait | None,
        told(Group.EXECUTION, "Longest wait of Server to fill a batch, e.g. 2ms.", "ms"),
    ] = None
    layout: Annotated[
        LayoutChoice,
        told(
            Group.EXECUTION,
            "How work is spread where the options above leave it open: auto takes the layout that "
            "is kept for this model and machine, and finds it the first time; fresh finds it "
            "anew; or a FILE with one.",
        ),
    ] = "auto"
    layout_seconds: Annotated[
        Annotated[float, Field(ge=0, le=3600)] | None,
        told(
            Group.EXECUTION,
            "Most time to find a layout; 0 takes the rule's where none is kept. Default: "
            f"{LAYOUT_SECONDS:g}, or what {LAYOUT_VARIABLE} says.",
            "s",
        ),
    ] = None
    late: Annotated[
        Literal["last", "in-turn"] | None,
        told(
            Group.EXECUTION,
            "When samples are answered that cannot keep the bound any more: last, when nothing "
            "else waits (the default), or in-turn.",
        ),
        Only((Scenario.SERVER,), "only Server has a bound, {scenario} none; leave it out"),
    ] = None
    options: Annotated[
        dict[str, JsonValue],
        told(
            Group.EXECUTION,
            "Setting of the framework's backend, on top of the manifest's, e.g. compile=true. One "
            "that changes numerics (dtype=bfloat16) stands in the result's name.",
            completes="backend options",
        ),
    ] = {}  # noqa: RUF012 (pydantic copies it)
    repeat: Annotated[
        Times,
        told(Group.TESTS, "Run the performance test so many times; the median counts."),
    ] = 1
    user_conf: Annotated[
        HerePath | None, told(Group.TARGETS, "LoadGen user.conf to start from.")
    ] = None
    datasets: Annotated[
        tuple[HerePath, ...],
        told(Group.DATA, "Further data sets: a file of entries, whose ids --dataset-path takes."),
    ] = ()
    models: Annotated[
        tuple[ManifestPath, ...],
        told(
            Group.DATA,
            "Further model manifest; scenarios:ibm-z16-nnpa/models is a shipped one.",
        ),
    ] = ()

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
            raise ValueError(f"target_latency: duplicate key, the old name of {key}; leave it out")
        return {**rest, key: value}

    @model_validator(mode="after")
    def _one_source_of_samples(self) -> Self:
        sources = {
            "dataset_path": self.dataset_path,
            "input_data": self.input_data,
            "random_inputs": self.random_inputs,
        }
        given = [name for name, value in sources.items() if value]
        if len(given) > 1:
            raise ValueError(f"{given[1]}: has no meaning beside {given[0]}; give one of them")
        if self.labels is not None and given != ["dataset_path"]:
            raise ValueError("labels: are those of a data set; give dataset_path with it")
        return self

    @model_validator(mode="after")
    def _targets_fit_the_scenario(self) -> Self:
        if not self.mode or len(set(self.mode)) != len(self.mode):
            raise ValueError(
                f"mode: expected each test at most once, got {', '.join(self.mode) or 'none'}"
            )
        if Mode.TRACE in self.mode and len(self.mode) > 1:
            raise ValueError("mode: a trace is made alone, with loadscope trace")
        if self.interactive and self.scenario is not Scenario.SERVER:
            raise ValueError(
                f"interactive: LoadGen runs Interactive as Server; expected scenario Server, got "
                f"{self.scenario}"
            )
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
    ttft_latency: Annotated[float, Field(gt=0)] | None = None
    tpot_latency: Annotated[float, Field(gt=0)] | None = None
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
        # Of a field that has several types pydantic names the type that it tried as well.
        key = str(first["loc"][0]) if first["loc"] else "settings"
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
        return f"the key '{key}' was removed" if key in _REMOVED else f"unknown key '{key}'"
    if error["type"] == "missing":
        return f"missing key '{key}'"
    message: str = error["msg"].removeprefix("Value error, ")
    if message.startswith(tuple(f"{name}:" for name in (*RunSpec.model_fields, _OLD_LATENCY))):
        return message
    return f"{key}{unexpected(message, repr(error['input']))}"


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
    return "see --help of the command"
