"""One point of the space measured: short LoadGen runs, each in a fresh process."""

import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from loadscope.datasets.task import Progress
from loadscope.errors import WorkError
from loadscope.names import Mode, Scenario
from loadscope.rundir.result import AccuracyRecord
from loadscope.rundir.spec import RunSpec
from loadscope.suite.tune.rate_search import RateSearch
from loadscope.suite.tune.short_run import batch_milliseconds, query_milliseconds, short_run

TRIAL_MS = 3000.0
"""LoadGen's part of the look that a promising point gets, or of a probe of a Server rate."""
_GLANCE_SHARE = 0.25
PRUNE_BELOW = 0.85
"""Share of the best goodness so far below which a glance ends the trial."""
_CONTROL_SECONDS = 60.0
"""How long a control holds: shared machines change speed within minutes."""
_ABOVE = 10
"""Queries beyond a percentile that make it more than chance."""
PERCENTILES = {Scenario.SINGLE_STREAM: 90.0, Scenario.MULTI_STREAM: 99.0}
"""Those that the scenarios are measured by."""
_MEDIAN = 50.0
_SERVER_TOLERANCE = 0.05
_SERVER_STEP = 1.03
_SERVER_PROBES = 7


@dataclass(frozen=True)
class TrialOutcome:
    """What a trial gave.

    Attributes:
        value: What trials are ranked by: samples a second, of Server queries a second, or of
            inline scenarios latency in ms at ``percentile``.
        rate: Samples a second.
        latency_ms: SingleStream's p90, MultiStream's and Server's p99, of Offline a batch's mean.
        pruned: Why it was ended early, empty if it was not.
        folder: Its last run directory, relative to the trials' folder.
        expected: What its first run was calibrated to expect, as settings of a ``RunSpec``, so
            that later ones need not calibrate.
        drift: The machine's speed at the time over that of the first trial, as far as it is
            known to have changed; 1 where it was not looked at.
        percentile: Of inline scenarios, see ``steady_percentile``.
    """

    value: float
    rate: float
    latency_ms: float | None
    pruned: str
    folder: str
    expected: dict[str, float] = field(default_factory=dict)
    drift: float = 1.0
    percentile: float | None = None


def steady_percentile(scenario: Scenario, queries: float) -> float:
    """The percentile that trials of so many queries are ranked by.

    Of twenty queries the 99th percentile is the slowest one, and so the machine's noise. It is
    the highest one, up to the scenario's own and from the median, that ten queries exceed.
    """
    supported = 100 * (1 - _ABOVE / queries)
    return max(_MEDIAN, min(PERCENTILES[scenario], supported))


def goodness(scenario: Scenario, value: float) -> float:
    """A value turned so that more is better."""
    return 1 / value if scenario.inline else value


@dataclass(frozen=True)
class Best:
    """The best point so far: what a trial is held against.

    Attributes:
        name: Its trial's folder.
        settings: As for ``Trials.measure``.
        expected: Of its ``TrialOutcome``.
        value: Its value, at the machine's speed of the first trial.
    """

    name: str
    settings: dict[str, Any]
    expected: dict[str, float]
    value: float


@dataclass
class Trials:
    """Where and how points are measured.

    Attributes:
        spec: What to run.
        folder: Takes a folder a trial.
        command: The command line to record.
        progress: Where progress goes.
        duration_ms: LoadGen's part of a look at a promising point. A first glance lasts a
            quarter of it; what stands in the final choice is looked at again.
        percentile: Of inline scenarios, decided by the first run, and the same for all others.
    """

    spec: RunSpec
    folder: Path
    command: str
    progress: Progress
    duration_ms: float = TRIAL_MS
    percentile: float | None = None
    _control: tuple[str, float, float] = field(default=("", 0.0, 1.0), init=False)
    # The best point's name, and the highest rate that it has held in a control.
    _held: tuple[str, float] = field(default=("", 0.0), init=False)

    def measure(self, name: str, settings: dict[str, Any], best: Best | None) -> TrialOutcome:
        """Measure a point, and end early where it falls behind.

        Where a first glance is far from the best, better or worse, the best is looked at again
        for control: if the machine has changed speed since, that tells nothing of the point.

        Args:
            name: The trial's folder.
            settings: Of the ``RunSpec``; ``options`` go on top of the spec's own.
            best: The best so far, None for none.

        Raises:
            WorkError: The run failed, or no Server rate is valid.
            InputError: The settings cannot be used.
        """
        spec = self._spec(settings)
        if spec.scenario is Scenario.SERVER:
            return self._rate(name, spec, best)
        glance = self._run(name, "glance", spec, _GLANCE_SHARE * self.duration_ms)
        if best is not None:
            share = goodness(spec.scenario, glance.value) / goodness(spec.scenario, best.value)
            if not PRUNE_BELOW <= share <= 1 / PRUNE_BELOW:
                glance = replace(glance, drift=self._drift(best))
                share /= glance.drift
            if share < PRUNE_BELOW:
                pruned = f"a first glance reached {100 * share:.0f} % of the best"
                return replace(glance, pruned=pruned)
        look = self._run(name, "look", spec.model_copy(update=glance.expected), self.duration_ms)
        return replace(look, expected=glance.expected, drift=glance.drift)

    def _drift(self, best: Best) -> float:
        """The machine's speed over that of the first trial; 1 for a change of no account."""
        name, until, drift = self._control
        if name != best.name or time.monotonic() >= until:
            spec = self._spec({**best.settings, **best.expected})
            now = self._run(best.name, "control", spec, _GLANCE_SHARE * self.duration_ms)
            drift = goodness(spec.scenario, now.value) / goodness(spec.scenario, best.value)
            if PRUNE_BELOW <= drift <= 1 / PRUNE_BELOW:
                drift = 1.0
            self._control = best.name, time.monotonic() + _CONTROL_SECONDS, drift
        return drift

    def look(self, name: str, settings: dict[str, Any], expected: dict[str, float]) -> TrialOutcome:
        """Measure a point once more, for the choice among the best.

        Args:
            name: The trial's folder.
            settings: As for ``measure``.
            expected: Of its ``TrialOutcome``.
        """
        spec = self._spec({**settings, **expected})
        return self._run(name, "again", spec, self.duration_ms)

    def accuracy(self, name: str, settings: dict[str, Any]) -> AccuracyRecord | None:
        """Score a point on the whole data set; None where the score means nothing."""
        spec = self._spec(settings).model_copy(update={"mode": (Mode.ACCURACY,)})
        result = short_run(spec, self.folder / name / "accuracy", self.command, self.progress)
        score = result.accuracy
        return None if score is None or score.value is None else score

    def _spec(self, settings: dict[str, Any]) -> RunSpec:
        options = {**self.spec.options, **settings["options"]}
        return self.spec.model_copy(update={**settings, "options": options})

    def _run(self, name: str, part: str, spec: RunSpec, duration: float) -> TrialOutcome:
        folder = self.folder / name / part
        short = spec.model_copy(
            update={"mode": (Mode.PERFORMANCE,), "min_duration": duration, "repeat": 1}
        )
        result = short_run(short, folder, self.command, self.progress)
        value = result.metric.value if result.metric else None
        rate = result.samples_per_second
        latency: float | None
        if not value or not rate:
            raise WorkError("LoadGen gave no figure", f"its logs are in {folder}")
        if spec.scenario.inline:
            latency, value = value, self._ranked(spec.scenario, folder, duration)
        else:
            latency = batch_milliseconds(folder)
        calibration = result.state[Mode.PERFORMANCE].calibration
        expected = {calibration.key: calibration.value} if calibration else {}
        return TrialOutcome(
            value, rate, latency, "", f"{name}/{part}", expected, percentile=self.percentile
        )

    def _ranked(self, scenario: Scenario, folder: Path, duration: float) -> float:
        latencies = query_milliseconds(folder)
        if self.percentile is None:
            in_a_look = len(latencies) * self.duration_ms / duration
            self.percentile = steady_percentile(scenario, in_a_look)
        return float(np.percentile(latencies, self.percentile))

    def _rate(self, name: str, spec: RunSpec, best: Best | None) -> TrialOutcome:
        search = self._search(name, spec, None if best is None else best.value)
        if best is not None and not self._wins(search, best):
            last = search.probes[-1]
            return TrialOutcome(
                last.rate,
                last.rate,
                last.p99_ms,
                f"INVALID at {last.rate / best.value:.2f} of the best rate",
                f"{name}/{last.folder}",
            )
        search.most += len(search.probes)
        rate = search.highest()
        valid = next(one for one in search.probes if one.valid and one.rate == rate)
        return TrialOutcome(rate, rate, valid.p99_ms, "", f"{name}/{valid.folder}")

    def _wins(self, search: RateSearch, best: Best) -> bool:
        """Whether the search's point holds a rate that the best one does not.

        A moment's disturbance makes a rate INVALID that is not too high, so that the best may be
        worth more than it was given. It is tried at whatever the other has held.
        """
        control = self._search(f"{best.name}/control", self._spec(best.settings), best.value)
        held_by, rate = self._held
        rate = max(rate, best.value) if held_by == best.name else best.value
        step = _SERVER_STEP
        while True:
            if search.holds(rate * step):
                if not control.holds(rate * step):
                    return True
                rate *= step
                self._held = best.name, rate
                step = 1 + 2 * (step - 1)
            elif step > _SERVER_STEP:
                # Too large a step says nothing of the smaller ones.
                step = _SERVER_STEP
            else:
                return False

    def _search(self, name: str, spec: RunSpec, estimate: float | None) -> RateSearch:
        return RateSearch(
            spec.model_copy(update={"target_qps": estimate}),
            self.folder / name,
            self.command,
            self.progress,
            probe_ms=self.duration_ms,
            tolerance=_SERVER_TOLERANCE,
            most=_SERVER_PROBES,
        )
