"""The dispatcher to Slurm's nodes: one exclusive job a run, its folder on a disk that all share.

Slurm gives a node to one job at a time and knows whether that lives; what it came to stands in the
job's folder, as with every dispatcher.
"""

import shlex
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from loadscope.errors import InputError
from loadscope.files import write_text
from loadscope.rundir.directory import RUN_FILE
from loadscope.rundir.part import Part
from loadscope.rundir.progress import read_progress
from loadscope.suite.campaign.dispatcher import RequestDispatcher, read_settings
from loadscope.suite.campaign.host_folder import HostFolder
from loadscope.suite.campaign.job import HostFacts, Job, JobState, Outcome
from loadscope.suite.campaign.job_folder import LOG_FILE, JobFolder, locked
from loadscope.suite.campaign.slurm import commands
from loadscope.suite.run.engine import request_cancel

_SUBMITTED, _SCRIPT = "slurm.json", "slurm.sh"
_MODULE = "loadscope.suite.campaign.slurm.job"
_NO_LONGER = ("down", "drain", "fail", "maint", "no_respond", "unknown")


class SlurmSettings(BaseModel):
    """Settings of the dispatcher.

    Attributes:
        folder: Takes the jobs, under the same path on all nodes; below the campaign's if None.
        python: The Python on the nodes that has LoadScope.
        partition: Slurm's partition; its default one if None.
        account: The account that is charged.
        time_limit: Of a job, as ``--time`` takes it; the partition's if None.
        options: Further options of sbatch and srun, such as ``--constraint=…``.
        busy_seconds: How long a node may be busy before it counts as one that does not answer.
        shared_seconds: How long the disk may take to show here what a node has written.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    folder: Path | None = None
    python: str = sys.executable
    partition: str | None = None
    account: str | None = None
    time_limit: str | None = None
    options: tuple[str, ...] = ()
    busy_seconds: int = 10
    shared_seconds: float = 30.0

    def options_for(self, host: str) -> list[str]:
        """What has sbatch and srun take this node."""
        named = {"partition": self.partition, "account": self.account}
        given = [f"--{name}={value}" for name, value in named.items() if value is not None]
        return [*given, *self.options, "--nodes=1", "--ntasks=1", f"--nodelist={host}"]


class Submitted(Part):
    """The content of ``slurm.json``.

    Attributes:
        number: The job's, as Slurm counts.
        at: When it was handed in, seconds since the epoch.
    """

    number: int
    at: float


@dataclass(frozen=True)
class SlurmHost(HostFolder):
    """A node's folder on the shared disk, seen from where the campaign is carried out.

    Attributes:
        settings: The dispatcher's.
    """

    settings: SlurmSettings

    def facts(self) -> HostFacts:
        """What the node says of itself.

        Raises:
            HostUnreachable: It is busy, or Slurm does not answer.
        """
        command = [self.settings.python, "-P", "-m", _MODULE, "--facts", self.name]
        options = self.settings.options_for(self.name)
        printed = commands.run_on(
            options, [*command, str(self.root.absolute())], self.settings.busy_seconds
        )
        return HostFacts.model_validate_json(printed)

    def launch(self, folder: JobFolder) -> None:
        """Hand the job to Slurm, unless it has it.

        Raises:
            InputError: Slurm refuses it.
            HostUnreachable: Slurm does not answer.
        """
        job = folder.job()
        # Slurm is asked by name too: a crash may have come between its taking the job and the
        # note of it.
        name = f"loadscope-{job.campaign}-{job.id}"
        with locked(folder.path / ".starting"):
            if self.state(job.campaign, job.id).status not in ("absent", "lost"):
                return
            number = commands.job_named(name)
            if number is None:
                number = commands.submit(self._options(name, folder), self._script(folder))
            submitted = Submitted(number=number, at=time.time())
            write_text(folder.path / _SUBMITTED, submitted.model_dump_json() + "\n")

    def state(self, campaign: str, job_id: str) -> JobState:
        """How a job stands, by its folder and by Slurm.

        Raises:
            HostUnreachable: Slurm does not answer.
        """
        folder = self.job_folder(campaign, job_id)
        # Slurm first: a job that ends in between has said so.
        submitted = _submitted(folder)
        known = commands.job_state(submitted.number) if submitted else None
        if (outcome := folder.outcome()) is not None:
            return JobState(status="ended", outcome=outcome)
        if submitted is None:
            return JobState(status="absent")
        state, reason = known or ("not known to Slurm any more", "")
        if state in commands.WAITING:
            return JobState(status="waiting", said=f"Slurm: {state.lower()}: {reason}")
        if state in commands.RUNNING:
            return JobState(status="running", progress=read_progress(folder.run))
        if state == "CANCELLED" and not folder.log():
            now = time.time()
            gone = Outcome(status="cancelled", began=now, ended=now, message="cancelled in Slurm")
            folder.end(gone)
            return JobState(status="ended", outcome=gone)
        if folder.path.joinpath(LOG_FILE).exists() and self._fresh(folder):
            return JobState(status="running")
        last = (folder.log().strip().splitlines() or [""])[-1]
        return JobState(status="lost", said=f"Slurm: {state.lower()}{last and f'; {last}'}")

    def cancel(self, campaign: str, job_id: str) -> None:
        """Have a job end: between two samples where a test runs, at once where none does."""
        folder = self.job_folder(campaign, job_id)
        if folder.outcome() is not None or (submitted := _submitted(folder)) is None:
            return
        if (folder.run / RUN_FILE).exists():
            request_cancel(folder.run)
        else:
            commands.cancel(submitted.number)

    def _fresh(self, folder: JobFolder) -> bool:
        changed = folder.path.joinpath(LOG_FILE).stat().st_mtime
        return time.time() - changed < self.settings.shared_seconds

    def _options(self, name: str, folder: JobFolder) -> list[str]:
        time_limit = self.settings.time_limit
        return [
            *self.settings.options_for(self.name),
            *([f"--time={time_limit}"] if time_limit else []),
            # The whole node, its memory among that; and what Slurm would run again by itself
            # would be a try that nobody counted.
            "--exclusive", "--mem=0", "--no-requeue", "--export=NONE", f"--job-name={name}",
            "--dependency=singleton", f"--output={folder.path / LOG_FILE}", "--open-mode=append",
            f"--chdir={folder.path}",
        ]  # fmt: skip

    def _script(self, folder: JobFolder) -> Path:
        command = [self.settings.python, "-P", "-m", _MODULE, str(folder.path), str(self.lock)]
        path = folder.path / _SCRIPT
        write_text(path, f"#!/bin/sh\nexec {shlex.join(command)}\n")
        return path


class SlurmDispatcher(RequestDispatcher):
    """Nodes of a cluster.

    Args:
        hosts: Their folders, by name.
    """

    def __init__(self, hosts: Mapping[str, SlurmHost]) -> None:
        self._hosts = hosts

    def hosts(self) -> tuple[str, ...]:
        """See ``Dispatcher``: those that Slurm can give work to."""
        known = commands.nodes()
        return tuple(name for name in self._hosts if _serves(known.get(name, "unknown")))

    def carry(self, host: str, request: str) -> str:
        """See ``RequestDispatcher``: the files lie on a disk that is here too."""
        return self._hosts[host].answer(request)

    def facts(self, host: str) -> HostFacts:
        """See ``Dispatcher``."""
        return self._hosts[host].facts()

    def start(self, host: str, job: Job, files: Mapping[str, Path]) -> JobState:
        """See ``Dispatcher``."""
        self.bring(host, job, files)
        return self._hosts[host].start(job)

    def state(self, host: str, campaign: str, job_id: str) -> JobState:
        """See ``Dispatcher``."""
        return self._hosts[host].state(campaign, job_id)

    def cancel(self, host: str, campaign: str, job_id: str) -> None:
        """See ``Dispatcher``."""
        self._hosts[host].cancel(campaign, job_id)


class SlurmKind:
    """Opens the dispatcher."""

    def check(self, hosts: tuple[str, ...], settings: Mapping[str, Any]) -> None:
        """See ``DispatcherKind``; which nodes there are is known where Slurm is."""
        read_settings(SlurmSettings, "slurm", settings)

    @contextmanager
    def open(
        self, folder: Path, hosts: tuple[str, ...], settings: Mapping[str, Any]
    ) -> Iterator[SlurmDispatcher]:
        """See ``DispatcherKind``.

        Raises:
            InputError: A setting is wrong, or Slurm has no node of a name.
        """
        read = read_settings(SlurmSettings, "slurm", settings)
        known = commands.nodes()
        if unknown := [host for host in hosts if host not in known]:
            raise InputError(
                f"Slurm has no node {', '.join(unknown)}", f"it has: {', '.join(sorted(known))}"
            )
        root = read.folder or folder / "hosts"
        yield SlurmDispatcher({name: SlurmHost(name, root / name, read) for name in hosts})

    def start_workers(
        self, folder: Path, hosts: tuple[str, ...], settings: Mapping[str, Any]
    ) -> tuple[str, ...]:
        """See ``DispatcherKind``: slurmd is what answers on a node.

        Raises:
            InputError: Always.
        """
        raise InputError("the dispatcher 'slurm' has no workers", "leave --ssh out")


SLURM = SlurmKind()


def _submitted(folder: JobFolder) -> Submitted | None:
    try:
        return Submitted.model_validate_json((folder.path / _SUBMITTED).read_bytes())
    except OSError:
        return None


def _serves(state: str) -> bool:
    return not any(state.lower().startswith(word) for word in _NO_LONGER)
