"""The things of a submission that rules look at: submitter, system, result, LoadGen test."""

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from loadscope.names import Mode, Scenario
from loadscope.submission.check.files import Files
from loadscope.submission.check.log import Log, read_log
from loadscope.submission.rounds import AS_CLOSED, CLOSED, NETWORK, OPEN, BenchmarkRules, Round

DIVISIONS = (CLOSED, NETWORK, OPEN)
SUMMARY, DETAIL = "mlperf_log_summary.txt", "mlperf_log_detail.txt"
ACCURACY_LOG = "mlperf_log_accuracy.json"
INTERACTIVE = "Interactive"
"""A scenario of the round that is LoadGen's Server, with tighter bounds."""
SCENARIOS = (*map(str, Scenario), INTERACTIVE)
_SPELLING = {scenario.lower(): scenario for scenario in SCENARIOS}
"""The round's checker takes a scenario's folder in lower case too, and no other spelling."""
# LoadGen writes the trace in every run, and git keeps empty folders by a file.
TOLERATED = frozenset({"mlperf_log_trace.json", "results.json", ".gitkeep"})


@dataclass(frozen=True)
class Tree:
    """A whole submission tree and the round it is held to."""

    files: Files
    round: Round

    @property
    def submitters(self) -> Iterator["Submitter"]:
        """Each submitter of each division."""
        for division in DIVISIONS:
            for name in self.files.folders(division):
                yield Submitter(self, division, name)


@dataclass(frozen=True)
class Submitter:
    """One submitter's folder in a division."""

    tree: Tree
    division: str
    name: str

    @property
    def path(self) -> str:
        """Its folder."""
        return f"{self.division}/{self.name}"

    @functools.cached_property
    def mapping(self) -> tuple[dict[str, Any], str]:
        """``model_mapping.json`` of the open division, and what is wrong with it."""
        path = f"{self.path}/model_mapping.json"
        if self.division != "open" or path not in self.tree.files.entries:
            return {}, ""
        found, wrong = self.tree.files.mapping(path)
        return found or {}, wrong

    @property
    def systems(self) -> Iterator["CheckedSystem"]:
        """Each system that has results."""
        for name in self.tree.files.folders(f"{self.path}/results"):
            yield CheckedSystem(self, name)

    @property
    def other_layout(self) -> bool:
        """Whether it is laid out as another round has it, so that nothing is where it should be.

        What tells of results lies with them, or apart from them in ``measurements/``.
        """
        files, results = self.tree.files, f"{self.path}/results/"
        apart = self.tree.round.submission.layout.apart
        old, beside = files.is_folder(f"{self.path}/measurements"), False
        for path in files.entries:
            beside = beside or (path.startswith(results) and path.endswith("/measurements.json"))
        return old != beside and old != apart


@dataclass(frozen=True)
class CheckedSystem:
    """One system with results."""

    submitter: Submitter
    name: str

    @property
    def files(self) -> Files:
        """The tree's files."""
        return self.submitter.tree.files

    @property
    def path(self) -> str:
        """Its folder of results."""
        return f"{self.submitter.path}/results/{self.name}"

    @property
    def description(self) -> str:
        """Its description file."""
        return f"{self.submitter.path}/systems/{self.name}.json"

    @functools.cached_property
    def described(self) -> tuple[dict[str, Any] | None, str]:
        """What the description holds, or None and what is wrong with the file."""
        return self.files.mapping(self.description)

    @property
    def category(self) -> str:
        """``edge``, ``datacenter`` or ``datacenter,edge``; empty where it is not told."""
        value = (self.described[0] or {}).get("system_type")
        text = value if isinstance(value, str) else ""
        return "datacenter,edge" if text == "edge,datacenter" else text

    @property
    def networked(self) -> bool:
        """Whether it is told of as reached by a network; any text in the field counts as that."""
        division = self.submitter.division
        told = bool((self.described[0] or {}).get("is_network"))
        return division == NETWORK or (division == OPEN and told)

    @property
    def benchmarks(self) -> Iterator["Benchmark"]:
        """Each benchmark with results."""
        for name in self.files.folders(self.path):
            yield Benchmark(self, name)


@dataclass(frozen=True)
class Benchmark:
    """A benchmark's results on one system."""

    system: CheckedSystem
    folder: str

    @property
    def path(self) -> str:
        """Its folder."""
        return f"{self.system.path}/{self.folder}"

    @property
    def name(self) -> str:
        """The round's name of the benchmark that the folder stands for; maybe unknown to it."""
        rules = self.system.submitter.tree.round
        if self.folder in (*rules.folders(), *rules.submission.unchecked_benchmarks):
            return self.folder
        mapped = self.system.submitter.mapping[0].get(self.folder)
        alias = rules.submission.aliases.get(self.folder)
        return alias or (mapped if isinstance(mapped, str) else self.folder)

    @property
    def rules(self) -> BenchmarkRules | None:
        """The round's rules of it."""
        return self.system.submitter.tree.round.benchmark(self.name)

    @property
    def unchecked(self) -> bool:
        """Whether it is one of the round's that this suite does not measure."""
        return self.name in self.system.submitter.tree.round.submission.unchecked_benchmarks

    @property
    def results(self) -> Iterator["Result"]:
        """Each scenario's result."""
        for name in self.system.files.folders(self.path):
            yield Result(self, name)


@dataclass(frozen=True)
class Result:
    """One result: a benchmark in a scenario on a system."""

    benchmark: Benchmark
    folder: str

    @property
    def scenario(self) -> str:
        """The scenario that the folder stands for, or the folder's name where it is none."""
        return _SPELLING.get(self.folder, self.folder)

    @property
    def runs(self) -> str:
        """The scenario of LoadGen's that it is run by."""
        return str(Scenario.SERVER) if self.scenario == INTERACTIVE else self.scenario

    @property
    def model(self) -> str | None:
        """LoadGen's key of the benchmark in this scenario; None where the round has none."""
        model = self.round.model(self.benchmark.name)
        if model is None or self.scenario != INTERACTIVE:
            return model
        return self.round.interactive(model)

    @property
    def rules(self) -> BenchmarkRules | None:
        """The round's rules of the benchmark in this scenario."""
        return self.round.benchmarks.get(self.model or "")

    @property
    def unchecked(self) -> bool:
        """Whether it is of a scenario of the round that this suite does not measure."""
        return self.scenario in self.round.submission.unchecked_scenarios

    @property
    def path(self) -> str:
        """Its folder."""
        return f"{self.benchmark.path}/{self.folder}"

    @property
    def descriptions(self) -> str:
        """The folder with what tells of the result: user.conf, README.md, measurements."""
        return self._beside(self.round.submission.layout.measurements)

    @property
    def measurements(self) -> str:
        """The file that tells of weights and data types."""
        if not self.round.submission.layout.apart:
            return f"{self.descriptions}/measurements.json"
        system = self.benchmark.system.name
        names = (*self.files.names(self.descriptions), f"{system}.json")
        found = [name for name in names if name.startswith(system) and name.endswith(".json")]
        return f"{self.descriptions}/{found[0]}"

    @property
    def verifications(self) -> str:
        """The folder with the compliance tests."""
        return self._beside(self.round.submission.layout.compliance)

    @property
    def files(self) -> Files:
        """The tree's files."""
        return self.benchmark.system.files

    @property
    def round(self) -> Round:
        """The round's rules."""
        return self.benchmark.system.submitter.tree.round

    @property
    def division(self) -> str:
        """``closed``, ``network`` or ``open``."""
        return self.benchmark.system.submitter.division

    @functools.cached_property
    def performance(self) -> "LoggedTest":
        """The performance test."""
        return self._test("performance/run_1", "performance")

    @functools.cached_property
    def accuracy(self) -> "LoggedTest":
        """The accuracy test."""
        return self._test("accuracy", "accuracy")

    @functools.cached_property
    def compliance(self) -> dict[str, "LoggedTest"]:
        """The round's compliance tests of this result that are there or have to be, by name."""
        rules = self.benchmark.rules
        return {
            name: self._test(f"{name}/performance/run_1", name)
            for name in (rules.compliance if rules else ())
            if self.division in AS_CLOSED or self.files.is_folder(f"{self.verifications}/{name}")
        }

    @property
    def asked(self) -> dict[str, "LoggedTest"]:
        """Those of them that the round asks for: the open division needs none."""
        return self.compliance if self.division in AS_CLOSED else {}

    @property
    def sample_key(self) -> str:
        """LoadGen's key of how many samples the accuracy run answered."""
        key = "effective_accuracy_sample_count"
        return key if key in self.accuracy.log.values else "qsl_reported_total_count"

    @property
    def samples(self) -> float | None:
        """How many that were by its log, else how many the data set has."""
        rules = self.benchmark.rules
        logged = self.accuracy.log.number(self.sample_key)
        return logged if logged or rules is None else rules.dataset_size

    @property
    def metric_pattern(self) -> re.Pattern[str] | None:
        """How the score is told from the other lines of an ``accuracy.txt``."""
        rules = self.benchmark.rules
        if rules is None:
            return None
        return re.compile(self.round.submission.accuracy_lines[rules.accuracy_metric])

    def _beside(self, folder: str) -> str:
        names = (self.benchmark.system.name, self.benchmark.folder, self.folder)
        return "/".join((self.benchmark.system.submitter.path, folder, *names))

    def _test(self, folder: str, role: str) -> "LoggedTest":
        place = self.path if role in (Mode.PERFORMANCE, Mode.ACCURACY) else self.verifications
        path = f"{place}/{folder}"
        detail = self.files.file(f"{path}/{DETAIL}")
        log = Log(wrong="no file") if detail is None else read_log(self.files.root / detail.path)
        return LoggedTest(self, path, role, log)


@dataclass(frozen=True)
class LoggedTest:
    """One LoadGen test that left its logs.

    Attributes:
        result: The result that it belongs to.
        folder: Where its logs lie.
        role: ``performance``, ``accuracy``, or a compliance test's name.
        log: Its detail log.
    """

    result: Result
    folder: str
    role: str
    log: Log = field(repr=False)

    @property
    def path(self) -> str:
        """Its detail log."""
        return f"{self.folder}/{DETAIL}"

    @property
    def home(self) -> str:
        """The compliance test's folder, with its verification files."""
        return f"{self.result.verifications}/{self.role}"

    @property
    def readable(self) -> bool:
        """Whether the log can be judged: where it cannot, one finding says why."""
        return not self.log.wrong

    @property
    def scenario(self) -> Scenario | None:
        """The scenario that LoadGen ran."""
        value = self.log.values.get("effective_scenario")
        return Scenario(value) if isinstance(value, str) and value in set(Scenario) else None

    @property
    def rate(self) -> float | None:
        """The test's score as MLPerf's tools compare it: samples, or queries, a second."""
        scenario = self.scenario
        if scenario is None:
            return None
        value = self.log.number(METRICS[scenario])
        if not value or not scenario.inline:
            return value
        return 1e9 / value


METRICS = {
    Scenario.SINGLE_STREAM: "early_stopping_latency_ss",
    Scenario.MULTI_STREAM: "early_stopping_latency_ms",
    Scenario.OFFLINE: "result_samples_per_second",
    Scenario.SERVER: "result_completed_samples_per_sec",
}
"""LoadGen's key of the figure a scenario is judged by; latencies in nanoseconds."""
