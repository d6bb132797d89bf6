"""How Dask is set up here, and what a campaign file may say of it."""

import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, ValidationError

from loadscope.errors import InputError, unexpected
from loadscope.suite.campaign.keys import KeyFiles

DEFAULT_PORT = 8786

CONFIG: dict[str, Any] = {
    # What is lost is tried again by the campaign, counted and with its reason.
    "distributed.scheduler.allowed-failures": 0,
    "distributed.scheduler.work-stealing": False,
    "distributed.scheduler.worker-ttl": "5 minutes",
    "distributed.scheduler.active-memory-manager.start": False,
    "distributed.comm.require-encryption": True,
    "distributed.comm.timeouts.connect": "10s",
    "distributed.comm.timeouts.tcp": "30s",
    # Nothing that wakes up while a test runs.
    "distributed.worker.profile.enabled": False,
    "distributed.worker.memory.target": False,
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,
    "distributed.worker.memory.terminate": False,
    "distributed.admin.system-monitor.interval": "60s",
    "distributed.admin.system-monitor.disk": False,
    "distributed.admin.tick.interval": "5s",
    "distributed.admin.tick.limit": "60s",
}
"""Sources: the keys of ``distributed.yaml``; the reasons are in the campaign's documentation."""


_MOST_PORT = 65535
_ADDRESS = re.compile(r"tls://([^:/\s]+)(?::(\d{1,5}))?")


def _host_port(text: str) -> tuple[str, int]:
    match = _ADDRESS.fullmatch(text)
    if match is None:
        raise ValueError("expected tls://HOST:PORT")
    port = int(match[2] or DEFAULT_PORT)
    if port > _MOST_PORT:
        # The system would take its lower 16 bits.
        raise ValueError(f"expected a port of {_MOST_PORT} at most")
    return match[1], port


def _full(text: str) -> str:
    return "tls://{}:{}".format(*_host_port(text))


_Address = Annotated[str, AfterValidator(_full)]


def read_address(text: str, option: str) -> tuple[str, int]:
    """Host and port of an address on a command line; the port may be left out.

    Args:
        text: ``tls://HOST:PORT``.
        option: The option that it is of, for errors.

    Raises:
        InputError: It is no such address.
    """
    try:
        host, port = _host_port(text)
    except ValueError:
        host, port = "", 0
    if not port:
        raise InputError(
            f"{option}: expected tls://HOST:PORT, got '{text}'",
            f"for example {option} tls://10.0.0.1:{DEFAULT_PORT}",
        )
    return host, port


class SshHost(BaseModel):
    """How a worker is started on a host by ssh.

    Attributes:
        address: As ``ssh`` takes it.
        command: LoadScope's command there.
        folder: Takes keys and jobs there.
        scheduler: The coordinator's address as the host sees it; that of ``listen`` if None.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    address: str
    command: str = "loadscope"
    folder: str = ".loadscope-worker"
    scheduler: str | None = None


class DaskSettings(BaseModel):
    """``dispatcher_settings`` of the dispatcher ``dask``.

    Attributes:
        listen: The one address that the coordinator listens at: ``tls://10.0.0.1:8786``.
        contact: The address that workers are told to come back to, where it is another one.
        ssh: How to start workers by ``--ssh``, by host.
        ssh_options: Options of every call of ssh.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    listen: _Address
    contact: _Address | None = None
    ssh: dict[str, SshHost] = {}
    ssh_options: tuple[str, ...] = ()

    @property
    def host_port(self) -> tuple[str, int]:
        """Where to listen."""
        return _host_port(self.listen)


def dask_settings(told: Mapping[str, Any]) -> DaskSettings:
    """Read them.

    Raises:
        InputError: A key is unknown, missing or wrong.
    """
    try:
        return DaskSettings.model_validate(told)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        known = ", ".join(DaskSettings.model_fields)
        if first["type"] == "extra_forbidden":
            raise InputError(
                f"dispatcher_settings: unknown key '{key}'", f"known here: {known}"
            ) from error
        if first["type"] == "missing":
            raise InputError(
                f"dispatcher_settings: missing key '{key}'",
                "for example: listen: tls://10.0.0.1:8786, an address of this machine",
            ) from error
        raise InputError(
            f"dispatcher_settings: {key}{unexpected(first['msg'], repr(first['input']))}",
            "for example: listen: tls://10.0.0.1:8786",
        ) from error


def require_distributed() -> None:
    """Check that Dask is installed.

    Raises:
        InputError: It is not.
    """
    try:
        import distributed  # noqa: F401
    except ImportError as error:
        raise InputError(
            "the dispatcher 'dask' needs the extra 'engine', which is not installed",
            "pip install 'loadscope[engine]'",
        ) from error


def security(keys: KeyFiles) -> Any:
    """Mutual TLS: every side shows a certificate of the campaign's authority."""
    from distributed.security import Security

    files = {
        "tls_ca_file": str(keys.authority),
        **{
            f"tls_{side}_{part}": str(path)
            for side in ("scheduler", "worker", "client")
            for part, path in (("cert", keys.certificate), ("key", keys.key))
        },
    }
    return Security(**files, require_encryption=True)
