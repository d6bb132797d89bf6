"""Rules over the files of a result, measurements.json among them, and over inferred results."""

from collections.abc import Iterator

from loadscope.names import Scenario
from loadscope.submission.check.rule import Problem, RuleSet, encodable, show
from loadscope.submission.check.subjects import TOLERATED, Result

RESULT: RuleSet[Result] = RuleSet()

_POWER = ("power", "ranging")
"""Folders of a power measurement; result.power tells of them."""

INFERRED = {
    (Scenario.SINGLE_STREAM, Scenario.MULTI_STREAM): ("early_stopping_latency_ms",),
    (Scenario.SINGLE_STREAM, Scenario.OFFLINE): ("result_qps_without_loadgen_overhead",),
    (Scenario.MULTI_STREAM, Scenario.OFFLINE): (
        "result_mean_query_latency_ns",
        "effective_samples_per_query",
    ),
}
"""Which scenario's run gives another one's result on edge, and LoadGen's keys it is taken from."""


@RESULT.rule(
    "result.files",
    "A result has measurements.json, user.conf and README.md, and none is empty.",
    fix="add the file; loadscope submit writes all three",
    official=True,
)
def _files(result: Result) -> Iterator[Problem]:
    described = (f"{result.descriptions}/{name}" for name in ("user.conf", "README.md"))
    for path in (result.measurements, *described):
        entry = result.files.file(path)
        if entry is None or not entry.size:
            yield Problem(path, "no file" if entry is None else "an empty file", "the file")


@RESULT.rule(
    "result.measurements",
    "measurements.json is a JSON object with text in each of the round's fields.",
    fix='write text: "no", not false',
    official=True,
)
def _measurements(result: Result) -> Iterator[Problem]:
    path = result.measurements
    entry = result.files.file(path)
    if entry is None or not entry.size:
        return
    given, wrong = result.files.mapping(path)
    if given is None:
        yield Problem(path, wrong, "a JSON object")
        return
    for name in result.round.submission.measurement_fields:
        value = given.get(name)
        if not encodable(value):
            yield Problem(path, f"{name} with a lone surrogate", "text that UTF-8 can hold")
        elif not isinstance(value, str) or not value.strip():
            found = f"{name} is {show(value) or 'empty'}" if name in given else f"no field '{name}'"
            yield Problem(path, found, "text")


@RESULT.rule(
    "result.unknown",
    "A result's folder holds what the round names and nothing else.",
    fix="move it to documentation/ or out of the tree",
    severity="warning",
)
def _unknown(result: Result) -> Iterator[Problem]:
    tests = set() if result.benchmark.rules is None else set(result.benchmark.rules.compliance)
    folders = {"performance", "accuracy", *tests}
    files = {"measurements.json", "user.conf", "README.md", "mlperf.conf", *TOLERATED}
    for name in result.files.folders(result.path):
        if name not in folders:
            yield Problem(f"{result.path}/{name}", f"folder '{show(name)}'", "no such folder")
    for name in result.files.names(result.path):
        if name not in files:
            yield Problem(f"{result.path}/{name}", f"file '{show(name)}'", "no such file")
    for name in result.files.folders(f"{result.path}/performance"):
        if name not in ("run_1", *_POWER):
            path = f"{result.path}/performance/{name}"
            yield Problem(path, f"folder '{show(name)}'", "run_1 alone")


@RESULT.rule(
    "result.power",
    "Power measurements are not checked, so a result with some does not pass.",
    fix="check it with the round's own checker, in a tree of its own",
)
def _power(result: Result) -> Iterator[Problem]:
    path = f"{result.path}/performance/power"
    if path in result.files.entries:
        found = "power is of the round, not checked here"
        yield Problem(path, found, "the round's own checker for it")


@RESULT.rule(
    "result.inferred",
    "A run of another scenario gives a result on edge alone, and SingleStream for MultiStream or "
    "Offline, or MultiStream for Offline.",
    fix="put the result into the folder of its scenario, or run the scenario",
    official=True,
)
def _inferred(result: Result) -> Iterator[Problem]:
    ran = result.performance.scenario
    if ran is None or ran == result.runs or result.runs not in set(Scenario):
        return
    path, log = result.performance.path, result.performance.log
    keys = INFERRED.get((ran, Scenario(result.runs)))
    if keys is None:
        yield Problem(path, f"a run of {ran}", f"a run of {result.scenario}")
    elif "edge" not in result.benchmark.system.category:
        yield Problem(path, f"a run of {ran} on a datacenter system", f"a run of {result.scenario}")
    for key in keys or ():
        if (log.number(key) or 0) <= 0:
            yield Problem(path, f"{key} is {show(log.values.get(key))}", "a number")


@RESULT.rule(
    "result.same-scenario",
    "The accuracy run and the compliance runs ran the scenario of the performance run.",
    fix="run them in the same scenario",
)
def _same_scenario(result: Result) -> Iterator[Problem]:
    ran = result.performance.scenario
    for test in (result.accuracy, *result.asked.values()):
        if ran is not None and test.readable and test.scenario != ran:
            found = f"a run of {show(test.log.values.get('effective_scenario'))}"
            yield Problem(test.path, found, f"a run of {ran}")
