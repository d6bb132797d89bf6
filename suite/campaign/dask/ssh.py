"""Workers that are started by ssh, and live on without it."""

import shlex
import subprocess
from pathlib import Path

from loadscope.errors import InputError, WorkError
from loadscope.suite.campaign.dask.settings import DaskSettings, SshHost
from loadscope.suite.campaign.keys import FOLDER, host_keys

_SECONDS = 60.0


def start_by_ssh(folder: Path, hosts: tuple[str, ...], settings: DaskSettings) -> tuple[str, ...]:
    """Bring each host its keys, and start its worker unless one runs.

    Args:
        folder: The campaign's folder.
        hosts: The hosts of the campaign.
        settings: Those that ``ssh`` names are started.

    Returns:
        The hosts that were started.

    Raises:
        InputError: No host has an entry under ``ssh``, or keys are missing.
        WorkError: ssh failed.
    """
    named = [host for host in hosts if host in settings.ssh]
    if not named:
        raise InputError(
            "dispatcher_settings: ssh: no host of the campaign is named",
            "for example: ssh: {n1: {address: user@n1}}, or start loadscope worker by hand",
        )
    for host in named:
        keys, way = host_keys(folder / FOLDER / host).require(), settings.ssh[host]
        there = shlex.quote(way.folder)
        for path in (keys.authority, keys.certificate, keys.key):
            _ssh(
                settings,
                host,
                way,
                f"umask 077 && mkdir -p {there}/keys && cat > {there}/keys/{path.name}",
                path.read_bytes(),
            )
        scheduler = way.scheduler or "tls://{}:{}".format(*settings.host_port)
        worker = [way.command, "worker", "--scheduler", scheduler, "--keys", f"{way.folder}/keys"]
        worker += ["--folder", way.folder]
        # Its own session: the end of ssh is not its end.
        _ssh(
            settings,
            host,
            way,
            f"setsid --fork {shlex.join(worker)} >> {there}/worker.log 2>&1 < /dev/null",
            b"",
        )
    return tuple(named)


def _ssh(settings: DaskSettings, host: str, way: SshHost, command: str, sent: bytes) -> None:
    try:
        done = subprocess.run(
            ["ssh", "-o", "BatchMode=yes", *settings.ssh_options, way.address, command],
            input=sent,
            capture_output=True,
            timeout=_SECONDS,
        )
    except FileNotFoundError as error:
        raise InputError("ssh: not found", "install an ssh client") from error
    except subprocess.TimeoutExpired as error:
        raise WorkError(f"{host}: ssh {way.address}: no answer in {_SECONDS:.0f} s") from error
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise WorkError(
            f"{host}: ssh {way.address}: {said[-1] if said else f'status {done.returncode}'}",
            "try the same ssh by hand; keys must do, no password is asked for",
        )
