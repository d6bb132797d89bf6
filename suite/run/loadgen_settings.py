"""From a spec to LoadGen's settings, and whether they make a full-length run."""

from loadscope.errors import InputError
from loadscope.names import Scenario
from loadscope.rundir.spec import RunSpec
from loadscope.rundir.user_conf import ANY_MODEL, UserConf
from loadscope.submission.rounds import BenchmarkRules, Round
from loadscope.units import human


def loadgen_settings(
    spec: RunSpec, model: str, samples: int | None, rules: Round, tokens: bool = False
) -> UserConf:
    """The user.conf for a spec, without what is calibrated.

    Args:
        spec: What to run.
        model: LoadGen's key of the model.
        samples: Samples in the data set; None for settings that are to hold for any.
        rules: The round.
        tokens: Whether LoadGen is to judge first and further tokens; see ``Task.token_latencies``.

    Raises:
        InputError: The spec's own user.conf cannot be used, it asks for more samples than
            there are, or LoadGen would round a bound.
    """
    conf = UserConf()
    if spec.user_conf is not None:
        conf = UserConf.read(spec.user_conf, [model])
    values: dict[str, float] = {}
    if spec.min_duration is not None:
        values["min_duration"] = round(spec.min_duration)
        if spec.min_duration < rules.min_duration_ms:
            # A rehearsal is meant to end at its duration; LoadGen would go on to the round's
            # number of queries.
            values["min_query_count"] = 1
    benchmark = rules.benchmarks.get(model)
    if spec.min_query_count is not None:
        values["min_query_count"] = spec.min_query_count
    elif "min_query_count" not in values and _needs_query_count(conf, spec, model, benchmark):
        values["min_query_count"] = rules.min_query_count(model, spec.scenario)
    if samples is not None:
        values |= _sample_count(conf, spec, model, samples, benchmark)
    if spec.target_qps is not None:
        values["target_qps"] = spec.target_qps
    latency = spec.expected_latency if spec.scenario.inline else spec.server_target_latency
    if latency is not None:
        values["target_latency"] = latency
    values |= _token_bounds(spec, tokens)
    conf = conf.having(model, spec.scenario, values)
    bound = conf.get(model, spec.scenario, "target_latency")
    if spec.scenario is Scenario.SERVER and bound is not None and bound != int(bound):
        raise InputError(
            f"server_target_latency: expected whole milliseconds, got {human(bound)}; LoadGen "
            f"would use {int(bound)} ms",
            f"use {int(bound)}ms or {int(bound) + 1}ms" if bound > 1 else "use 1ms or more",
        )
    return conf


def _token_bounds(spec: RunSpec, tokens: bool) -> dict[str, float]:
    """That tokens are judged, and by what in Server.

    Raises:
        InputError: A bound is none in LoadGen's milliseconds, or there are no tokens.
    """
    given = {"ttft_latency": spec.ttft_latency, "tpot_latency": spec.tpot_latency}
    bounds = {key: value for key, value in given.items() if value is not None}
    for key, value in bounds.items():
        if not tokens:
            raise InputError(
                f"{key}: the task's answers do not come token by token", "leave it out"
            )
        if value != int(value):
            raise InputError(
                f"{key}: expected whole milliseconds, got {human(value)}; LoadGen would use "
                f"{int(value)} ms",
                f"use {int(value) + 1}ms",
            )
    return {"use_token_latencies": 1, **bounds} if tokens else {}


def _sample_count(
    conf: UserConf,
    spec: RunSpec,
    model: str,
    samples: int,
    benchmark: BenchmarkRules | None,
) -> dict[str, float]:
    """What LoadGen must be told of a data set that is smaller than the round's."""
    asked = conf.get(model, spec.scenario, "performance_sample_count_override")
    # LoadGen would take a number larger than the data set, and log it.
    if asked is not None and asked > samples:
        raise InputError(
            f"{spec.user_conf}: performance_sample_count_override: expected at most {samples}, the "
            f"samples of the data set, got {asked:g}",
            "lower it, or raise --count",
        )
    if asked is None and benchmark is not None and samples < benchmark.performance_sample_count:
        return {"performance_sample_count_override": samples}
    return {}


def _needs_query_count(
    conf: UserConf, spec: RunSpec, model: str, benchmark: BenchmarkRules | None
) -> bool:
    """Whether LoadGen would not know the round's number of queries by itself."""
    return (
        benchmark is not None
        and benchmark.offline_min_query_count_in_user_conf
        and spec.scenario is Scenario.OFFLINE
        and conf.get(model, spec.scenario, "min_query_count") is None
    )


def server_bound(conf: UserConf, model: str, rules: Round) -> float:
    """The latency that Server has to keep in force of a user.conf or the round, milliseconds."""
    bound = conf.get(model, Scenario.SERVER, "target_latency")
    return bound or rules.server_target_latency_ms(model) or 0.0


def target_key(scenario: Scenario) -> str:
    """The user.conf key that LoadGen draws up its queries by."""
    return "target_latency" if scenario.inline else "target_qps"


def rehearsal_reasons(
    conf: UserConf, model: str, scenario: Scenario, samples: int, rules: Round
) -> list[str]:
    """Why a run with these settings is shorter than full length; empty if it is not.

    A model that stands for no benchmark is held to LoadGen's general settings.

    Args:
        conf: The settings, from ``loadgen_settings``.
        model: LoadGen's key of the model.
        scenario: The scenario.
        samples: Samples in the data set.
        rules: The round.
    """
    benchmark = rules.benchmarks.get(model)
    if benchmark is None and model != ANY_MODEL:
        return [f"'{model}' is no benchmark of {rules.round}"]
    reasons = []
    duration = conf.get(model, scenario, "min_duration")
    if duration is not None and duration < rules.min_duration_ms:
        reasons.append(f"min_duration {human(duration)} instead of {human(rules.min_duration_ms)}")
    queries = conf.get(model, scenario, "min_query_count")
    least = rules.min_query_count(model, scenario)
    if queries is not None and queries < least:
        reasons.append(f"min_query_count {queries:g} instead of {least}")
    if benchmark is not None and samples < benchmark.dataset_size:
        reasons.append(f"{samples:,} samples instead of {benchmark.dataset_size:,}")
    count = conf.get(model, scenario, "performance_sample_count_override")
    wanted = benchmark.performance_sample_count if benchmark else 0
    if count is not None and 0 < count < wanted:
        reasons.append(f"performance_sample_count {count:g} instead of {wanted}")
    for key in ("max_duration", "max_query_count"):
        if conf.get(model, scenario, key):
            reasons.append(f"{key} is set")
    return reasons + _changed_targets(conf, model, scenario, rules)


def _changed_targets(conf: UserConf, model: str, scenario: Scenario, rules: Round) -> list[str]:
    reasons = []
    official = rules.scenarios[scenario]
    percentile = conf.get(model, scenario, "target_latency_percentile")
    if percentile is not None and percentile != official.percentile:
        reasons.append(f"percentile {percentile:g} instead of {official.percentile:g}")
    per_query = conf.get(model, scenario, "samples_per_query")
    if per_query is not None and per_query != official.samples_per_query:
        reasons.append(f"samples_per_query {per_query:g} instead of {official.samples_per_query}")
    benchmark = rules.benchmarks.get(model)
    bounds = benchmark.token_bounds_ms if benchmark and scenario is Scenario.SERVER else {}
    for key, most in bounds.items():
        bound = conf.get(model, scenario, key)
        if bound is not None and bound > most:
            reasons.append(f"{key} {human(bound)} instead of {human(most)}")
    if scenario is Scenario.SERVER:
        bound = conf.get(model, scenario, "target_latency")
        limit = rules.server_target_latency_ms(model)
        if bound is not None and limit and bound > limit:
            reasons.append(f"target latency {human(bound)} instead of {human(limit)}")
    return reasons
