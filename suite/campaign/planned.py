"""What a campaign does, test by test: the content of ``plan.json``, frozen when it starts."""

import json
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import uuid4

from loadscope.errors import InputError
from loadscope.files import write_text
from loadscope.names import Scenario
from loadscope.rundir.spec import recorded
from loadscope.rundir.spec_names import model_id
from loadscope.suite.campaign.campaign_file import CampaignFile, ScriptUse, Target
from loadscope.suite.run.script import read_script

PLAN_FILE = "plan.json"
_PLAIN = re.compile(r"[^/\0\s.][^/\0]*")


@dataclass(frozen=True)
class PlannedRun:
    """One run of the campaign, which is one job a try.

    Attributes:
        id: Its name in the campaign.
        target: The target's name.
        group: The target, and where that has every test on each of its hosts the host too: what
            becomes one submission tree.
        hosts: Where it may run.
        spec: The number of its settings in ``Planned.specs``.
    """

    id: str
    target: str
    group: str
    hosts: tuple[str, ...]
    spec: int


@dataclass(frozen=True)
class Planned:
    """All runs of a campaign.

    Attributes:
        campaign: The campaign's id.
        specs: What of a run does not depend on the host, each once: ``settings`` as ``run.json``
            holds them, ``environment``, ``send`` and ``find_rate`` of the target.
        runs: In the order in which they are wanted.
    """

    campaign: str
    specs: tuple[dict[str, Any], ...]
    runs: tuple[PlannedRun, ...]

    @cached_property
    def by_id(self) -> dict[str, PlannedRun]:
        """The runs by name."""
        return {run.id: run for run in self.runs}

    def settings(self, run: PlannedRun) -> dict[str, Any]:
        """The settings of a run."""
        settings: dict[str, Any] = self.specs[run.spec]["settings"]
        return settings

    def title(self, run: PlannedRun) -> str:
        """Model, framework and scenario, for people."""
        settings = self.settings(run)
        return f"{model_id(settings['model'])} {settings['framework']} {settings['scenario']}"

    def write(self, folder: Path) -> None:
        """Write ``plan.json``."""
        text = json.dumps(
            {
                "format": 1,
                "campaign": self.campaign,
                "specs": self.specs,
                "runs": [asdict(run) for run in self.runs],
            },
            separators=(",", ":"),
        )
        write_text(folder / PLAN_FILE, text.replace('{"id"', '\n{"id"') + "\n")

    @classmethod
    def read(cls, folder: Path) -> "Planned":
        """Read ``plan.json``.

        Raises:
            InputError: There is none: no campaign has been started in the folder.
        """
        path = folder / PLAN_FILE
        try:
            told = json.loads(path.read_text(encoding="utf-8"))
            runs = [PlannedRun(**{**run, "hosts": tuple(run["hosts"])}) for run in told["runs"]]
            specs = tuple(told["specs"])
            for run in runs:
                # What names folders, and what is looked up.
                if not all(map(_PLAIN.fullmatch, (run.id, run.group, *run.hosts))):
                    raise ValueError(f"'{run.id}' is no name of a run, or its group or host none")
                if run.spec not in range(len(specs)):
                    raise ValueError(f"{run.id}: no settings {run.spec}")
            return cls(told["campaign"], specs, tuple(runs))
        except OSError as error:
            raise InputError(
                f"{path}: not found, so no campaign has been started in {folder}",
                "start one with loadscope campaign start FILE",
            ) from error
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"{path}: not a plan: {error}", "start another campaign") from error


def plan_campaign(file: CampaignFile) -> Planned:
    """Lay a campaign out.

    Args:
        file: The campaign file; its scripts and the paths in settings are looked for from the
            working directory.

    Raises:
        InputError: A script or a setting is wrong, or nothing is sent for one of ``send``.
    """
    specs: list[dict[str, Any]] = []
    runs: list[PlannedRun] = []
    names: dict[str, int] = {}
    for target in file.targets:
        numbers = []
        for settings in _settings(target):
            numbers.append(len(specs))
            specs.append(
                {
                    "settings": settings,
                    "environment": target.environment,
                    "send": list(target.send),
                    "find_rate": target.find_rate and settings["scenario"] == Scenario.SERVER,
                }
            )
        _require_sent(target, [specs[number]["settings"] for number in numbers])
        for group, hosts in target.groups:
            for number in numbers:
                settings = specs[number]["settings"]
                parts = (settings["framework"], settings["scenario"])
                name = "-".join([group, model_id(settings["model"]).replace("/", "-"), *parts])
                names[name] = names.get(name, 0) + 1
                numbered = name if names[name] == 1 else f"{name}-{names[name]}"
                runs.append(PlannedRun(numbered, target.name, group, hosts, number))
    return Planned(f"{file.name}-{uuid4().hex[:8]}", tuple(specs), tuple(runs))


def extended(old: Planned, new: Planned, where: str) -> Planned:
    """A plan that goes on with an earlier one: nothing of that is changed, runs may be added.

    Args:
        old: As it was started.
        new: As the campaign file now has it.
        where: The file, for errors.

    Raises:
        InputError: Something was changed or removed; the message says what.
    """
    changes = []
    for run in old.runs:
        now = new.by_id.get(run.id)
        if now is None:
            changes.append(f"{run.id}: removed")
        elif now.hosts != run.hosts:
            changes.append(f"{run.id}: hosts: {', '.join(run.hosts)} → {', '.join(now.hosts)}")
        else:
            changes += [
                f"{run.id}: {key}: {json.dumps(was)} → {json.dumps(is_now)}"
                for key, was, is_now in _differences(old.specs[run.spec], new.specs[now.spec])
            ]
    if changes:
        shown = "; ".join(changes[:5]) + (f"; and {len(changes) - 5} more" if changes[5:] else "")
        raise InputError(
            f"{where}: changed since the campaign was started: {shown}",
            "take the change back (tests may only be added), or start another campaign with "
            "--folder",
        )
    specs = list(old.specs)
    added = []
    for run in new.runs:
        if run.id not in old.by_id:
            added.append(PlannedRun(run.id, run.target, run.group, run.hosts, len(specs)))
            specs.append(new.specs[run.spec])
    return Planned(old.campaign, tuple(specs), (*old.runs, *added))


def _settings(target: Target) -> Iterator[dict[str, Any]]:
    for use in target.scripts:
        script = ScriptUse(script=use) if isinstance(use, str) else use
        overrides: dict[str, Any] = {**target.settings, **script.settings}
        if target.device is not None:
            overrides["device"] = target.device
        try:
            specs = read_script(Path(script.script), overrides)
        except InputError as error:
            # The fault may be the script's or the target's own settings'.
            raise InputError(f"{target.name}: {error.message}", error.fix) from error
        for spec in specs:
            yield recorded(spec).model_dump(mode="json")


def _require_sent(target: Target, settings: list[dict[str, Any]]) -> None:
    """A setting that nobody gives, or a number, would be passed over without a word."""
    for name in target.send:
        values = [one.get(name) for one in settings]
        listed = [
            one for value in values for one in (value if isinstance(value, list) else [value])
        ]
        if not any(isinstance(one, str) for one in listed):
            raise InputError(
                f"{target.name}: send: no test has a file or folder as its setting '{name}'",
                f"give {name} under settings or in a script, or take it out of send",
            )


def _differences(one: dict[str, Any], other: dict[str, Any]) -> Iterator[tuple[str, Any, Any]]:
    for part in one:
        if isinstance(one[part], dict):
            for key in {**one[part], **other[part]}:
                if one[part].get(key) != other[part].get(key):
                    yield f"{part}.{key}", one[part].get(key), other[part].get(key)
        elif one[part] != other[part]:
            yield part, one[part], other[part]
