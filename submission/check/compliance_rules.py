"""Rules over one compliance test of a result."""

import math
from collections.abc import Iterator

from loadscope.submission.check.accuracy_rules import scores
from loadscope.submission.check.files import Text
from loadscope.submission.check.rule import Problem, RuleSet, show
from loadscope.submission.check.subjects import (
    ACCURACY_LOG,
    DETAIL,
    METRICS,
    SUMMARY,
    TOLERATED,
    LoggedTest,
)
from loadscope.submission.compliance.audit import effective_key
from loadscope.submission.compliance.performance import tolerance

COMPLIANCE: RuleSet[LoggedTest] = RuleSet()

_PASS, _FAIL = "TEST PASS", "TEST FAIL"
_PRINTED = 1e-4
"""LoadGen logs six digits of a rate."""
_RERUN = "repeat it with loadscope run --mode compliance"
_WHOLE = ("First token check pass", "EOS check pass", "Sample length check pass")
_PERFORMANCE = frozenset({SUMMARY, DETAIL})
_ACCURACY = frozenset({ACCURACY_LOG, "accuracy.txt"})
_BOTH_SCORES = ("baseline_accuracy.txt", "compliance_accuracy.txt")


def _path(test: LoggedTest, name: str) -> str:
    return f"{test.home}/{name}"


@COMPLIANCE.rule(
    "compliance.files",
    "A compliance test has its verification files: verify_performance.txt, and verify_accuracy.txt "
    "for TEST01.",
    fix=_RERUN,
    official=True,
)
def _files(test: LoggedTest) -> Iterator[Problem]:
    for name in _verified(test):
        entry = test.result.files.file(_path(test, name))
        if entry is None or not entry.size:
            found = "no file" if entry is None else "an empty file"
            yield Problem(_path(test, name), found, "the verification's result")


@COMPLIANCE.rule(
    "compliance.performance",
    "verify_performance.txt has the line TEST PASS and no line with TEST FAIL.",
    fix=_RERUN,
    official=True,
)
def _performance(test: LoggedTest) -> Iterator[Problem]:
    text = test.result.files.text(_path(test, "verify_performance.txt"))
    yield from _verdict(test, text, "verify_performance.txt") if text.content else ()


@COMPLIANCE.rule(
    "compliance.score",
    "The test score in verify_performance.txt is that of the log beside it.",
    fix=_RERUN,
)
def _score(test: LoggedTest) -> Iterator[Problem]:
    yield from _stated(test, "test score", test)


@COMPLIANCE.rule(
    "compliance.reference-score",
    "The reference score in verify_performance.txt is that of the performance run.",
    fix=_RERUN,
    severity="warning",
)
def _reference_score(test: LoggedTest) -> Iterator[Problem]:
    if test.result.performance.scenario is test.scenario:
        yield from _stated(test, "reference score", test.result.performance)


def _stated(test: LoggedTest, name: str, of: LoggedTest) -> Iterator[Problem]:
    """Where verify_performance.txt states another score than a log has."""
    path = _path(test, "verify_performance.txt")
    stated: dict[str, str] = {}
    for line in test.result.files.text(path).lines:
        label, equals, value = line.partition("=")
        if equals:
            stated.setdefault(label.strip().lower(), value.strip())
    logged = of.log.number(METRICS[of.scenario]) if of.scenario else None
    if not logged or not test.result.files.text(path).content:
        return
    # TEST01 states the score as LoadGen logs it, TEST04 a latency as queries a second.
    if not any(_agrees(stated.get(name), score) for score in (logged, of.rate)):
        expected = f"{logged:g} as in {of.path}"
        yield Problem(path, f"{name} {show(stated.get(name))}", expected)


@COMPLIANCE.rule(
    "compliance.accuracy",
    "verify_accuracy.txt of TEST01 has the line TEST PASS; where answers differ from run to run, "
    "baseline and compliance accuracy differ by at most 1 % (0.1 % for the 99.9 benchmarks).",
    fix=_RERUN,
    official=True,
)
def _accuracy(test: LoggedTest) -> Iterator[Problem]:
    path = _path(test, "verify_accuracy.txt")
    text = test.result.files.text(path)
    if test.role != "TEST01" or not text.content or _deterministic(test):
        return
    folder = _path(test, "accuracy")
    found: list[float] = []
    for name in _BOTH_SCORES:
        stated, wrong = scores(test.result, f"{folder}/{name}")
        if wrong or not all(stated):
            yield Problem(f"{folder}/{name}", wrong or "a score of 0", f"a score, or {_PASS}")
            return
        found.append(stated[-1])
    baseline, compliance = found
    most = test.result.round.accuracy_change_percent(test.result.benchmark.name)
    change = abs(1 - baseline / compliance) * 100
    if not change <= most:  # of two endless scores it is no number
        shown = f"{compliance:g} against {baseline:g} ({change:.3g} %)"
        yield Problem(f"{folder}/{_BOTH_SCORES[1]}", shown, f"at most {most:g} % apart")


@COMPLIANCE.rule(
    "compliance.tokens",
    "verify_accuracy.txt of TEST06 says that first token, ending token and length of every answer "
    "are right; Offline has no first tokens.",
    fix=_RERUN,
    official=True,
)
def _tokens(test: LoggedTest) -> Iterator[Problem]:
    if test.role != "TEST06":
        return
    path = _path(test, "verify_accuracy.txt")
    text = test.result.files.text(path)
    lines = {line.strip() for line in text.lines}
    for name in _WHOLE if text.content else ():
        allowed = {f"{name}: True"}
        if name.startswith("First") and test.result.scenario == "Offline":
            allowed.add(f"{name}: Skipped")
        if not lines & allowed:
            found = next((line for line in lines if line.startswith(name)), "no such line")
            yield Problem(path, show(found), " or ".join(sorted(allowed)))


@COMPLIANCE.rule(
    "compliance.verdict",
    "verify_accuracy.txt does not say TEST PASS and TEST FAIL both, and baseline_accuracy.txt and "
    "compliance_accuracy.txt have a score where they are there.",
    fix=_RERUN,
)
def _accuracy_verdict(test: LoggedTest) -> Iterator[Problem]:
    name = "verify_accuracy.txt"
    if test.role == "TEST01" and _deterministic(test):
        yield from _verdict(test, test.result.files.text(_path(test, name)), name)
        for scored in _BOTH_SCORES:
            path = _path(test, f"accuracy/{scored}")
            wrong = scores(test.result, path)[1]
            if wrong and path in test.result.files.entries:
                yield Problem(path, wrong, "a line such as accuracy=76.456%")


@COMPLIANCE.rule(
    "compliance.accuracy-files",
    "TEST01/accuracy holds the accuracy log and accuracy.txt, and where answers differ from run "
    "to run the baseline and compliance accuracies; nothing else.",
    fix="package the run again with loadscope submit",
    official=True,
)
def _accuracy_files(test: LoggedTest) -> Iterator[Problem]:
    if test.role != "TEST01":
        return
    both = frozenset(_BOTH_SCORES)
    # Where the answers agree the two further files say nothing, and do no harm.
    required = _ACCURACY if _deterministic(test) else _ACCURACY | both
    yield from _exactly(test, _path(test, "accuracy"), required, TOLERATED | both)


@COMPLIANCE.rule(
    "compliance.performance-files",
    "performance/run_1 of a compliance test holds LoadGen's summary and detail log; nothing else.",
    fix="remove the file, or copy the missing one from the run directory",
    official=True,
)
def _performance_files(test: LoggedTest) -> Iterator[Problem]:
    yield from _exactly(test, test.folder, _PERFORMANCE, TOLERATED | {ACCURACY_LOG})


@COMPLIANCE.rule(
    "compliance.settings",
    "The test ran with its audit.config: LoadGen logged those settings.",
    fix=_RERUN,
)
def _settings(test: LoggedTest) -> Iterator[Problem]:
    rules = test.result.benchmark.rules
    if rules is None or not test.readable:
        return
    for name, value in rules.compliance[test.role].items():
        key = effective_key(name, str(test.scenario))
        found = test.log.values.get(key)
        if found != value:
            yield Problem(test.path, f"{key} is {show(found)}", str(value))


@COMPLIANCE.rule(
    "compliance.performance-ratio",
    "The logs bear out TEST PASS: TEST01 is within 10 % of the performance run (20 % for short "
    "latencies), TEST04 not that much faster than it.",
    fix=_RERUN + ", on a machine that does nothing else",
)
def _ratio(test: LoggedTest) -> Iterator[Problem]:
    performance = test.result.performance
    scenario = performance.scenario
    if scenario is None or test.scenario != scenario:
        return
    reference, tested = performance.rate, test.rate
    if not reference or not tested:
        return
    if test.role == "TEST01":
        score, again = (one.log.number(METRICS[scenario]) for one in (performance, test))
        near = tolerance(scenario, score or math.inf)
        ratio = (again or 0) / (score or 1)
        holds = 1 - near <= ratio <= 1 + near
        expected = f"{1 - near:g} to {1 + near:g}"
    elif test.role == "TEST04":
        near = tolerance(scenario, reference)
        ratio = tested / reference
        holds = ratio < 1 + near
        expected = f"less than {1 + near:g}"
    else:
        return
    if not holds:
        yield Problem(test.path, f"{ratio:.3g} times the performance run", expected)


def _verdict(test: LoggedTest, text: Text, name: str) -> Iterator[Problem]:
    lines = [line.strip() for line in text.lines]
    failed = [line for line in lines if _FAIL in line]
    if failed or _PASS not in lines:
        shown = failed[0] if failed else text.content[-80:]
        yield Problem(_path(test, name), show(shown), f"the line {_PASS} and no {_FAIL}")


def _agrees(stated: str | None, score: float | None) -> bool:
    try:
        return score is not None and math.isclose(float(stated or ""), score, rel_tol=_PRINTED)
    except ValueError:
        return False


def _verified(test: LoggedTest) -> tuple[str, ...]:
    if test.role == "TEST06":
        return ("verify_accuracy.txt",)
    first = ("verify_accuracy.txt",) if test.role == "TEST01" else ()
    return (*first, "verify_performance.txt")


def _deterministic(test: LoggedTest) -> bool:
    text = test.result.files.text(_path(test, "verify_accuracy.txt"))
    return _PASS in (line.strip() for line in text.lines)


def _exactly(
    test: LoggedTest, folder: str, required: frozenset[str], allowed: frozenset[str]
) -> Iterator[Problem]:
    there = set(test.result.files.names(folder))
    for name in sorted(required - there):
        yield Problem(f"{folder}/{name}", "no file", "the file")
    for name in sorted(there - required - allowed):
        yield Problem(f"{folder}/{name}", f"file '{show(name)}'", "no such file")
