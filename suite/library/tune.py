"""``loadscope.tune``: search for the best settings of a model on this machine."""

import importlib.util
import math
import platform
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import JsonValue

from loadscope.datasets.task import Progress
from loadscope.errors import InputError
from loadscope.names import Scenario
from loadscope.rundir.spec import RunSpec
from loadscope.suite.run.script import expand
from loadscope.units import milliseconds

TARGET = f"{platform.machine().replace('_', '-')}-cpu"
"""The name of this machine's folder of scripts."""


@dataclass(frozen=True)
class TunedScenario:
    """What a search found for one scenario.

    Attributes:
        scenario: The scenario.
        headline: It in a line.
        settings: The best settings, as of a ``RunSpec``.
        value: Their figure: samples a second, of Server queries a second, of SingleStream and
            MultiStream milliseconds.
        default: The default settings' figure, measured alike.
        trials: How many settings were tried.
        size: How many there are.
    """

    scenario: Scenario
    headline: str
    settings: dict[str, JsonValue]
    value: float
    default: float
    trials: int
    size: int


@dataclass(frozen=True)
class Tuned:
    """What a search left.

    Attributes:
        path: Its folder.
        script: The scenario script, for ``loadscope run``.
        page: The page of plots.
        scenarios: What was found, in the order in which it was asked for.
    """

    path: Path
    script: Path
    page: Path
    scenarios: tuple[TunedScenario, ...]


def require_optuna() -> None:
    """Check that what searches is installed.

    Raises:
        InputError: It is not.
    """
    for missing in (
        name for name in ("optuna", "scipy", "sqlalchemy") if not importlib.util.find_spec(name)
    ):
        raise InputError(
            f"{missing} is not installed; tune needs it", "pip install 'loadscope[tune]'"
        )


def budget_seconds(text: str, option: str = "--budget") -> float:
    """Read the time for a search; ``m`` is minutes here, though LoadGen's files have no such unit.

    Raises:
        InputError: It is no time, or below a minute without a unit.
    """
    return time_ms(option, text + "in" if text.endswith("m") else text, "15m", 60_000) / 1e3


def time_ms(option: str, text: str, example: str, least_ms: float) -> float:
    """Read a time; one without a unit is milliseconds, and below ``least_ms`` hardly meant so.

    Raises:
        InputError: It is none; the message names ``option`` and the ``example``.
    """
    try:
        return milliseconds(text, (least_ms, math.inf))
    except ValueError as error:
        raise InputError(f"{option}: {error}", f"for example {option} {example}") from error


def tune(
    spec: RunSpec | None = None,
    *,
    output: Path | str,
    scenario: Scenario | str | tuple[Scenario | str, ...] = Scenario.OFFLINE,
    dataset: Path | str | None = None,
    budget: str = "15m",
    trials: int | None = None,
    trial_duration: str | None = None,
    allow_numerics: bool = False,
    script: Path | str | None = None,
    progress: Progress = lambda *_: None,
    notice: Callable[[str], None] = lambda _: None,
    **settings: Any,
) -> Tuned:
    """Search workers, threads, instances, batch size, waiting time and the framework's options.

    Args:
        spec: What to tune; or give ``model``, ``framework`` and so on as ``settings``.
        output: A new folder for the study, its trials, the page and the script.
        scenario: The scenario, or several; the spec's where one is given.
        dataset: As of ``loadscope.run``.
        budget: Time for all scenarios together, such as ``1h``.
        trials: End after so many trials a scenario.
        trial_duration: LoadGen's part of a trial; three seconds if None.
        allow_numerics: Whether to try options that change what is computed, too.
        script: Where the scenario script goes; into ``output`` if None.
        progress: As of ``loadscope.run``.
        notice: Told of each trial in a line.
        settings: The fields of a ``RunSpec`` that hold for all trials.

    Raises:
        InputError: Optuna is not installed, or what is asked for does not fit together.
        WorkError: Trials failed.
    """
    require_optuna()
    # Optuna takes a second to import, and only a search needs it.
    from loadscope.suite.report.tune_page import tune_page
    from loadscope.suite.tune.run import tune as search
    from loadscope.suite.tune.trial import TRIAL_MS

    given = dict(settings)
    if dataset is not None:
        given["dataset_path"] = str(dataset)
    if spec is not None:
        specs = expand(spec.model_dump(exclude_unset=True), [{}], given, "loadscope.tune")
    else:
        specs = expand({}, [{}], {**given, "scenario": scenario}, "loadscope.tune")
    if len({(one.model, one.framework) for one in specs}) > 1:
        raise InputError(
            "loadscope.tune: expected one model on one framework, got several",
            "tune each by itself",
        )
    trial_ms = TRIAL_MS
    if trial_duration is not None:
        trial_ms = time_ms("trial_duration", trial_duration, "3s", 100)
    folder = Path(output)
    found = search(
        specs,
        folder,
        fresh=True,
        seconds=budget_seconds(budget, "budget"),
        most=trials,
        allow_numerics=allow_numerics,
        trial_ms=trial_ms,
        script=Path(script or folder / "scenarios" / TARGET / f"{specs[0].model}.yaml"),
        command=f"loadscope.tune(output={str(folder)!r})",
        progress=progress,
        notice=notice,
        draw=tune_page,
    )
    return Tuned(
        path=folder,
        script=Path(found["script"]),
        page=Path(found["page"]),
        scenarios=tuple(
            TunedScenario(
                scenario=Scenario(one["scenario"]),
                headline=one["headline"],
                settings=one["settings"],
                value=one["value"],
                default=one["default"],
                trials=one["trials"],
                size=one["size"],
            )
            for one in found["scenarios"]
        ),
    )
