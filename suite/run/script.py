"""Scenario scripts: ``scenarios/<target>/<benchmark>.yaml``, one or more specs in a file."""

import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from loadscope.errors import InputError
from loadscope.names import Scenario
from loadscope.rundir.spec import RunSpec, among, make_spec, scenario_of
from loadscope.rundir.spec_names import file_named
from loadscope.shipped import here_or_shipped
from loadscope.strict_yaml import read_yaml
from loadscope.suite.models.manifest import Catalogue, family_entry
from loadscope.suite.models.own_model import framework_of, reading
from loadscope.sut.registry import backend_info

LISTS = ("model", "framework", "scenario")
"""The fields that may be lists where runs are asked for; every combination is one."""


class _Script(BaseModel):
    """Any settings of a ``RunSpec``; the spec itself is what checks them."""

    model_config = ConfigDict(extra="allow")


def read_script(path: Path, overrides: dict[str, Any]) -> list[RunSpec]:
    """Read a scenario script.

    ``model``, ``framework`` and ``scenario`` may be lists; every combination is one run, and a
    setting that only one kind of scenario has is for the runs of that kind.
    ``runs`` may list settings that differ from run to run, each on top of the others.
    Relative paths in a script are relative to the working directory, as on the command line.

    Args:
        path: The YAML file, or the name of a script that comes with LoadScope:
            ``scenarios:x86-64-cpu/resnet50``.
        overrides: Settings from the command line, which win.

    Raises:
        InputError: Unreadable, an unknown key, or a bad value.
    """
    common = dict(read_yaml(here_or_shipped(path), _Script).model_extra or {})
    runs = common.pop("runs", [{}])
    if not isinstance(runs, list) or not runs or not all(isinstance(run, dict) for run in runs):
        raise InputError(
            f"{path}: runs: expected a list of settings, got {json.dumps(runs, default=str)}",
            "for example: runs: [{scenario: Offline}]",
        )
    return expand(common, runs, overrides, str(path))


def expand(
    common: dict[str, Any], runs: list[dict[str, Any]], overrides: dict[str, Any], where: str
) -> list[RunSpec]:
    """Every combination of the models, frameworks and scenarios of each of the runs.

    A setting that some scenarios alone have is theirs, where several share it; see ``among``.

    Args:
        common: Settings of all runs.
        runs: Settings of each run, on top of them.
        overrides: Settings on top of both.
        where: The file, or ``command line``.

    Raises:
        InputError: A key is unknown, a value is bad, or one has two meanings.
    """
    groups = [
        list(map(without_names, _combinations(_layered(common, run, overrides), where)))
        for run in runs
    ]
    everywhere = [scenario for group in groups for scenario in _scenarios(group)]
    specs = []
    for run, group in zip(runs, groups, strict=True):
        own = [key for key in run if key not in overrides]
        for settings in group:
            scenario = scenario_of(settings.get("scenario"))
            if scenario is not None:
                shared = [key for key in settings if key not in own]
                kept = among(shared, scenario, everywhere, where)
                kept += among(own, scenario, _scenarios(group), where)
                settings = {key: settings[key] for key in settings if key in kept}
            specs.append(make_spec(settings, where))
    return specs


def without_names(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings in which a model's file, or a family's model, has a framework and a scenario.

    Where none is named they are the first framework that reads it and is installed, and Offline.

    Raises:
        InputError: There is no such file, model or family, or no framework that reads it is here.
    """
    named = str(settings.get("model", ""))
    path = file_named(named)
    if path is None and reading(Path(named)):
        # No id ends as a model's file does; a folder's name may be one.
        path = Path(named)
        if path.is_dir() and "/" not in named:
            settings = {**settings, "model": f"./{named}"}
    if path is None:
        if "/" not in named:
            if named and not settings.get("framework") and not settings.get("models"):
                # A name that is misspelt is told of before what it would need.
                Catalogue.load().get(named)
            return settings
        framework = settings.get("framework") or _family_framework(named)
        return {"scenario": Scenario.OFFLINE, **settings, "framework": framework}
    if not settings.get("framework") or not path.exists():
        settings = {**settings, "framework": framework_of(path)}
    return {"scenario": Scenario.OFFLINE, **settings}


def _family_framework(model_id: str) -> str:
    able = [backend_info(name) for name in family_entry(model_id).frameworks()]
    installed = [info.name for info in able if info.installed()]
    if not installed:
        raise InputError(f"{model_id}: {able[0].title} is not installed here", able[0].install)
    return installed[0]


def _scenarios(group: list[dict[str, Any]]) -> list[Scenario]:
    named = (scenario_of(settings.get("scenario")) for settings in group)
    return [scenario for scenario in named if scenario is not None]


def _layered(*layers: dict[str, Any]) -> dict[str, Any]:
    """Later settings over earlier ones; the backend's options one by one."""
    settings: dict[str, Any] = {}
    for layer in layers:
        before, after = settings.get("options"), layer.get("options")
        settings |= layer
        if isinstance(before, dict) and isinstance(after, dict):
            settings["options"] = {**before, **after}
    return settings


def _combinations(settings: dict[str, Any], where: str) -> Iterator[dict[str, Any]]:
    axes = []
    for key in LISTS:
        if key in settings:
            given = settings[key]
            values = list(given) if isinstance(given, list | tuple) else [given]
            if key == "scenario":
                values = [scenario_of(value) or value for value in values]
            if not values:
                raise InputError(
                    f"{where}: {key}: expected at least one, got an empty list", "name one"
                )
            # What is named twice is run once.
            different = [one for at, one in enumerate(values) if one not in values[:at]]
            axes.append([(key, value) for value in different])
    for combination in itertools.product(*axes):
        yield {**settings, **dict(combination)}
