"""The search itself: Optuna proposes points, trials measure them, sqlite keeps them.

Source of the sampler: Bergstra et al., Algorithms for Hyper-Parameter Optimization (TPE), as
Optuna implements it. The default settings are the first trial, so nothing found is worse.
"""

import json
import random
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from loadscope.datasets.metric import ScoreMetric
from loadscope.datasets.task import Progress
from loadscope.errors import InputError, LoadScopeError, WorkError
from loadscope.names import Scenario
from loadscope.rundir.result import AccuracyRecord
from loadscope.suite.tune.finals import LEAST_ROUNDS, Finalist, decide
from loadscope.suite.tune.space import Axis, Params, defaults, points, settings
from loadscope.suite.tune.trial import PRUNE_BELOW, Best, TrialOutcome, Trials, goodness

ACCURACY_KEPT = 0.99
"""Share of the default settings' accuracy that options which change numerics must keep; the
closed division's own margin."""
_OUTCOME = "outcome"
"""The attribute that a measured trial has; one that was killed has none and is tried again."""
_ACCURACY = "accuracy"
"""The attribute of a trial whose accuracy was measured: its value, in the metric's unit."""
_EMPTY = {"value": None, "rate": None, "latency_ms": None, "percentile": None}
_SEED = 1
_STARTUP = 8
_FINALISTS = 3

Notice = Callable[[str], None]


@dataclass(frozen=True)
class Winner:
    """The best point of a study.

    Attributes:
        params: The point.
        value: Its value, see ``TrialOutcome``, measured again where finalists were.
        default: The default settings' value, measured alike.
        rate: Samples a second.
        latency_ms: See ``TrialOutcome``.
        percentile: See ``TrialOutcome``.
        trials: How many points were measured or begun.
        size: How many points the space has.
    """

    params: Params
    value: float
    default: float
    rate: float
    latency_ms: float | None
    percentile: float | None
    trials: int
    size: int


class Study:
    """A stored search of one scenario.

    Args:
        name: Its name in the storage.
        storage: The sqlite file.
        axes: The space.
        trials: How points are measured.
        notice: Told of each trial in a line.

    Raises:
        InputError: The storage holds a search of another space.
    """

    def __init__(
        self, name: str, storage: Path, axes: list[Axis], trials: Trials, notice: Notice
    ) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._axes, self._trials, self._notice = axes, trials, notice
        self._scenario: Scenario = trials.spec.scenario
        self._study = optuna.create_study(
            study_name=name,
            storage=f"sqlite:///{storage.resolve()}",
            load_if_exists=True,
            direction="minimize" if self._scenario.inline else "maximize",
            sampler=optuna.samplers.TPESampler(seed=_SEED, n_startup_trials=_STARTUP),
        )
        space = [[axis.name, list(axis.values)] for axis in axes]
        held = self._study.user_attrs.get("space", space)
        if held != space:
            raise InputError(
                f"{storage} holds a search of {name} over other settings than there are here now",
                "resume it on the machine and with the version that began it, or start anew",
            )
        self._study.set_user_attr("space", space)
        for trial in self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            self._study.tell(trial.number, state=TrialState.FAIL)
        for trial in self._complete():
            trials.percentile = _outcome(trial).percentile
        self._size = len(list(points(axes)))
        self._random = random.Random(_SEED)
        self._at = 0

    def search(self, seconds: float, most: int | None, progress: Progress) -> None:
        """Measure points until the time is up, ``most`` are measured, or none is left.

        None is begun that would end too late if it took as long as the best one's did.

        Raises:
            LoadScopeError: The default settings cannot be measured.
        """
        begun, what = time.monotonic(), f"tune {self._scenario}: seconds of the budget"
        while most is None or len(self.records()) < most:
            elapsed = time.monotonic() - begun
            tried = self._tried()
            late = elapsed + sum(map(_seconds, self._ranked()[:1])) >= seconds
            if (tried and late) or len(tried) >= self._size:
                break
            progress(what, min(int(elapsed), int(seconds) - 1), int(seconds))
            step = self._step(tried)
            if step is not None:
                self._study.enqueue_trial(step)
            self._one(tried)
        progress(what, int(seconds), int(seconds))

    def winner(self, seconds: float) -> Winner:
        """Measure the best few again, in turn and beside the defaults, and choose among them.

        Args:
            seconds: How long to look for a difference between them; see ``decide``.

        Raises:
            WorkError: No trial was completed.
        """
        ranked = self._ranked()
        if not ranked:
            raise WorkError("no settings could be measured", "see the trials' folders")
        plain = defaults(self._axes).items()
        first = next(one for one in ranked if one.params.items() == plain)
        near = [
            one
            for one in ranked[:_FINALISTS]
            if self._goodness(one) >= PRUNE_BELOW * self._goodness(ranked[0])
        ]
        finalists = {one.number: one for one in (*self._in_time(near, first, seconds), first)}
        best, outcomes = ranked[0].number, {one.number: _outcome(one) for one in (ranked[0], first)}
        # A Server rate was held against the best one before it in every trial already.
        if self._scenario is not Scenario.SERVER and len(finalists) > 1:
            final = decide(
                self._scenario,
                {
                    number: Finalist(self._again(one), len(one.params.items() - plain))
                    for number, one in finalists.items()
                },
                seconds,
            )
            best, outcomes = final.best, final.outcomes
            others = ", ".join(str(number) for number in final.equal if number != best)
            self._notice(
                f"{len(finalists)} of them looked at again, {final.rounds} times: trial {best}"
                + (f" (not told apart from {others}; it changes least)" if others else "")
            )
        return Winner(
            finalists[best].params,
            outcomes[best].value,
            outcomes[first.number].value,
            outcomes[best].rate,
            outcomes[best].latency_ms,
            outcomes[best].percentile,
            len(self.records()),
            self._size,
        )

    def records(self) -> list[dict[str, Any]]:
        """All trials: ``{number, state, params, value, rate, latency_ms, reason, ...}``.

        The state is ``complete``, ``fail``, ``pruned``, or ``rejected`` for want of accuracy.
        """
        return [
            {
                "number": trial.number,
                "state": _state(trial),
                "params": trial.params,
                **_EMPTY,
                **trial.user_attrs[_OUTCOME],
                "accuracy": trial.user_attrs.get(_ACCURACY),
                "seconds": _seconds(trial),
            }
            for trial in self._study.get_trials(deepcopy=False)
            if _OUTCOME in trial.user_attrs
        ]

    def _tried(self) -> list[Params]:
        return [
            trial.params
            for trial in self._study.get_trials(deepcopy=False)
            if trial.state.is_finished() and _OUTCOME in trial.user_attrs
        ]

    def _one(self, tried: list[Params]) -> None:
        trial = self._study.ask()
        params = {
            axis.name: trial.suggest_categorical(axis.name, axis.values) for axis in self._axes
        }
        if params in tried:
            # A sampler repeats itself in a small space.
            self._study.tell(trial, state=TrialState.FAIL)
            self._study.enqueue_trial(self._untried(tried))
            return
        best = self._best()
        try:
            outcome = self._trials.measure(_name(trial.number), settings(params, self._axes), best)
            reason = outcome.pruned or self._inaccuracy(trial, params, outcome, best)
        except KeyboardInterrupt:
            self._study.tell(trial, state=TrialState.FAIL)
            raise
        except LoadScopeError as error:
            trial.set_user_attr(_OUTCOME, {"reason": error.message})
            self._study.tell(trial, state=TrialState.FAIL)
            if params == defaults(self._axes):
                raise
            self._notice(f"trial {trial.number}: {_words(params)}: {error.message}")
            return
        trial.set_user_attr(_OUTCOME, {**asdict(outcome), "reason": reason})
        if reason:
            trial.report(self._steady(outcome), 0)
            self._study.tell(trial, state=TrialState.PRUNED)
        else:
            self._study.tell(trial, self._steady(outcome))
        unit = f"ms at p{outcome.percentile:.0f}" if outcome.percentile else "samples/s"
        end = f" ({reason})" if reason else ""
        if outcome.drift != 1:
            end += f" (the machine at {100 * outcome.drift:.0f} % of its first speed)"
        self._notice(f"trial {trial.number}: {_words(params)}: {outcome.value:.4g} {unit}{end}")

    def _step(self, tried: list[Params]) -> Params | None:
        """The defaults; then a point that differs from the best in one setting, axis by axis.

        An expert goes about it like this, and mostly needs no more; the sampler, which is told
        of these points too, then looks for what only several changes together bring.
        """
        first = defaults(self._axes)
        if first not in tried:
            return first
        if not self._complete():
            return None
        best, axes = self._study.best_params, self._axes
        # An axis is gone through to its end, though the best be another by then.
        for number in (*range(self._at, len(axes)), *range(self._at)):
            for value in axes[number].values:
                point = {**best, axes[number].name: value}
                if point not in tried:
                    self._at = number
                    return point
        return None

    def _untried(self, tried: list[Params]) -> Params:
        return self._random.choice([point for point in points(self._axes) if point not in tried])

    def _inaccuracy(
        self, trial: optuna.Trial, params: Params, outcome: TrialOutcome, best: Best | None
    ) -> str:
        """Why a point that would be the best is not accurate enough; empty if it is."""
        first = defaults(self._axes)
        changed = [
            axis.name
            for axis in self._axes
            if axis.numerics and params[axis.name] != first[axis.name]
        ]
        if not changed or (
            best is not None
            and goodness(self._scenario, self._steady(outcome))
            < goodness(self._scenario, best.value)
        ):
            return "" if not changed else "not the fastest, so its accuracy was not measured"
        reference = self._accuracy(0, first)
        score = self._accuracy(trial.number, params)
        trial.set_user_attr(_ACCURACY, None if score is None else score.value)
        if reference is None or score is None or reference.value is None or score.value is None:
            return f"no accuracy with {', '.join(changed)}"
        metric = ScoreMetric(score.metric, score.unit, score.better)
        worst = metric.kept(reference.value, ACCURACY_KEPT)
        if metric.meets(score.value, worst):
            return ""
        bound = "at least" if metric.better == "higher" else "at most"
        return (
            f"accuracy {score.value:g} {metric.unit} with {', '.join(changed)}, "
            f"{bound} {worst:.4g} {metric.unit} needed"
        )

    def _accuracy(self, number: int, params: Params) -> AccuracyRecord | None:
        """The score of a point, measured once for all points with the same options."""
        chosen = settings(params, self._axes)
        key = json.dumps(chosen["options"], sort_keys=True)
        known: dict[str, Any] = self._study.user_attrs.get("scores", {})
        if key not in known:
            score = self._trials.accuracy(_name(number), chosen)
            known = {**known, key: None if score is None else score.model_dump()}
            self._study.set_user_attr("scores", known)
        return None if known[key] is None else AccuracyRecord.model_validate(known[key])

    def _again(self, trial: FrozenTrial) -> Callable[[], TrialOutcome]:
        chosen = settings(trial.params, self._axes)
        return partial(self._trials.look, _name(trial.number), chosen, _outcome(trial).expected)

    def _in_time(
        self, near: list[FrozenTrial], first: FrozenTrial, seconds: float
    ) -> list[FrozenTrial]:
        """The best of them, and as many more as leave time for the least turns beside the first."""
        fit = 1
        while fit < len(near):
            finalists = {one.number: one for one in (*near[: fit + 1], first)}.values()
            # A look takes half as long as a trial, which has a glance before it.
            if LEAST_ROUNDS * sum(map(_seconds, finalists)) / 2 > seconds:
                break
            fit += 1
        return near[:fit]

    def _complete(self) -> list[FrozenTrial]:
        return self._study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))

    def _ranked(self) -> list[FrozenTrial]:
        """Those that were measured to the end, the best first."""
        return sorted(self._complete(), key=self._goodness, reverse=True)

    def _best(self) -> Best | None:
        best = next(iter(self._ranked()), None)
        if best is None:
            return None
        chosen = settings(best.params, self._axes)
        return Best(_name(best.number), chosen, _outcome(best).expected, best.value or 0.0)

    def _steady(self, outcome: TrialOutcome) -> float:
        """The value at the machine's first speed."""
        inline = self._scenario.inline
        return outcome.value * outcome.drift if inline else outcome.value / outcome.drift

    def _goodness(self, trial: FrozenTrial) -> float:
        return goodness(self._scenario, trial.value or 0.0)


def _state(trial: FrozenTrial) -> str:
    rejected = trial.state is TrialState.PRUNED and _ACCURACY in trial.user_attrs
    return "rejected" if rejected else trial.state.name.lower()


def _seconds(trial: FrozenTrial) -> float:
    return trial.duration.total_seconds() if trial.duration else 0.0


def _outcome(trial: FrozenTrial) -> TrialOutcome:
    held = trial.user_attrs[_OUTCOME]
    return TrialOutcome(**{name: value for name, value in held.items() if name != "reason"})


def _name(number: int) -> str:
    return f"{number:04}"


def _words(params: Params) -> str:
    return ", ".join(f"{name} {value}" for name, value in params.items())
