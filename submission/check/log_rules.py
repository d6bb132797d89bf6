"""Rules over one LoadGen test: the performance run and the compliance runs alike.

The accuracy run answers to those rules that ask for no timing.
"""

from collections.abc import Iterator

from loadscope.names import Mode, Scenario
from loadscope.submission.check.rule import Problem, RuleSet, show
from loadscope.submission.check.subjects import (
    DETAIL,
    METRICS,
    SUMMARY,
    LoggedTest,
)
from loadscope.submission.rounds import AS_CLOSED, CLOSED, OPEN

LOGGED: RuleSet[LoggedTest] = RuleSet()
TIMED: RuleSet[LoggedTest] = RuleSet()

_TOKEN_FIGURES = {
    "ttft_latency": "result_first_token_99.00_percentile_latency_ns",
    "tpot_latency": "result_time_per_output_token_99.00_percentile_ns",
}
"""LoadGen's key of the figure that each bound of user.conf is of."""

_MULTIPLE_CONF = "Multiple conf files are used"
# A clock that is read after the last answer, in milliseconds: below its grain nothing is told.
_GRAIN_S = 0.001


@LOGGED.rule(
    "log.files",
    "A LoadGen test has its detail log and its summary, and neither is empty.",
    fix="copy both from the run directory, or repeat the run",
    official=True,
)
def _files(test: LoggedTest) -> Iterator[Problem]:
    for name in (DETAIL, SUMMARY):
        path = f"{test.folder}/{name}"
        entry = test.result.files.file(path)
        if entry is None or not entry.size:
            yield Problem(path, "no file" if entry is None else "an empty file", "LoadGen's file")


@LOGGED.rule(
    "log.form",
    "Every line of a detail log is a whole LoadGen entry.",
    fix="copy the log again from the run directory, or repeat the run",
    official=True,
)
def _form(test: LoggedTest) -> Iterator[Problem]:
    if test.log.wrong not in ("", "no file", "empty"):
        yield Problem(test.path, test.log.wrong, ":::MLLOG and a JSON entry on every line")


@LOGGED.rule(
    "log.one-run",
    "A detail log is that of one run: settings and results come once.",
    fix="copy the log again from the run directory, or repeat the run",
)
def _one_run(test: LoggedTest) -> Iterator[Problem]:
    if test.log.repeated:
        found = f"{test.log.repeated[0]} with two values"
        yield Problem(test.path, found, "one value of each")


@LOGGED.rule(
    "log.errors",
    "LoadGen logged no error.",
    fix="mend what LoadGen names and repeat the run",
    official=True,
)
def _errors(test: LoggedTest) -> Iterator[Problem]:
    compliance = test.role not in tuple(Mode)
    for error in test.log.errors:
        # A compliance run reads audit.config besides; LoadGen says so as an error.
        if not (compliance and _MULTIPLE_CONF in error):
            yield Problem(test.path, show(error), "no error")


@LOGGED.rule(
    "log.mode",
    "The accuracy run ran in LoadGen's accuracy mode, every other in performance mode.",
    fix="put each log into the folder of its run",
)
def _mode(test: LoggedTest) -> Iterator[Problem]:
    if test.readable:
        expected = (Mode.ACCURACY if test.role == Mode.ACCURACY else Mode.PERFORMANCE).loadgen
        found = test.log.values.get("effective_test_mode")
        if found != expected:
            yield Problem(test.path, f"effective_test_mode is {show(found)}", expected)


@LOGGED.rule(
    "log.loadgen-version",
    "The LoadGen of the run is the one that has the round's settings.",
    fix="install the round's mlcommons-loadgen and repeat the run",
    severity="warning",
)
def _version(test: LoggedTest) -> Iterator[Problem]:
    if test.readable:
        found = str(test.log.values.get("loadgen_version")).split(" ")[0]
        expected = test.result.round.loadgen
        if found != expected:
            yield Problem(test.path, f"LoadGen {show(found)}", f"LoadGen {expected}")


@TIMED.rule(
    "test.valid",
    "LoadGen calls the result VALID. The v6.1 checker does not look.",
    fix="mend what LoadGen names as the reason and repeat the run",
)
def _valid(test: LoggedTest) -> Iterator[Problem]:
    if test.readable and (found := test.log.values.get("result_validity")) != "VALID":
        reason = show(test.log.values.get("result_invalid_reason") or "")
        yield Problem(test.path, f"result {show(found)} {reason}".strip(), "VALID")


@TIMED.rule(
    "test.network-sut",
    "Where the system is reached by a network, the SUT's name says so.",
    fix="run it with loadscope run --sut, on two machines",
    official=True,
)
def _network_sut(test: LoggedTest) -> Iterator[Problem]:
    words = test.result.round.submission.network_sut_name
    name = show(test.log.values.get("sut_name") or "")
    if test.readable and test.result.benchmark.system.networked and words not in name:
        yield Problem(test.path, f"sut_name is {name}", f"'{words}' in it")


@TIMED.rule(
    "test.network-untold",
    "In the open division the description of a system that is reached by a network has the fields "
    "of the network. The round's checker does not look.",
    fix="loadscope system --division open --set is_network=true asks for them",
    severity="warning",
)
def _network_untold(test: LoggedTest) -> Iterator[Problem]:
    name = show(test.log.values.get("sut_name") or "")
    named = test.result.round.submission.network_sut_name in name
    told = test.result.benchmark.system.networked
    if test.readable and test.result.division == OPEN and named and not told:
        yield Problem(test.path, f"sut_name is {name}", "is_network in the system's description")


@TIMED.rule(
    "test.network-elsewhere",
    "In the closed division LoadGen runs on the system itself. The round's checker does not look.",
    fix="submit it to the network division",
)
def _network_elsewhere(test: LoggedTest) -> Iterator[Problem]:
    words = test.result.round.submission.network_sut_name
    name = show(test.log.values.get("sut_name") or "")
    if test.readable and test.result.division == CLOSED and words in name:
        yield Problem(test.path, f"sut_name is {name}", "a SUT in LoadGen's process")


@TIMED.rule(
    "test.scenario",
    "The log names one of LoadGen's scenarios.",
    fix="repeat the run",
    official=True,
)
def _scenario(test: LoggedTest) -> Iterator[Problem]:
    if test.readable and test.scenario is None:
        found = show(test.log.values.get("effective_scenario"))
        yield Problem(test.path, f"effective_scenario is {found}", ", ".join(Scenario))


@TIMED.rule(
    "test.metric",
    "The log has the figure that the scenario is judged by, and it is above zero.",
    fix="repeat the run; early stopping gives no estimate for too few queries",
    official=True,
)
def _metric(test: LoggedTest) -> Iterator[Problem]:
    if test.scenario is not None:
        key = METRICS[test.scenario]
        found = test.log.number(key)
        if found is None or found <= 0:
            yield Problem(test.path, f"{key} is {show(test.log.values.get(key))}", "above 0")


@TIMED.rule(
    "test.seeds",
    "The three seeds are the round's, or the compliance test's where it has its own.",
    fix="run with the round's mlcommons-loadgen, each test in a fresh process",
    official=True,
)
def _seeds(test: LoggedTest) -> Iterator[Problem]:
    if test.readable:
        rules = test.result.benchmark.rules
        own = rules.compliance.get(test.role, {}) if rules else {}
        for name, seed in test.result.round.seeds.items():
            seed = own.get(name, seed)
            found = test.log.values.get(f"effective_{name}")
            if found != seed or isinstance(found, (bool, float)):
                yield Problem(test.path, f"{name} is {show(found)}", str(seed))


@TIMED.rule(
    "test.sample-count",
    "The performance run held at least the round's number of samples.",
    fix="remove performance_sample_count_override from user.conf and repeat the run",
    official=True,
)
def _sample_count(test: LoggedTest) -> Iterator[Problem]:
    rules = test.result.benchmark.rules
    if rules is not None:
        yield from _at_least(
            test, "effective_performance_sample_count", rules.performance_sample_count
        )


@TIMED.rule(
    "test.min-duration",
    "The run was asked to last at least 600 seconds.",
    fix="remove min_duration from user.conf and repeat the run",
    official=True,
)
def _min_duration(test: LoggedTest) -> Iterator[Problem]:
    yield from _at_least(test, "effective_min_duration_ms", test.result.round.min_duration_ms)


@TIMED.rule(
    "test.real-duration",
    "The run lasted as long as it was asked to, by LoadGen's clock. No checker of MLPerf looks.",
    fix="repeat the run at full length",
)
def _real_duration(test: LoggedTest) -> Iterator[Problem]:
    if not test.readable:
        return
    seconds, least = test.log.seconds(), test.result.round.min_duration_ms / 1000
    if seconds is None:
        yield Problem(test.path, "no power_begin and power_end to tell", f"at least {least:g} s")
    elif seconds + _GRAIN_S < least:
        yield Problem(test.path, f"{seconds:g} s", f"at least {least:g} s")
    elif test.log.values.get("result_min_duration_met") is not True:
        found = show(test.log.values.get("result_min_duration_met"))
        yield Problem(test.path, f"result_min_duration_met is {found}", "True")


@TIMED.rule(
    "test.query-count",
    "A run issued at least one query; Offline in the closed division enough samples for the round.",
    fix="remove min_query_count from user.conf, or set the round's, and repeat the run",
    official=True,
)
def _query_count(test: LoggedTest) -> Iterator[Problem]:
    rules = test.result.benchmark.rules
    if test.scenario is Scenario.OFFLINE and rules is not None:
        closed = test.result.division in AS_CLOSED
        yield from _at_least(test, "effective_min_query_count", 1)
        least = rules.offline_min_query_count if closed else 1
        yield from _at_least(test, "effective_samples_per_query", least)


@TIMED.rule(
    "test.early-stopping",
    "SingleStream, MultiStream and Server met LoadGen's early stopping condition.",
    fix="run longer, so that more queries are answered",
    official=True,
)
def _early_stopping(test: LoggedTest) -> Iterator[Problem]:
    if test.scenario is not None and test.scenario is not Scenario.OFFLINE:
        found = test.log.values.get("early_stopping_met")
        if found is not True:
            yield Problem(test.path, f"early_stopping_met is {show(found)}", "True")


@TIMED.rule(
    "test.latency-bound",
    "A Server run kept the benchmark's bound of latency, or a stricter one.",
    fix="remove target_latency from user.conf and repeat the run",
    official=True,
)
def _latency_bound(test: LoggedTest) -> Iterator[Problem]:
    rules = test.result.benchmark.rules
    if test.scenario is not Scenario.SERVER or rules is None or rules.use_token_latencies:
        return
    if not any(Scenario.SERVER in names for names in rules.categories.values()):
        return
    bound = rules.server_target_latency_ms * 1e6
    found = test.log.number("effective_target_latency_ns")
    if found is None or found > bound:
        shown = show(test.log.values.get("effective_target_latency_ns"))
        expected = f"at most {bound:.0f}"
        yield Problem(test.path, f"effective_target_latency_ns is {shown}", expected)


@TIMED.rule(
    "test.token-latencies",
    "A benchmark whose answers come token by token was run with use_token_latencies; Server and "
    "Interactive kept the round's bounds of TTFT and TPOT at the 99th percentile.",
    fix="remove use_token_latencies, ttft_latency and tpot_latency from user.conf, lower "
    "target_qps, and repeat the run",
    official=True,
)
def _token_latencies(test: LoggedTest) -> Iterator[Problem]:
    rules = test.result.rules
    if rules is None or not rules.use_token_latencies or not test.readable:
        return
    used = test.log.values.get("requested_use_token_latencies")
    if used is not True:
        yield Problem(test.path, f"requested_use_token_latencies is {show(used)}", "True")
    elif test.scenario is Scenario.SERVER:
        for key, most in rules.token_bounds_ms.items():
            for name in (f"requested_server_{key}", _TOKEN_FIGURES[key]):
                found = test.log.number(name)
                if found is None or found > most * 1e6:
                    shown = show(test.log.values.get(name))
                    yield Problem(test.path, f"{name} is {shown}", f"at most {most * 1e6:.0f}")


def _at_least(test: LoggedTest, key: str, least: int) -> Iterator[Problem]:
    found = test.log.number(key)
    if test.readable and (found is None or found < least):
        shown = show(test.log.values.get(key))
        yield Problem(test.path, f"{key} is {shown}", f"at least {least}")
