"""Rules over the settings of a performance or compliance run: LoadGen logs what was in force."""

import math
import re
from collections.abc import Iterator, Mapping

from loadscope.names import Mode, Scenario
from loadscope.submission.check.rule import Problem, RuleSet, show
from loadscope.submission.check.subjects import LoggedTest

SETTINGS: RuleSet[LoggedTest] = RuleSet()

_CONF_OF_RUN = "put the user.conf of the run beside its logs, or repeat the run with this one"
_CONF = re.compile(r"\s*([^\s.]+)\.([^\s.]+)\.(\w+)\s*=\s*([0-9.]+)\s*")
_LOGGED = {
    "min_duration": ("effective_min_duration_ms", 1.0),
    "min_query_count": ("requested_min_query_count", 1.0),
    "max_query_count": ("requested_max_query_count", 1.0),
    "performance_sample_count_override": ("requested_performance_sample_count_override", 1.0),
}
_LOGGED_BY_SCENARIO: dict[Scenario | None, dict[str, tuple[str, float]]] = {
    Scenario.SERVER: {
        "target_latency": ("effective_target_latency_ns", 1e6),
        "target_latency_percentile": ("effective_target_latency_percentile", 0.01),
    },
    Scenario.MULTI_STREAM: {"samples_per_query": ("effective_samples_per_query", 1.0)},
}
"""Where LoadGen logs a key of user.conf, and its unit there over the one in the file."""
_PRINTED = 1e-4
"""LoadGen logs six digits of a float; where people write more, the two differ by less than this."""


@SETTINGS.rule(
    "test.issue-mode",
    "Samples were drawn as the scenario has it: performance_issue_same and performance_issue_unique"
    " are false outside TEST04.",
    fix="remove audit.config from the working directory and repeat the run",
)
def _issue_mode(test: LoggedTest) -> Iterator[Problem]:
    if test.role != Mode.TEST04 and test.readable:
        for name in ("performance_issue_same", "performance_issue_unique"):
            found = test.log.values.get(f"effective_{name}")
            if found is not False:
                yield Problem(test.path, f"effective_{name} is {show(found)}", "False")


@SETTINGS.rule(
    "test.answer-sampling",
    "No answers were sampled outside TEST01: writing them down takes time.",
    fix="remove audit.config from the working directory and repeat the run",
)
def _answer_sampling(test: LoggedTest) -> Iterator[Problem]:
    if test.role != Mode.TEST01 and test.readable:
        for name in ("accuracy_log_probability", "accuracy_log_sampling_target"):
            found = test.log.values.get(f"effective_{name}")
            if found != 0 or isinstance(found, bool):
                yield Problem(test.path, f"effective_{name} is {show(found)}", "0")


@SETTINGS.rule(
    "test.percentile",
    "SingleStream is judged at the 90th percentile, MultiStream and Server at the 99th.",
    fix="remove target_latency_percentile from user.conf and repeat the run",
)
def _percentile(test: LoggedTest) -> Iterator[Problem]:
    if test.scenario is None:
        return
    percentile = test.result.round.scenarios[test.scenario].percentile
    if percentile is not None:
        yield from _equal(test, "effective_target_latency_percentile", percentile / 100)


@SETTINGS.rule(
    "test.samples-per-query",
    "A query has the scenario's number of samples: 8 in MultiStream, 1 in SingleStream and Server.",
    fix="remove samples_per_query from user.conf and repeat the run",
)
def _samples_per_query(test: LoggedTest) -> Iterator[Problem]:
    if test.scenario is None:
        return
    samples = test.result.round.scenarios[test.scenario].samples_per_query
    if samples is not None:
        yield from _equal(test, "effective_samples_per_query", samples)


@SETTINGS.rule(
    "test.max-query-count",
    "The run had no upper bound of queries.",
    fix="remove max_query_count from user.conf and repeat the run",
)
def _max_query_count(test: LoggedTest) -> Iterator[Problem]:
    if test.readable:
        yield from _equal(test, "effective_max_query_count", 0)


@SETTINGS.rule(
    "test.requested",
    "What was in force is what was requested: the seeds and the duration.",
    fix="copy the log again from the run directory, or repeat the run",
)
def _requested(test: LoggedTest) -> Iterator[Problem]:
    if not test.readable:
        return
    for name in (*test.result.round.seeds, "min_duration_ms"):
        requested = test.log.values.get(f"requested_{name}")
        effective = test.log.values.get(f"effective_{name}")
        if requested != effective:
            found = f"requested_{name} is {show(requested)}, effective_{name} {show(effective)}"
            yield Problem(test.path, found, "the same of both")


@SETTINGS.rule(
    "test.user-conf",
    "What user.conf sets was in force in the performance run.",
    fix=_CONF_OF_RUN,
)
def _user_conf(test: LoggedTest) -> Iterator[Problem]:
    yield from _contradictions(test, _LOGGED | _LOGGED_BY_SCENARIO.get(test.scenario, {}))


@SETTINGS.rule(
    "test.user-conf-rate",
    "The target_qps of user.conf was in force in the performance run.",
    fix=_CONF_OF_RUN,
    severity="warning",
)
def _user_conf_rate(test: LoggedTest) -> Iterator[Problem]:
    if test.scenario in (Scenario.SERVER, Scenario.OFFLINE):
        yield from _contradictions(test, {"target_qps": ("effective_target_qps", 1.0)})


def _contradictions(test: LoggedTest, logged: Mapping[str, tuple[str, float]]) -> Iterator[Problem]:
    result, scenario = test.result, test.scenario
    model = result.model
    if test.role != Mode.PERFORMANCE or scenario is None or model is None:
        return
    path = f"{result.descriptions}/user.conf"
    for key, value in _settings(result.files.loose_text(path), model, scenario).items():
        name, unit = logged.get(key, ("", 1.0))
        found = test.log.number(name)
        if found is not None and not math.isclose(found, value * unit, rel_tol=_PRINTED):
            expected = f"{value * unit:.10g} as in user.conf"
            yield Problem(test.path, f"{name} is {show(found)}", expected)


def _settings(text: str, model: str, scenario: Scenario) -> dict[str, float]:
    """What a user.conf sets for a model and scenario, by LoadGen's order of precedence."""
    places = (("*", "*"), (model, "*"), ("*", scenario), (model, scenario))
    found: dict[str, tuple[int, float]] = {}
    for line in text.splitlines():
        match = _CONF.fullmatch(line.partition("#")[0])
        if match is None or match.group(1, 2) not in places:
            continue
        try:
            place, value = places.index(match.group(1, 2)), float(match[4])
        except ValueError:
            continue
        if place >= found.get(match[3], (0, 0.0))[0]:
            found[match[3]] = (place, value)
    return {key: value for key, (_, value) in found.items()}


def _equal(test: LoggedTest, key: str, expected: float) -> Iterator[Problem]:
    found = test.log.number(key)
    if found is None or not math.isclose(found, expected, rel_tol=1e-6):
        yield Problem(test.path, f"{key} is {show(test.log.values.get(key))}", f"{expected:g}")
