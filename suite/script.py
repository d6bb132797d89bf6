"""Scenario scripts: ``scenarios/<target>/<benchmark>.yaml``, one or more specs in a file."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from loadscope.errors import InputError
from loadscope.suite.spec import RunSpec, make_spec
from loadscope.suite.strict_yaml import read_yaml

_LISTS = ("model", "framework", "scenario")


class _Script(BaseModel):
    """Any settings of a ``RunSpec``; the spec itself is what checks them."""

    model_config = ConfigDict(extra="allow")


def read_script(path: Path, overrides: dict[str, Any]) -> list[RunSpec]:
    """Read a scenario script.

    ``model``, ``framework`` and ``scenario`` may be lists; every combination is one run.
    ``runs`` may list settings that differ from run to run, each on top of the others.
    Relative paths in a script are relative to the working directory, as on the command line.

    Args:
        path: The YAML file.
        overrides: Settings from the command line, which win.

    Raises:
        InputError: Unreadable, an unknown key, or a bad value.
    """
    common = dict(read_yaml(path, _Script).model_extra or {})
    runs = common.pop("runs", [{}])
    if not isinstance(runs, list) or not runs or not all(isinstance(run, dict) for run in runs):
        raise InputError(
            f"{path}: 'runs' must be a list of settings", "for example: runs: [{scenario: Offline}]"
        )
    return [
        make_spec(settings, str(path))
        for run in runs
        for settings in _combinations(_layered(common, run, overrides))
    ]


def _layered(*layers: dict[str, Any]) -> dict[str, Any]:
    """Later settings over earlier ones; the backend's options one by one."""
    settings: dict[str, Any] = {}
    for layer in layers:
        before, after = settings.get("options"), layer.get("options")
        settings |= layer
        if isinstance(before, dict) and isinstance(after, dict):
            settings["options"] = {**before, **after}
    return settings


def _combinations(settings: dict[str, Any]) -> Iterator[dict[str, Any]]:
    axes = [
        [(key, value) for value in _as_list(settings[key])] for key in _LISTS if key in settings
    ]
    for combination in itertools.product(*axes):
        yield {**settings, **dict(combination)}


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
