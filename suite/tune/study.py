"""The search itself: Optuna proposes points, trials measure them, sqlite keeps them.

Source of the sampler: Bergstra et al., Algorithms for Hyper-Parameter Optimization (TPE), as
Optuna implements it. The default settings are the first trial, so nothing found is worse.
"""

import json
import random
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from loadscope.datasets.protocol import Progress
from loadscope.errors import InputError, LoadScopeError, WorkError
from loadscope.scenarios.names import Scenario
from loadscope.suite.tune.space import Axis, Params, defaults, points, settings
from loadscope.suite.tune.trial import PRUNE_BELOW, Outcome, Trials, goodness

ACCURACY_KEPT = 0.99
"""Share of the default settings' accuracy that options which change numerics must keep; the
closed division's own margin."""
_OUTCOME = "outcome"
"""The attribute that a measured trial has; one that was killed has none and is tried again."""
_ACCURACY = "accuracy"
"""The attribute of a trial whose accuracy was measured, percent."""
_EMPTY = {"value": None, "rate": None, "latency_ms": None}
_SEED = 1
_STARTUP = 8
_FINALISTS = 3

Notice = Callable[[str], None]


@dataclass(frozen=True)
class Winner:
    """The best point of a study.

    Attributes:
        params: The point.
        value: Its value, measured again where finalists were.
        default: The default settings' value, measured alike.
        rate: Samples a second.
        latency_ms: See ``Outcome``.
        trials: How many points were measured or begun.
        size: How many points the space has.
    """

    params: Params
    value: float
    default: float
    rate: float
    latency_ms: float | None
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
        self._size = len(list(points(axes)))
        self._random = random.Random(_SEED)

    def search(self, seconds: float, most: int | None, progress: Progress) -> None:
        """Measure points until the time is up, ``most`` are measured, or none is left.

        Raises:
            LoadScopeError: The default settings cannot be measured.
        """
        begun, what = time.monotonic(), f"tune {self._scenario}: seconds of the budget"
        while most is None or len(self.records()) < most:
            elapsed = time.monotonic() - begun
            tried = self._tried()
            if (tried and elapsed >= seconds) or len(tried) >= self._size:
                break
            progress(what, min(int(elapsed), int(seconds) - 1), int(seconds))
            if defaults(self._axes) not in tried:
                self._study.enqueue_trial(defaults(self._axes))
            self._one(tried)
        progress(what, int(seconds), int(seconds))

    def winner(self) -> Winner:
        """Measure the best few again, longer, beside the defaults, and choose among them.

        Raises:
            WorkError: No trial was completed.
        """
        complete = self._study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        if not complete:
            raise WorkError("no settings could be measured", "see the trials' folders")
        ranked = sorted(complete, key=self._goodness, reverse=True)
        first = next(one for one in complete if one.params == defaults(self._axes))
        near = [
            one
            for one in ranked[:_FINALISTS]
            if self._goodness(one) >= PRUNE_BELOW * self._goodness(ranked[0])
        ]
        finalists = {one.number: one for one in (*near, first)}
        final = {number: _outcome(one) for number, one in finalists.items()}
        # A Server rate was held against the best one before it in every trial already.
        if self._scenario is not Scenario.SERVER and len(final) > 1:
            for number, one in finalists.items():
                final[number] = self._trials.look(
                    _name(number), settings(one.params, self._axes), final[number].expected
                )
        best = max(final, key=lambda number: goodness(self._scenario, final[number].value))
        return Winner(
            finalists[best].params,
            final[best].value,
            final[first.number].value,
            final[best].rate,
            final[best].latency_ms,
            len(self.records()),
            self._size,
        )

    def records(self) -> list[dict[str, Any]]:
        """All trials: ``{number, state, params, value, rate, latency_ms, reason, seconds}``.

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
                "seconds": trial.duration.total_seconds() if trial.duration else None,
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
            trial.report(outcome.value, 0)
            self._study.tell(trial, state=TrialState.PRUNED)
        else:
            self._study.tell(trial, outcome.value)
        unit = "ms" if self._scenario.inline else "samples/s"
        end = f" ({reason})" if reason else ""
        self._notice(f"trial {trial.number}: {_words(params)}: {outcome.value:.4g} {unit}{end}")

    def _untried(self, tried: list[Params]) -> Params:
        """A point that differs from the best in one setting, or any where all those are tried."""
        untried = [point for point in points(self._axes) if point not in tried]
        best = self._study.best_params
        near = [point for point in untried if len(point.items() - best.items()) == 1]
        return self._random.choice(near or untried)

    def _inaccuracy(
        self, trial: optuna.Trial, params: Params, outcome: Outcome, best: float | None
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
            and goodness(self._scenario, outcome.value) < goodness(self._scenario, best)
        ):
            return "" if not changed else "not the fastest, so its accuracy was not measured"
        reference = self._accuracy(0, first)
        score = self._accuracy(trial.number, params)
        trial.set_user_attr(_ACCURACY, score)
        if reference is None or score is None:
            return f"no accuracy with {', '.join(changed)}"
        least = ACCURACY_KEPT * reference
        if score < least:
            return f"accuracy {score:g} % with {', '.join(changed)}, at least {least:.4g} % needed"
        return ""

    def _accuracy(self, number: int, params: Params) -> float | None:
        """The score of a point, measured once for all points with the same options."""
        chosen = settings(params, self._axes)
        key = json.dumps(chosen["options"], sort_keys=True)
        known: dict[str, float | None] = self._study.user_attrs.get("accuracies", {})
        if key not in known:
            known = {**known, key: self._trials.accuracy(_name(number), chosen)}
            self._study.set_user_attr("accuracies", known)
        return known[key]

    def _best(self) -> float | None:
        complete = self._study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        return max(complete, key=self._goodness).value if complete else None

    def _goodness(self, trial: FrozenTrial) -> float:
        return goodness(self._scenario, trial.value or 0.0)


def _state(trial: FrozenTrial) -> str:
    rejected = trial.state is TrialState.PRUNED and _ACCURACY in trial.user_attrs
    return "rejected" if rejected else trial.state.name.lower()


def _outcome(trial: FrozenTrial) -> Outcome:
    held = trial.user_attrs[_OUTCOME]
    return Outcome(**{name: value for name, value in held.items() if name != "reason"})


def _name(number: int) -> str:
    return f"{number:04}"


def _words(params: Params) -> str:
    return ", ".join(f"{name} {value}" for name, value in params.items())
