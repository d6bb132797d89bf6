"""The campaign file: targets, each of hosts and scenario scripts."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, field_validator

from loadscope.rundir.spec import RunSpec
from loadscope.strict_yaml import read_yaml
from loadscope.suite.golden.thresholds import THRESHOLDS

_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _unique(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"'{name}' comes twice; remove one of the two")
    return names


def _fields(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if name not in RunSpec.model_fields:
            raise ValueError(f"'{name}' is no setting of a run")
    return names


def _variables(named: dict[str, str]) -> dict[str, str]:
    for name, value in named.items():
        if not name or "=" in name or "\0" in name + value:
            raise ValueError(f"{name!r} is no variable that a process can have")
    return named


Name = Annotated[str, Field(pattern=_NAME)]
Names = Annotated[tuple[Name, ...], Field(min_length=1), AfterValidator(_unique)]


class ScriptUse(_Part):
    """A scenario script with settings of its own.

    Attributes:
        script: A file, or the name of one that comes with LoadScope.
        settings: Over the script's and the target's.
    """

    script: str
    settings: dict[str, JsonValue] = {}


class SubmissionPart(_Part):
    """The submission tree that a target ends in.

    Attributes:
        division: The division.
        submitter: The name in the tree.
        system: The system description; relative to the working directory, as scripts are.
    """

    division: Literal["closed", "open"] = "closed"
    submitter: str
    system: str


def _dtype(name: str) -> str:
    if name not in THRESHOLDS:
        raise ValueError(f"unknown data type '{name}'; use one of: {', '.join(THRESHOLDS)}")
    return name


class GoldenPart(_Part):
    """What the answers of a target's hosts are held against.

    Attributes:
        files: From ``loadscope golden``, one a model; relative to the working directory.
        dtype: What the hosts compute in; says how far they may be from the golden answers.
    """

    files: Annotated[tuple[str, ...], Field(min_length=1), AfterValidator(_unique)]
    dtype: Annotated[str, AfterValidator(_dtype)] = "float32"


class Target(_Part):
    """What is measured on which hosts.

    Attributes:
        name: In the names of tests and folders.
        hosts: The hosts, as their workers call themselves.
        each: Whether every test runs once on each of them; else once on any of them, which then
            have to be alike.
        machine: What ``uname -m`` must say there.
        loadscope: The version that must be there; that of the coordinator if None.
        python: What the version of Python must begin with.
        device: The settings' ``device``.
        environment: Variables of the test's process.
        scripts: What to run.
        settings: Over those of the scripts.
        send: The settings whose file or folder the coordinator sends; others are the host's own.
        find_rate: Whether Server's highest valid rate is searched for first.
        golden: What finished runs with an accuracy test are held against; nothing if None.
        submission: The tree to make at the end; none if None.
    """

    name: Name
    hosts: Names
    each: bool = True
    machine: str | None = None
    loadscope: str | None = None
    python: str | None = None
    device: str | None = None
    environment: Annotated[dict[str, str], AfterValidator(_variables)] = {}
    scripts: Annotated[tuple[str | ScriptUse, ...], Field(min_length=1)]
    settings: dict[str, JsonValue] = {}
    send: Annotated[tuple[str, ...], AfterValidator(_unique), AfterValidator(_fields)] = ()
    find_rate: bool = False
    golden: GoldenPart | None = None
    submission: SubmissionPart | None = None

    @property
    def groups(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """What becomes one submission tree each: its name, and where its runs may be."""
        if self.each and len(self.hosts) > 1:
            return tuple((f"{self.name}-{host}", (host,)) for host in self.hosts)
        return ((self.name, self.hosts),)


class CampaignFile(_Part):
    """The whole file.

    Attributes:
        name: Of the campaign.
        dispatcher: What carries the jobs to the hosts.
        dispatcher_settings: Its own.
        tries: Most tries of a test that fails or is INVALID by noise.
        host_failures: Most tries that a test loses with its host, as when that is switched off.
        reassign_hours: After how long without an answer a host's test goes to another one, where
            the target has it on any.
        rehearsal: Whether the trees take runs below full length, and are marked.
        targets: What is measured where.
    """

    name: Name
    dispatcher: str = "local"
    dispatcher_settings: dict[str, JsonValue] = {}
    tries: Annotated[int, Field(ge=1, le=100)] = 3
    host_failures: Annotated[int, Field(ge=1, le=1000)] = 10
    reassign_hours: Annotated[float, Field(gt=0)] = 2.0
    rehearsal: bool = False
    targets: Annotated[tuple[Target, ...], Field(min_length=1)]

    # Of the field, so that a fault is told with its line.
    @field_validator("targets")
    @classmethod
    def _no_target_twice(cls, targets: tuple[Target, ...]) -> tuple[Target, ...]:
        _unique(tuple(target.name for target in targets))
        # Runs of two targets in one folder would end in one submission tree.
        owners: dict[str, str] = {}
        for target in targets:
            for group, _ in target.groups:
                if group in owners:
                    raise ValueError(
                        f"'{owners[group]}' and '{target.name}' both have a folder '{group}', "
                        "which is a target and a host; rename one of the two"
                    )
                owners[group] = target.name
        return targets

    @property
    def hosts(self) -> tuple[str, ...]:
        """All hosts, each once, in their order."""
        return tuple(dict.fromkeys(host for target in self.targets for host in target.hosts))


def read_campaign_file(path: Path) -> CampaignFile:
    """Read a campaign file.

    Raises:
        InputError: It cannot be read, or does not fit; with file, line and key of every fault.
    """
    return read_yaml(path, CampaignFile)
