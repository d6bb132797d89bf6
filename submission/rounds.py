"""What a round of MLPerf Inference prescribes, read from ``rounds/<round>.yaml``.

A further round is a further file: it can be ``like`` another one and hold what differs, with
null for what that one has and it has not.
"""

import functools
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    NonNegativeFloat,
    PositiveFloat,
    PositiveInt,
    ValidationError,
)

from loadscope.errors import InputError
from loadscope.strict_yaml import SafeLoader

CURRENT = "v6.1"
CLOSED, NETWORK, OPEN = "closed", "network", "open"
AS_CLOSED = (CLOSED, NETWORK)
"""The network division inherits all requirements of the closed one (inference_rules.adoc)."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ScenarioRules(_Frozen):
    """LoadGen's settings of a scenario, after mlperf.conf."""

    percentile: PositiveFloat | None = None
    samples_per_query: PositiveInt | None = None
    min_query_count: PositiveInt
    early_stopping_queries: PositiveInt | None = None
    target_latency_ms: PositiveFloat | None = None


class Bounds(_Frozen):
    """What a further figure of ``accuracy.txt`` must keep."""

    least: float | None = None
    most: float | None = None

    def holds(self, value: float) -> bool:
        """Whether a figure keeps them."""
        return (self.least is None or value >= self.least) and (
            self.most is None or value <= self.most
        )

    def __str__(self) -> str:
        """In words: ``at least 15.7``, ``7350880 to 8984408``."""
        if self.least is not None and self.most is not None:
            return f"{self.least:.10g} to {self.most:.10g}"
        return f"at least {self.least:.10g}" if self.most is None else f"at most {self.most:.10g}"


class BenchmarkRules(_Frozen):
    """A benchmark's sizes, limits and accuracy targets (in ``accuracy_unit``, by folder).

    ``offline_min_query_count_in_user_conf`` is for a benchmark whose number the round's checker
    demands but its mlperf.conf lacks, ``performance_samples_are_all`` for one whose mlperf.conf
    has 0 in place of ``performance_sample_count``, which LoadGen takes for the whole data set.
    ``answer_bytes`` holds the sizes that an answer in the
    accuracy log can have, or ``answer_record_bytes`` the size that it is a multiple of.
    ``categories`` holds the scenarios that a system type must submit and no others;
    ``compliance`` LoadGen's settings in each compliance test; ``optional_categories`` scenarios
    that a system type may submit beside them.

    ``equal_issue`` is for a benchmark of which LoadGen issues all performance samples equally
    often (mlperf.conf, ``sample_concatenate_permutation``).

    ``use_token_latencies`` is for a benchmark whose answers come token by token: Server is then
    held to ``token_bounds_ms``, by user.conf's keys, and not to ``server_target_latency_ms``.
    ``further_accuracy`` bounds what ``accuracy.txt`` says beside the metric. ``interactive_of`` is
    LoadGen's key of the benchmark whose scenario Interactive this is: LoadGen's Server with tighter
    bounds.
    """

    dataset_size: PositiveInt
    performance_sample_count: PositiveInt
    performance_samples_are_all: bool = False
    offline_min_query_count: PositiveInt
    offline_min_query_count_in_user_conf: bool = False
    server_target_latency_ms: NonNegativeFloat
    equal_issue: bool = False
    use_token_latencies: bool = False
    token_bounds_ms: dict[str, PositiveFloat] = {}
    accuracy_metric: str
    accuracy_unit: str = "%"
    accuracy_targets: dict[str, float]
    further_accuracy: dict[str, Bounds] = {}
    answer_bytes: tuple[PositiveInt, ...] = ()
    answer_record_bytes: PositiveInt = 1
    categories: dict[str, tuple[str, ...]]
    optional_categories: dict[str, tuple[str, ...]] = {}
    compliance: dict[str, dict[str, int]]
    accuracy_change_percent: dict[str, PositiveFloat] = {}
    """By folder, where TEST01 lets accuracy move further, or less far, than elsewhere."""
    interactive_of: str = ""


class SystemField(_Frozen):
    """A field of the system description: what it asks for, and what it may hold."""

    asks: str
    may_be_empty: bool = False
    whole_number: bool = False


class Layout(_Frozen):
    """Where a submitter's folder has what belongs to a result, by system, benchmark, scenario.

    Attributes:
        measurements: The folder of measurements, user.conf and README.md.
        compliance: The folder of the compliance tests.
    """

    measurements: str = "results"
    compliance: str = "results"

    @property
    def apart(self) -> bool:
        """Whether measurements lie apart from results; the file is then named by the system."""
        return self.measurements != "results"


class SubmissionRules(_Frozen):
    """What the round asks of the tree of a submission.

    Attributes:
        source_folder: Name of the folder with the source code.
        layout: Where measurements and compliance tests lie.
        unchecked_benchmarks: Folders of the round's benchmarks that this suite does not measure.
        unchecked_scenarios: The round's scenarios that it does not measure.
        aliases: Further names of benchmarks' folders.
        max_accuracy_log_bytes: Largest accuracy log, after truncation.
        max_file_bytes: Largest file of any kind.
        accuracy_change_percent: How far accuracy may move between TEST01 and its baseline,
            where a benchmark says nothing else.
        accuracy_lines: By metric, the pattern of the line of accuracy.txt that holds the score.
        statuses: What ``status`` of a system can be.
        system_fields: The fields of a system description, in order.
        network_fields: Its further fields where the SUT is reached by a network, in order.
        network_sut_name: What the name of a SUT has in it there.
        measurement_fields: The fields of measurements.json.
    """

    source_folder: str
    layout: Layout = Layout()
    unchecked_benchmarks: tuple[str, ...] = ()
    unchecked_scenarios: tuple[str, ...] = ()
    aliases: dict[str, str]
    max_accuracy_log_bytes: PositiveInt
    max_file_bytes: PositiveInt
    accuracy_change_percent: PositiveFloat
    accuracy_lines: dict[str, str]
    statuses: tuple[str, ...]
    system_fields: dict[str, SystemField] = Field(min_length=1)
    network_fields: dict[str, SystemField] = {}
    network_sut_name: str = "Network SUT"
    measurement_fields: tuple[str, ...] = Field(min_length=1)

    def fields(self, network: bool) -> dict[str, SystemField]:
        """The fields of a system description.

        Args:
            network: Whether the SUT is reached by a network: in the division of that name, and in
                the open one where ``is_network`` says so.
        """
        return {**self.system_fields, **(self.network_fields if network else {})}


class Round(_Frozen):
    """A round's rules.

    Attributes:
        round: Its name.
        loadgen: The LoadGen version whose compiled-in mlperf.conf has the round's seeds.
        seeds: The three seeds by their LoadGen key.
        min_duration_ms: Shortest duration of a performance run, milliseconds.
        scenarios: Rules by scenario name.
        benchmarks: Rules by LoadGen's key of the model.
        submission: Rules of the submission tree.
    """

    round: str
    loadgen: str
    seeds: dict[str, int]
    min_duration_ms: PositiveInt
    scenarios: dict[str, ScenarioRules]
    benchmarks: dict[str, BenchmarkRules]
    submission: SubmissionRules

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

    def model(self, folder: str) -> str | None:
        """LoadGen's key of a benchmark by its official submission folder (``yolo-99``)."""
        for model, rules in self.benchmarks.items():
            if folder in rules.accuracy_targets:
                return model
        return None

    def benchmark(self, folder: str) -> BenchmarkRules | None:
        """The rules of a benchmark by its official submission folder (``yolo-99``)."""
        model = self.model(folder)
        return None if model is None else self.benchmarks[model]

    def accuracy_change_percent(self, folder: str) -> float:
        """How far TEST01's accuracy may move from its baseline, by official folder, percent."""
        rules = self.benchmark(folder)
        own = {} if rules is None else rules.accuracy_change_percent
        return own.get(folder, self.submission.accuracy_change_percent)

    def folders(self) -> list[str]:
        """The official submission folders of all benchmarks."""
        named = (name for rules in self.benchmarks.values() for name in rules.accuracy_targets)
        return list(dict.fromkeys(named))

    def interactive(self, model: str) -> str | None:
        """LoadGen's key of a benchmark's scenario Interactive, by its own key; None for none."""
        return next(
            (key for key, rules in self.benchmarks.items() if rules.interactive_of == model), None
        )


@functools.cache
def load_round(name: str = CURRENT) -> Round:
    """Read a round's rules.

    Args:
        name: A round that comes with the suite (``v6.1``), or the path of a YAML file.

    Raises:
        InputError: There is no such round, or the file does not hold one.
    """
    try:
        return Round.model_validate(_merged(name))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = ".".join(map(str, first["loc"]))
        raise InputError(f"round {name}: {key}: {first['msg']}", "correct the file") from error


def rounds() -> list[str]:
    """The rounds that come with the suite, oldest first."""
    names = (entry.name for entry in (files("loadscope.submission") / "rounds").iterdir())
    return sorted(name.removesuffix(".yaml") for name in names if name.endswith(".yaml"))


def _merged(name: str) -> dict[str, Any]:
    if name in rounds():
        text = (files("loadscope.submission") / "rounds" / f"{name}.yaml").read_text("utf-8")
    elif name.endswith((".yaml", ".yml")):
        text = _read(Path(name))
    else:
        raise InputError(
            f"there is no round '{name}'", f"use {', '.join(rounds())}, or the path of a YAML file"
        )
    try:
        given = yaml.load(text, SafeLoader)
    except yaml.YAMLError as error:
        raise InputError(f"round {name}: {error}", "correct the YAML") from error
    if not isinstance(given, dict):
        raise InputError(f"round {name}: holds no mapping", f"see the form of round {CURRENT}")
    base = given.pop("like", None)
    return given if base is None else _over(_merged(str(base)), given)


def early_stopping_queries(name: str, scenario: str) -> int | None:
    """How many queries early stopping needs in a round; None where it is no rule."""
    return load_round(name).scenarios[scenario].early_stopping_queries


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise InputError(f"{path}: {reason}", "give the YAML file of a round") from error


def _over(base: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    """``base`` with the keys of ``given`` on top, mapping by mapping; a null takes a key away."""
    merged = dict(base)
    for key, value in given.items():
        if value is None:
            merged.pop(key, None)
            continue
        below = merged.get(key)
        both = isinstance(below, dict) and isinstance(value, dict)
        merged[key] = _over(below, value) if isinstance(below, dict) and both else value
    return merged
