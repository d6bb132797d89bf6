"""Tune the scenarios of a model: from specs to studies, a script and a page in one folder."""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from loadscope.cores import allowed_cores, usable_cores
from loadscope.datasets.registry import task
from loadscope.datasets.task import Progress
from loadscope.errors import InputError
from loadscope.files import write_json, write_text
from loadscope.names import Scenario
from loadscope.rundir.directory import RunDirectory
from loadscope.rundir.spec import RecordedSpec, RunSpec, make_spec
from loadscope.scenarios.execution import Execution
from loadscope.scenarios.topology import instance_counts
from loadscope.suite.run.layout import keep_tuned, with_layout
from loadscope.suite.run.process_plan import ProcessPlan
from loadscope.suite.run.resolve import ResolvedRun, resolve
from loadscope.suite.tune.script import headline, script_text
from loadscope.suite.tune.searched import SEARCHES_FILE, Searched
from loadscope.suite.tune.space import Axis, search_space, settings
from loadscope.suite.tune.study import Notice, Study, Winner
from loadscope.suite.tune.trial import Trials
from loadscope.sut.registry import backend_info

_LAYOUT = "finding a layout for"
_SEARCH_SHARE = 0.75
"""Share of the budget for the search; the rest is for measuring the best few again."""


def tune(
    specs: Sequence[RunSpec],
    folder: Path,
    *,
    fresh: bool,
    seconds: float,
    most: int | None,
    allow_numerics: bool,
    trial_ms: float,
    script: Path,
    command: str,
    progress: Progress,
    notice: Notice,
    draw: Callable[[str, Sequence[Searched]], str],
) -> dict[str, Any]:
    """Search each scenario in turn, and write what was found.

    Args:
        specs: One model on one framework, a spec a scenario.
        folder: Takes ``tune.json``, ``study.db``, ``trials/``, ``tune.html``, ``result.json``.
        fresh: Whether the folder must be new or empty.
        seconds: Time for all scenarios together.
        most: Most trials a scenario, None for no limit.
        allow_numerics: Whether to search options that change what is computed.
        trial_ms: See ``Trials.duration_ms``.
        script: Where the scenario script goes.
        command: The command line to record.
        progress: Where progress goes.
        notice: Told of each trial in a line.
        draw: Makes the page of a title and the searches.

    Returns:
        The object of ``loadscope tune --json``.

    Raises:
        InputError: The folder is in use, or accuracy is to be kept that cannot be measured.
    """
    if fresh:
        RunDirectory(folder).require_empty()
    found: list[tuple[RunSpec, list[Axis], Winner]] = []
    searches: list[Searched] = []
    processor = None
    # What cannot be prepared is an error before the folder is made.
    prepared = [resolve(spec, progress) for spec in specs]
    instances = instance_counts(allowed_cores().cores)
    with RunDirectory(folder).locked():
        plans = [
            _started(one, held, command, progress)
            for one, held in zip(prepared, _held_layouts(folder, len(specs)), strict=True)
        ]
        write_json(
            folder / "tune.json",
            {
                "specs": [spec.model_dump(mode="json") for spec in specs],
                "allow_numerics": allow_numerics,
                "trial_ms": trial_ms,
                "layouts": [asdict(plan.execution) for plan in plans],
            },
        )
        for spec, one, plan in zip(specs, prepared, plans, strict=True):
            if allow_numerics and not one.model.accuracy_meaningful:
                raise InputError(
                    f"--allow-numerics: the accuracy of {spec.model} on {spec.framework} means "
                    "nothing, so it cannot be kept",
                    "leave it out, or tune a model with trained weights",
                )
            processor = one.host.processor
            axes = _axes(spec, plan, allow_numerics, instances, len(one.dataset))
            # A trial says everything, so that nothing is found anew for each.
            fixed = {**_as_settings(plan.execution), "layout": "auto", "layout_seconds": 0.0}
            asked = spec.model_copy(update=fixed)
            trials = Trials(asked, folder / "trials" / spec.scenario, command, progress, trial_ms)
            study = Study(str(spec.scenario), folder / "study.db", axes, trials, notice)
            share = seconds / len(specs)
            study.search(share * _SEARCH_SHARE, most, progress)
            winner = study.winner(share * (1 - _SEARCH_SHARE))
            found.append((spec, axes, winner))
            said = headline(spec.scenario, winner)
            # Where nothing was better, what is kept says how it was found, and what was noisy then.
            if winner.value != winner.default:
                _keep(one, plan.execution, settings(winner.params, axes), said)
            searches.append(
                Searched(
                    spec.scenario,
                    axes,
                    study.records(),
                    said,
                    winner.params,
                )
            )
        write_json(folder / SEARCHES_FILE, [asdict(one) for one in searches])
        write_text(script, script_text(found, processor))
        write_text(
            folder / "tune.html", draw(f"{specs[0].model} on {specs[0].framework}", searches)
        )
        result = {
            "model": specs[0].model,
            "framework": specs[0].framework,
            "script": str(script),
            "page": str(folder / "tune.html"),
            "scenarios": [
                {
                    "scenario": str(spec.scenario),
                    "headline": headline(spec.scenario, winner),
                    **vars(winner),
                    "settings": settings(winner.params, axes),
                }
                for spec, axes, winner in found
            ],
        }
        write_json(folder / "result.json", result)
    return result


def _held_layouts(folder: Path, count: int) -> list[Execution | None]:
    """The layouts that the search in a folder began with: its space is made from them."""
    path = folder / "tune.json"
    held = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    found: list[Execution | None] = [Execution(**one) for one in held.get("layouts", [])]
    return found or [None] * count


def _started(
    resolved: ResolvedRun, held: Execution | None, command: str, progress: Progress
) -> ProcessPlan:
    """The plan with the layout to begin with."""
    if held is not None:
        return resolved.plan.model_copy(update={"execution": held})
    what, record = f"{_LAYOUT} {resolved.spec.scenario}", resolved.record(command, ())
    seconds = math.ceil(resolved.plan.search.seconds) if resolved.plan.search else 0
    looked = False

    def look(left: float) -> None:
        nonlocal looked
        looked = True
        progress(what, max(0, min(seconds - 1, int(seconds - left))), seconds)

    plan = with_layout(resolved.plan, record, look)
    if looked:
        progress(what, seconds, seconds)
    return plan


def _as_settings(one: Execution) -> dict[str, Any]:
    """An execution as settings of a spec."""
    values = {
        name: getattr(one, name) for name in ("batch_size", "workers", "threads", "instances")
    }
    return {**values, "max_wait": one.max_wait_ms or None}


def _keep(resolved: ResolvedRun, begun: Execution, best: dict[str, Any], what: str) -> None:
    """Have the runs to come begin with what was found for these options."""
    values = {name: best[name] for name in ("batch_size", "workers", "threads") if name in best}
    instances = best.get("instances", begun.instances)
    execution = replace(
        begun,
        **values,
        instances=instances,
        prefetch=int(instances > 1 and resolved.spec.scenario is Scenario.OFFLINE),
        max_wait_ms=best.get("max_wait", begun.max_wait_ms) or 0.0,
    )
    backend, changed = backend_info(resolved.spec.framework), best["options"]
    default = {one.name: one.values[0] for one in backend.tunables}
    asked = {**default, **resolved.plan.artifact.options}
    if all(asked.get(name) == value for name, value in changed.items()):
        keep_tuned(resolved.plan, resolved.record("", ()), execution, f"by tune: {what}")


def _axes(
    spec: RunSpec, plan: ProcessPlan, allow_numerics: bool, instances: list[int], samples: int
) -> list[Axis]:
    execution: Execution = plan.execution
    most = plan.artifact.max_batch
    if not spec.scenario.inline:
        most = min(samples, most or samples)
    return search_space(
        spec.scenario,
        spec.framework,
        usable_cores(),
        execution,
        most,
        dict(plan.artifact.options),
        allow_numerics,
        instances,
        task(plan.task).inputs,
    )


@dataclass(frozen=True)
class Recorded:
    """What an earlier search was asked, from its ``tune.json``; see ``tune`` for the fields."""

    specs: list[RunSpec]
    allow_numerics: bool
    trial_ms: float


def recorded(folder: Path) -> Recorded:
    """What the search in a folder was asked.

    Raises:
        InputError: The folder holds no search.
    """
    path = folder / "tune.json"
    try:
        held = json.loads(path.read_text(encoding="utf-8"))
        specs = [make_spec(spec, str(path), RecordedSpec) for spec in held["specs"]]
        return Recorded(specs, bool(held["allow_numerics"]), float(held["trial_ms"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{folder} holds no search that can be resumed ({error})",
            "give the --output of an earlier 'loadscope tune'",
        ) from error
