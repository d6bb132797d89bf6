"""A host's side of its campaigns: one folder, and the requests that a dispatcher brings.

``ROOT/campaign/CAMPAIGN/JOB_ID/`` is a job's folder, ``ROOT/host.lock`` the file whose lock says
that a test has the host. A request and its answer are one object of JSON each, so that whatever
carries them, Dask's scheduler or a shell, need neither know nor run anything else.
"""

import base64
import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from loadscope.errors import InputError, WorkError, describe
from loadscope.rundir.directory import PLAN_FILE
from loadscope.suite.campaign.host_facts import host_facts
from loadscope.suite.campaign.inputs import CHUNK_BYTES, keep_part, missing_files
from loadscope.suite.campaign.job import HostFacts, Job, JobState
from loadscope.suite.campaign.job_folder import JobFolder
from loadscope.suite.fetch.digest import file_sha256

_LEFT_THERE = (".lock", PLAN_FILE)
"""What only the host can use of a run directory."""
_LEAST_FREE = 1 << 28


@dataclass(frozen=True)
class HostFolder:
    """The host side of campaigns.

    Attributes:
        name: What campaigns call this host.
        root: Its folder, on a disk of this host.
    """

    name: str
    root: Path

    @property
    def lock(self) -> Path:
        """The file whose lock is the host's."""
        return self.root.absolute() / "host.lock"

    def job_folder(self, campaign: str, job_id: str) -> JobFolder:
        """The folder of a job, whether or not it is there.

        Raises:
            InputError: A name would lead out of the folder.
        """
        for name in (campaign, job_id):
            if not name or name.startswith(".") or "/" in name or "\0" in name:
                raise InputError(f"expected the id of a campaign or a job, got {name!r}")
        # The job's process has another working directory.
        return JobFolder(self.root.absolute() / "campaign" / campaign / job_id)

    def facts(self) -> HostFacts:
        """What this host says of itself."""
        return host_facts(self.name, self.root)

    def start(self, job: Job) -> JobState:
        """Start a job: at once where the host is free, else as soon as it is.

        One that has ended stays as it is; one that runs is left to it.

        Raises:
            InputError: It is another host's, or a file of it is missing.
            WorkError: It cannot be started, or there is no space.
        """
        if job.host != self.name:
            raise InputError(
                f"the job {job.id} is for the host '{job.host}', this one is '{self.name}'",
                "start the worker there with --name of the campaign file",
            )
        folder = self.job_folder(job.campaign, job.id)
        state = self.state(job.campaign, job.id)
        if state.status not in ("absent", "lost"):
            return state
        if missing := missing_files(job.inputs, self.root):
            raise InputError(f"{len(missing)} files of the job {job.id} have not been sent")
        self.root.mkdir(parents=True, exist_ok=True)
        require_space(self.name, shutil.disk_usage(self.root).free)
        folder.path.mkdir(parents=True, exist_ok=True)
        folder.write_job(job)
        self.launch(folder)
        return self.state(job.campaign, job.id)

    def launch(self, folder: JobFolder) -> None:
        """Start the process of a job whose folder is ready; see ``JobFolder.start``."""
        folder.start(self.lock, dict(os.environ))

    def state(self, campaign: str, job_id: str) -> JobState:
        """How a job stands."""
        return self.job_folder(campaign, job_id).state()

    def cancel(self, campaign: str, job_id: str) -> None:
        """Have a job end."""
        self.job_folder(campaign, job_id).cancel()

    def files(self, campaign: str, job_id: str) -> dict[str, tuple[int, str]]:
        """Bytes and sha256 of each file of a job's run directory and of its log, by name.

        Raises:
            WorkError: The job still runs.
        """
        folder = self.job_folder(campaign, job_id)
        if folder.outcome() is None and folder.alive():
            raise WorkError(f"the job {job_id} still runs", "wait for its end")
        names = [folder.path / "job.log", folder.path / "ended.json", *folder.run.rglob("*")]
        return {
            path.relative_to(folder.path).as_posix(): (path.stat().st_size, file_sha256(path))
            for path in sorted(names)
            if path.is_file() and path.name not in _LEFT_THERE
        }

    def part(self, campaign: str, job_id: str, name: str, offset: int) -> bytes:
        """A part of a file of a job, at most ``CHUNK_BYTES``.

        Raises:
            InputError: The name leads out of the job's folder.
        """
        folder = self.job_folder(campaign, job_id).path.resolve()
        path = (folder / name).resolve()
        if not path.is_relative_to(folder) or not path.is_file():
            raise InputError(f"{name}: not a file of the job {job_id}")
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(CHUNK_BYTES)

    def answer(self, request: str) -> str:
        """Answer a request: ``{"call": NAME, …}``.

        Returns:
            ``{"value": …}``, or ``{"error": …}`` as ``errors.describe`` tells it.
        """
        try:
            asked = json.loads(request)
            value = _CALLS[asked.pop("call")](self, asked)
        except ValidationError as error:
            said = f"{error.error_count()} keys of a job do not fit"
            wrong = InputError(said, "have the same build of LoadScope on all sides")
            return json.dumps({"error": describe(wrong)})
        # The other side is told of whatever happens, a disk that fails among that.
        except Exception as error:
            return json.dumps({"error": describe(error)})
        return json.dumps({"value": value})


def require_space(host: str, free_bytes: int) -> None:
    """Check that a host has room for a run.

    Raises:
        WorkError: It has not.
    """
    if free_bytes < _LEAST_FREE:
        raise WorkError(
            f"the host '{host}' has no space for a run: expected {_LEAST_FREE >> 20} MiB, got "
            f"{free_bytes >> 20} MiB",
            "free space there, then loadscope campaign resume",
        )


def _start(host: HostFolder, asked: dict[str, Any]) -> Any:
    return host.start(Job.model_validate(asked["job"])).model_dump(mode="json")


def _state(host: HostFolder, asked: dict[str, Any]) -> Any:
    return host.state(asked["campaign"], asked["job"]).model_dump(mode="json")


def _missing(host: HostFolder, asked: dict[str, Any]) -> Any:
    return missing_files(Job.model_validate(asked["job"]).inputs, host.root)


def _put(host: HostFolder, asked: dict[str, Any]) -> Any:
    part = base64.b64decode(asked["part"])
    return keep_part(host.root, asked["sha256"], asked["offset"], part, asked["whole"])


def _part(host: HostFolder, asked: dict[str, Any]) -> Any:
    found = host.part(asked["campaign"], asked["job"], asked["name"], asked["offset"])
    return base64.b64encode(found).decode()


_CALLS: dict[str, Callable[[HostFolder, dict[str, Any]], Any]] = {
    "facts": lambda host, _: host.facts().model_dump(mode="json"),
    "start": _start,
    "state": _state,
    "cancel": lambda host, asked: host.cancel(asked["campaign"], asked["job"]),
    "files": lambda host, asked: host.files(asked["campaign"], asked["job"]),
    "part": _part,
    "missing": _missing,
    "put": _put,
}
