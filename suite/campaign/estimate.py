"""How long the runs of a campaign take, from earlier runs, kept layouts, or the round's rules."""

import contextlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loadscope.errors import InputError, LoadScopeError
from loadscope.names import Mode, Scenario
from loadscope.paths import cache_location
from loadscope.rundir.directory import RunDirectory
from loadscope.rundir.find import find_runs
from loadscope.rundir.record import RunRecord
from loadscope.rundir.result import ResultRecord
from loadscope.rundir.spec import RecordedSpec, RunSpec, make_spec
from loadscope.rundir.spec_names import model_id
from loadscope.submission.rounds import Round, load_round
from loadscope.suite.campaign.hours import ScenarioEstimate, campaign_steps
from loadscope.suite.campaign.planned import Planned
from loadscope.suite.fetch.cache import LAYOUTS
from loadscope.suite.run.layout_cache import kept_layout
from loadscope.suite.run.loadgen_settings import loadgen_settings, rehearsal_reasons
from loadscope.suite.run.understood import understand

_START_SECONDS = 20.0
"""A process's time before LoadGen starts, where no earlier run tells it."""


@dataclass(frozen=True)
class RunEstimate:
    """What one run is expected to take on one host.

    Attributes:
        seconds: All its tests.
        because: Where that comes from.
        rehearsal: Why it is shorter than full length; empty when it is not.
    """

    seconds: float
    because: str
    rehearsal: tuple[str, ...]


@dataclass(frozen=True)
class _Seen:
    host: str
    path: str
    measured: ScenarioEstimate


class History:
    """Earlier runs, by model, framework and scenario.

    Args:
        paths: Run directories, or folders of them; one without any is no error.
    """

    def __init__(self, paths: Iterable[Path] = ()) -> None:
        self._seen: dict[tuple[str, str, Scenario], list[_Seen]] = defaultdict(list)
        for path in paths:
            with contextlib.suppress(InputError):
                for found in find_runs([path]):
                    self._read(found)

    def measured(self, spec: RunSpec, hosts: Sequence[str]) -> tuple[ScenarioEstimate, str] | None:
        """What an earlier run of the same measured, on one of the hosts where there is one.

        Returns:
            It, and where it comes from.
        """
        seen = self._seen.get((model_id(spec.model), spec.framework, spec.scenario))
        if not seen:
            return None
        here = [one for one in seen if one.host in hosts]
        one = (here or seen)[-1]
        where = f"an earlier run on {one.host or 'another host'}"
        return one.measured, where if here else f"{where}, another host"

    def _read(self, path: Path) -> None:
        with contextlib.suppress(InputError):
            run = RunDirectory(path)
            record, result = run.read(), run.result()
            if result is None or not result.samples_per_second or record.traced:
                return
            key = (record.model.id, record.spec.framework, record.scenario)
            host = record.host.identity.hostname if record.host.identity else ""
            self._seen[key].append(_Seen(host, str(path), _measured(record, result)))


def estimates(planned: Planned, history: History) -> list[RunEstimate]:
    """What each run of a plan takes, in its order.

    Raises:
        InputError: A model is unknown, or settings do not fit together.
    """
    known: dict[tuple[int, tuple[str, ...]], RunEstimate] = {}
    found = []
    for run in planned.runs:
        key = (run.spec, run.hosts)
        if key not in known:
            settings = planned.settings(run)
            known[key] = estimate(make_spec(settings, run.id, RecordedSpec), run.hosts, history)
        found.append(known[key])
    return found


def host_hours(planned: Planned, times: Sequence[RunEstimate]) -> dict[str, tuple[float, float]]:
    """Runs and hours of each host; of what any of several may have, an equal share."""
    sums: dict[str, list[float]] = {}
    for run, time in zip(planned.runs, times, strict=True):
        for host in run.hosts:
            runs_hours = sums.setdefault(host, [0.0, 0.0])
            runs_hours[0] += 1 / len(run.hosts)
            runs_hours[1] += time.seconds / 3600 / len(run.hosts)
    return {host: (runs, hours) for host, (runs, hours) in sums.items()}


def plan_json(planned: Planned, times: Sequence[RunEstimate], name: str) -> dict[str, Any]:
    """The object of ``loadscope campaign plan --json``."""
    hosts = host_hours(planned, times)
    return {
        "name": name,
        "runs": [
            {
                "run": run.id,
                "group": run.group,
                "test": planned.title(run),
                "modes": planned.settings(run)["mode"],
                "hosts": list(run.hosts),
                "hours": time.seconds / 3600,
                "because": time.because,
                "rehearsal": list(time.rehearsal),
            }
            for run, time in zip(planned.runs, times, strict=True)
        ],
        "hosts": [
            {"name": host, "runs": runs, "hours": hours} for host, (runs, hours) in hosts.items()
        ],
        "hours": max((hours for _, hours in hosts.values()), default=0.0),
    }


def estimate(spec: RunSpec, hosts: Sequence[str], history: History) -> RunEstimate:
    """How long a run takes, by what hosts have measured, else by the round's durations.

    Args:
        spec: What is run.
        hosts: The hosts that may have it.
        history: What has been measured.
    """
    rules = load_round()
    try:
        loadgen = understand(spec, None).entry.loadgen_model
    except LoadScopeError:
        # A model's file that is there on the hosts alone.
        loadgen = "*"
    benchmark = rules.benchmarks.get(loadgen)
    if benchmark is None and Mode.COMPLIANCE in spec.mode:
        raise InputError(
            f"{spec.model}: stands for no benchmark of {rules.round}, so it has no compliance "
            "tests",
            "leave compliance out of mode",
        )
    samples = spec.count or (benchmark.dataset_size if benchmark else 0)
    conf = loadgen_settings(spec, loadgen, None, rules)
    shorter = rehearsal_reasons(conf, loadgen, spec.scenario, samples, rules)
    if spec.min_duration is not None:
        rules = rules.model_copy(update={"min_duration_ms": max(1, round(spec.min_duration))})
    if spec.min_query_count is not None or (shorter and spec.min_duration is not None):
        rules = _few_queries(rules, spec)
    found = history.measured(spec, hosts) or _kept(spec)
    if found is None:
        seconds, because = _at_least(spec, rules, loadgen), "at least, by the round's durations"
    else:
        measured, because = found
        steps = campaign_steps(measured, loadgen, samples or 1, rules)
        seconds = sum(step.seconds for step in steps if _asked(step.test, spec))
    return RunEstimate(seconds * spec.repeat, because, tuple(shorter))


def _few_queries(rules: Round, spec: RunSpec) -> Round:
    changed = {"early_stopping_queries": None, "min_query_count": spec.min_query_count or 1}
    scenarios = {
        name: one.model_copy(update=changed) if name == spec.scenario else one
        for name, one in rules.scenarios.items()
    }
    fewer = {"offline_min_query_count": spec.min_query_count or 1}
    benchmarks = {name: one.model_copy(update=fewer) for name, one in rules.benchmarks.items()}
    return rules.model_copy(update={"scenarios": scenarios, "benchmarks": benchmarks})


def _asked(test: str, spec: RunSpec) -> bool:
    return test in spec.mode or (Mode(test).audit and Mode.COMPLIANCE in spec.mode)


def _at_least(spec: RunSpec, rules: Round, loadgen: str) -> float:
    benchmark = rules.benchmarks.get(loadgen)
    audits = [Mode(name) for name in benchmark.compliance] if benchmark else []
    tests = [mode for mode in (Mode.PERFORMANCE, *audits) if _asked(mode, spec)]
    accuracy = _START_SECONDS if Mode.ACCURACY in spec.mode else 0.0
    return len(tests) * (rules.min_duration_ms / 1e3 + _START_SECONDS) + accuracy


def _kept(spec: RunSpec) -> tuple[ScenarioEstimate, str] | None:
    """What was measured when a layout of this machine was found that is kept."""
    if spec.scenario.inline:
        return None
    folder = cache_location() / LAYOUTS
    for path in sorted(folder.glob(f"{model_id(spec.model).replace('/', '-')}-*.json")):
        kept = kept_layout(path)
        key = {} if kept is None else kept.key
        same = (key.get("framework"), key.get("scenario")) == (spec.framework, str(spec.scenario))
        if kept is not None and same and kept.known and key.get("model") == model_id(spec.model):
            target = spec.target_qps or kept.known
            told = ScenarioEstimate(
                spec.scenario, target, "", kept.known, 1 / kept.known, _START_SECONDS
            )
            return told, "the layout that is kept on this machine"
    return None


def _measured(record: RunRecord, result: ResultRecord) -> ScenarioEstimate:
    rate = result.samples_per_second or 1.0
    mean = (result.latency_ns.mean if result.latency_ns else None) or 0.0
    state = record.of(Mode.PERFORMANCE)
    whole = state.noise.seconds if state.noise and state.noise.seconds else 0.0
    start = max(0.0, whole - (state.test_seconds or whole))
    target = record.spec.target_qps or rate
    return ScenarioEstimate(record.scenario, target, "", rate, mean / 1e9, start)
