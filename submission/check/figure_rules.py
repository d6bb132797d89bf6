"""Rules over the figures of a performance or compliance run: they must agree with each other."""

import math
import re
from collections.abc import Iterator

from loadscope.names import Scenario
from loadscope.submission.check.rule import Problem, RuleSet, show
from loadscope.submission.check.subjects import DETAIL, SUMMARY, LoggedTest

FIGURES: RuleSet[LoggedTest] = RuleSet()

_AGAIN = "copy the log again from the run directory, or repeat the run"
_PRINTED = 1e-4
"""LoadGen writes six digits of a rate."""
_DECIMALS = {Scenario.SERVER: 0.005}
"""Of Server's rate its summary has two decimals, which for a low one is less than six digits."""
_RATE = 0.01
"""LoadGen takes a rate from its own clock; more than this no genuine log is off."""
_OLD = re.compile(r"^(\d\d)th")
_MAIN = {
    Scenario.SINGLE_STREAM: (
        "90.0th percentile latency (ns)",
        "result_90.00_percentile_latency_ns",
    ),
    Scenario.MULTI_STREAM: (
        "99.0th percentile latency (ns)",
        "result_99.00_percentile_per_query_latency_ns",
    ),
    Scenario.OFFLINE: ("Samples per second", "result_samples_per_second"),
    Scenario.SERVER: ("Completed samples per second", "result_completed_samples_per_sec"),
}
"""The line of the summary with the scenario's figure, and LoadGen's key of it."""


@FIGURES.rule(
    "test.summary",
    "The summary says what the detail log says: scenario, VALID, and the scenario's figure.",
    fix="copy both logs of the same run",
)
def _summary(test: LoggedTest) -> Iterator[Problem]:
    path = f"{test.folder}/{SUMMARY}"
    entry = test.result.files.file(path)
    if not test.readable or test.scenario is None or entry is None or not entry.size:
        return
    text = test.result.files.text(path)
    if text.wrong:
        yield Problem(path, text.wrong, "LoadGen's summary")
        return
    stated: dict[str, str] = {}
    for line in text.lines:
        name, colon, value = line.partition(":")
        if colon:
            # LoadGen up to 4.1 writes 90th for 90.0th.
            stated.setdefault(_OLD.sub(r"\1.0th", name.strip()), value.strip())
    for name, key in (("Scenario", "effective_scenario"), ("Result is", "result_validity")):
        expected = show(test.log.values.get(key))
        if stated.get(name) != expected:
            yield Problem(path, f"{name} {show(stated.get(name))}", f"{expected} as in {DETAIL}")
    name, key = _MAIN[test.scenario]
    figure, decimals = test.log.number(key), _DECIMALS.get(test.scenario, 0.0)
    if figure is not None and not _near(_float(stated.get(name, "")), figure, _PRINTED, decimals):
        yield Problem(path, f"{name} {show(stated.get(name))}", f"{figure:.10g} as in {DETAIL}")


@FIGURES.rule(
    "test.constraints",
    "LoadGen says that there were enough queries, and in Server that the latencies were within the "
    "bound; the 99th percentile is, or test.token-latencies holds those of tokens.",
    fix="lower target_qps, or run longer, and repeat the run",
)
def _constraints(test: LoggedTest) -> Iterator[Problem]:
    if test.scenario is None:
        return
    keys = ["result_min_queries_met"]
    if test.scenario is Scenario.SERVER:
        keys.append("result_perf_constraints_met")
    rules = test.result.rules
    by_tokens = rules is not None and rules.use_token_latencies
    if test.scenario is Scenario.SERVER and not by_tokens:
        key, bound = "result_99.00_percentile_latency_ns", "effective_target_latency_ns"
        found, most = test.log.number(key), test.log.number(bound)
        if found is None or most is None or found > most:
            shown = (show(test.log.values.get(name)) for name in (key, bound))
            yield Problem(test.path, f"{key} is {next(shown)}", f"at most {next(shown)}")
    for key in keys:
        if test.log.values.get(key) is not True:
            yield Problem(test.path, f"{key} is {show(test.log.values.get(key))}", "True")


@FIGURES.rule(
    "test.rate",
    "Offline's rate is its samples over its longest latency; Server completed no more than was "
    "scheduled.",
    fix=_AGAIN,
)
def _rate(test: LoggedTest) -> Iterator[Problem]:
    log = test.log
    if test.scenario is Scenario.OFFLINE:
        key, longest = "result_samples_per_second", log.number("result_max_latency_ns")
        # Where samples come in whole permutations, a query may have more than was set.
        generated = log.number("generated_samples_per_query")
        samples = generated or log.number("effective_samples_per_query")
        rate = log.number(key)
        queries = log.number("result_query_count")
        if not rate or not samples or not queries:
            return  # test.metric and test.query-count tell it.
        rules = test.result.benchmark.rules
        every = log.number("effective_performance_sample_count")
        if rules is not None and rules.equal_issue and every:
            # LoadGen fills up, so that each sample is issued as often as the others.
            samples = math.ceil(samples / every) * every
        whole = samples * queries * 1e9 / longest if longest else 0.0
        if not _near(rate, whole, _RATE):
            yield Problem(test.path, f"{key} is {rate:g}", f"{whole:g} by the longest latency")
    elif test.scenario is Scenario.SERVER:
        key, scheduled = "result_completed_samples_per_sec", "result_scheduled_samples_per_sec"
        found, most = log.number(key), log.number(scheduled)
        if found and (most is None or found > most * (1 + _RATE)):
            expected = f"at most the scheduled {show(log.values.get(scheduled))}"
            yield Problem(test.path, f"{key} is {found:g}", expected)


@FIGURES.rule(
    "test.latencies",
    "Latencies are in order: above 0, the mean between the least and the greatest, and the "
    "estimate of early stopping not below the percentile that it is an estimate of.",
    fix=_AGAIN,
)
def _latencies(test: LoggedTest) -> Iterator[Problem]:
    if test.scenario is None:
        return
    middle = "query_latency_ns" if test.scenario is Scenario.MULTI_STREAM else "latency_ns"
    least, mean, most = (f"result_{name}_{middle}" for name in ("min", "mean", "max"))
    pairs = [("", least), (least, mean), (mean, most)]
    if test.scenario is Scenario.OFFLINE:
        # The sum of so many latencies, which the mean is taken from, overflows in LoadGen.
        pairs = [("", least), (least, most)]
    # With tokens LoadGen stops early by the time to the first token, and estimates that.
    if test.scenario.inline and not test.log.values.get("requested_use_token_latencies"):
        stops = {Scenario.SINGLE_STREAM: "ss", Scenario.MULTI_STREAM: "ms"}[test.scenario]
        pairs.append((_MAIN[test.scenario][1], f"early_stopping_latency_{stops}"))
    for lower, upper in pairs:
        above = test.log.number(upper)
        below = test.log.number(lower) if lower else 1.0
        if above is None or below is None or above < below:
            found = f"{upper} is {show(test.log.values.get(upper))}"
            bound = f"{lower}, {show(test.log.values.get(lower))}" if lower else "1"
            yield Problem(test.path, found, f"at least {bound}")


def _near(found: float | None, expected: float, relative: float, absolute: float = 0.0) -> bool:
    return found is not None and math.isclose(found, expected, rel_tol=relative, abs_tol=absolute)


def _float(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
