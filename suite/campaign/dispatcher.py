"""What carries the jobs of a campaign to its hosts.

A dispatcher is found by the entry point group ``loadscope.dispatchers``, whose values name an
object with the method of ``DispatcherKind``. It keeps nothing: how a job stands is known on its
host, and what has been done in the campaign's folder.

It is no ``Engine``: an engine takes one LoadGen test of a run whose steps are decided here, a
dispatcher a whole run whose steps are decided on the host, because the coordinator may not live.
"""

import base64
import json
import shutil
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import AbstractContextManager
from pathlib import Path, PurePosixPath
from typing import Any, Protocol, TypeVar

from pydantic import BaseModel, ValidationError

from loadscope.errors import InputError, WorkError, described, unexpected
from loadscope.plugins import Plugins
from loadscope.suite.campaign.inputs import CHUNK_BYTES, below
from loadscope.suite.campaign.job import HostFacts, Job, JobState
from loadscope.suite.fetch.digest import file_sha256


class HostUnreachable(WorkError):
    """A host does not answer; what runs there goes on, and it is asked again later."""


class Dispatcher(Protocol):
    """Carries jobs to hosts. Every method may be called from several threads."""

    def hosts(self) -> tuple[str, ...]:
        """The hosts that can be reached now."""

    def facts(self, host: str) -> HostFacts:
        """What a host says of itself.

        Raises:
            HostUnreachable: It does not answer.
            WorkError: It says that something is wrong there.
        """

    def start(self, host: str, job: Job, files: Mapping[str, Path]) -> JobState:
        """Start a job on a host, or find it started: never twice, however often it is called.

        Args:
            host: The host.
            job: The job.
            files: Where the files of its inputs lie here, by digest.

        Raises:
            HostUnreachable: It may have been started all the same.
            InputError: The host refuses it.
            WorkError: It cannot be started there.
        """

    def state(self, host: str, campaign: str, job_id: str) -> JobState:
        """How a job stands.

        Raises:
            HostUnreachable: Nothing is known.
        """

    def cancel(self, host: str, campaign: str, job_id: str) -> None:
        """Have a job end; ``state`` tells when it has."""

    def fetch(self, host: str, campaign: str, job_id: str, destination: Path) -> None:
        """Copy the files of a job that has ended here, each held against its digest.

        Args:
            host: The host.
            campaign: The campaign's id.
            job_id: The job's.
            destination: The folder to make, by rename; it takes ``run/``, ``job.log`` and
                ``ended.json``.

        Raises:
            HostUnreachable: It can be called again, and goes on where it was.
            WorkError: A file came damaged, or the disk is full.
        """


class DispatcherKind(Protocol):
    """Opens a dispatcher for a campaign."""

    def check(self, hosts: tuple[str, ...], settings: Mapping[str, Any]) -> None:
        """Say before anything is reached what ``open`` or ``start_workers`` would refuse.

        Args:
            hosts: The campaign's hosts.
            settings: ``dispatcher_settings`` of the campaign file.

        Raises:
            InputError: A setting is unknown or wrong, or the hosts are not for this dispatcher.
        """

    def open(
        self, folder: Path, hosts: tuple[str, ...], settings: Mapping[str, Any]
    ) -> AbstractContextManager[Dispatcher]:
        """Begin to reach the hosts of a campaign.

        Args:
            folder: The campaign's folder.
            hosts: Their names.
            settings: ``dispatcher_settings`` of the campaign file.

        Raises:
            InputError: A setting is unknown or wrong, or an extra is missing.
        """

    def start_workers(
        self, folder: Path, hosts: tuple[str, ...], settings: Mapping[str, Any]
    ) -> tuple[str, ...]:
        """Start what answers on the hosts, by ssh; the arguments are those of ``open``.

        Returns:
            The hosts where that was done.

        Raises:
            InputError: The dispatcher has no workers, or the settings do not say how.
            WorkError: It failed.
        """


Settings = TypeVar("Settings", bound=BaseModel)


def read_settings(kind: type[Settings], dispatcher: str, given: Mapping[str, Any]) -> Settings:
    """Read ``dispatcher_settings``.

    Args:
        kind: The dispatcher's model of them.
        dispatcher: Its name.
        given: As the campaign file has them.

    Raises:
        InputError: A key is unknown, or a value wrong.
    """
    try:
        return kind.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        raise InputError(
            f"dispatcher_settings: {key}{unexpected(first['msg'], repr(first['input']))}",
            f"the dispatcher {dispatcher} has: {', '.join(kind.model_fields)}",
        ) from error


DISPATCHERS = Plugins[DispatcherKind]("loadscope.dispatchers", "dispatcher")
"""The dispatchers by name."""


class RequestDispatcher(ABC):
    """A dispatcher to hosts that answer requests of ``HostFolder.answer``."""

    @abstractmethod
    def hosts(self) -> tuple[str, ...]:
        """See ``Dispatcher``."""

    @abstractmethod
    def carry(self, host: str, request: str) -> str:
        """Bring a request to a host, and its answer back.

        Raises:
            HostUnreachable: There is no answer.
        """

    def facts(self, host: str) -> HostFacts:
        """See ``Dispatcher``."""
        return HostFacts.model_validate(self._ask(host, "facts"))

    def start(self, host: str, job: Job, files: Mapping[str, Path]) -> JobState:
        """See ``Dispatcher``."""
        self.bring(host, job, files)
        told = job.model_dump(mode="json")
        return JobState.model_validate(self._ask(host, "start", job=told))

    def bring(self, host: str, job: Job, files: Mapping[str, Path]) -> None:
        """Send the files of a job's inputs that the host has not; see ``start``."""
        if job.inputs:
            for digest in self._ask(host, "missing", job=job.model_dump(mode="json")):
                self._send(host, digest, files[digest])

    def state(self, host: str, campaign: str, job_id: str) -> JobState:
        """See ``Dispatcher``."""
        return JobState.model_validate(self._ask(host, "state", campaign=campaign, job=job_id))

    def cancel(self, host: str, campaign: str, job_id: str) -> None:
        """See ``Dispatcher``."""
        self._ask(host, "cancel", campaign=campaign, job=job_id)

    def fetch(self, host: str, campaign: str, job_id: str, destination: Path) -> None:
        """See ``Dispatcher``."""
        if destination.exists():
            return
        part = destination.with_name(f".{destination.name}.part")
        wanted = self._ask(host, "files", campaign=campaign, job=job_id)
        try:
            for name, (size, digest) in wanted.items():
                path = part / _named(host, job_id, name)
                path.parent.mkdir(parents=True, exist_ok=True)
                if path.is_file() and path.stat().st_size == size and file_sha256(path) == digest:
                    continue
                with path.open("wb") as file:
                    while file.tell() < size:
                        where = {"campaign": campaign, "job": job_id, "name": name}
                        told = self._ask(host, "part", **where, offset=file.tell())
                        if not told:
                            break
                        file.write(base64.b64decode(told))
                if (got := file_sha256(path)) != digest:
                    raise WorkError(
                        f"{host}: {job_id}/{name} came damaged: expected sha256 {digest[:12]}…, "
                        f"got {got[:12]}…",
                        "loadscope campaign resume fetches it again",
                    )
            for path in part.rglob("*"):
                if path.is_file() and path.relative_to(part).as_posix() not in wanted:
                    path.unlink()
            part.replace(destination)
        except OSError as error:
            reason = error.strerror or str(error)
            raise WorkError(f"cannot write {destination}: {reason}", "free space") from error

    def _send(self, host: str, digest: str, path: Path) -> None:
        size, offset = path.stat().st_size, 0
        with path.open("rb") as file:
            while True:
                file.seek(offset)
                part = file.read(CHUNK_BYTES)
                whole = offset + len(part) >= size
                told = {"sha256": digest, "offset": offset, "whole": whole}
                sent = base64.b64encode(part).decode()
                offset = self._ask(host, "put", **told, part=sent)
                if whole and offset >= size:
                    return

    def _ask(self, host: str, call: str, **asked: Any) -> Any:
        told = json.loads(self.carry(host, json.dumps({"call": call, **asked})))
        if "error" in told:
            error = described(told["error"])
            raise type(error)(f"{host}: {error.message}", error.fix)
        return told["value"]


def _named(host: str, job_id: str, name: str) -> PurePosixPath:
    """The path of a file that a host has named; the coordinator's other files are not its own."""
    try:
        return below(name)
    except InputError as error:
        raise WorkError(
            f"{host}: {job_id}: {error.message}", "have the same build of LoadScope on all sides"
        ) from error


def remove_fetched(destination: Path) -> None:
    """Remove what ``fetch`` made, or left unfinished."""
    shutil.rmtree(destination, ignore_errors=True)
    shutil.rmtree(destination.with_name(f".{destination.name}.part"), ignore_errors=True)
