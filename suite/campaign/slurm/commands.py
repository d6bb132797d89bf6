"""Slurm by its commands, whose text is read here; slurmctld keeps the state, and Slurm its own API.

The forms are those of the manual pages of sbatch, squeue, sacct, scancel, sinfo and srun; tried
with Slurm 22.05.
"""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from loadscope.errors import InputError, WorkError
from loadscope.suite.campaign.dispatcher import HostUnreachable

_SECONDS = 60.0
_AWAY = ("unable to contact slurm controller", "connection refused", "socket timed out")
_BUSY = ("requested nodes are busy", "queued and waiting", "immediate execution")
_UNKNOWN = "invalid job id"
WAITING = {"PENDING", "CONFIGURING", "REQUEUED", "SUSPENDED", "RESV_DEL_HOLD", "SPECIAL_EXIT"}
RUNNING = {"RUNNING", "COMPLETING", "SIGNALING", "STAGE_OUT", "STOPPED"}


def submit(options: Sequence[str], script: Path) -> int:
    """``sbatch``: have a script wait for its turn.

    Returns:
        The number of the job.

    Raises:
        InputError: The partition, the node or an option is none of this cluster.
        HostUnreachable: The controller does not answer.
    """
    done = _run(["sbatch", "--parsable", *options, str(script)])
    if done.returncode:
        raise InputError(
            f"sbatch refuses the job: {_said(done)}", "correct dispatcher_settings, or the hosts"
        )
    # On a cluster of several: NUMBER;CLUSTER.
    return int(done.stdout.strip().partition(";")[0])


def job_named(name: str) -> int | None:
    """The number of this user's waiting or running job of a name."""
    done = _run(["squeue", "--noheader", "--me", f"--name={name}", "--format=%A"])
    numbers = done.stdout.split()
    return int(numbers[0]) if numbers else None


def job_state(number: int) -> tuple[str, str] | None:
    """A job's state in Slurm's words, and why it waits or how it ended; None of one not known.

    The controller forgets a job minutes after its end; the accounting, where there is one, not.

    Raises:
        HostUnreachable: The controller does not answer.
    """
    job = f"--jobs={number}"
    done = _run(["squeue", "--noheader", "--states=all", job, "--format=%T|%r"])
    if done.returncode == 0 and done.stdout.strip():
        state, _, reason = done.stdout.strip().splitlines()[0].partition("|")
        return state, "" if reason == "None" else reason
    if done.returncode and _UNKNOWN not in done.stderr.lower():
        raise HostUnreachable(f"squeue: {_said(done)}")
    done = _run(["sacct", "--noheader", "--allocations", "--parsable2", job, "--format=State"])
    # 'CANCELLED by 1000' names who did it.
    words = done.stdout.split() if done.returncode == 0 else []
    return (words[0], " ".join(words[1:])) if words else None


def cancel(number: int) -> None:
    """``scancel``: a waiting job goes, a running one is told to end."""
    _run(["scancel", "--state=PENDING", str(number)])
    _run(["scancel", "--batch", "--signal=TERM", str(number)])


def nodes() -> dict[str, str]:
    """``sinfo``: the state of each node, as ``idle`` or ``down*``.

    Raises:
        HostUnreachable: The controller does not answer.
    """
    done = _run(["sinfo", "--noheader", "--Node", "--format=%N %T"])
    if done.returncode:
        raise HostUnreachable(f"sinfo: {_said(done)}")
    return dict(line.split(maxsplit=1) for line in done.stdout.splitlines())


def run_on(options: Sequence[str], command: Sequence[str], seconds: int) -> str:
    """``srun``: what a command prints on a node, if that is free within some seconds.

    Raises:
        HostUnreachable: The node is busy, or the controller does not answer.
        WorkError: The command failed there.
    """
    done = _run(["srun", f"--immediate={seconds}", "--quiet", *options, *command])
    if done.returncode == 0:
        return done.stdout
    said = done.stderr.lower()
    if any(word in said for word in _BUSY):
        raise HostUnreachable("another job of the cluster has it")
    raise WorkError(
        f"srun: {_said(done)}", "see that 'python' of dispatcher_settings is there on the node"
    )


def _run(command: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_SECONDS,
        )
    except FileNotFoundError as error:
        raise InputError(
            f"{command[0]} not found",
            "start the campaign where Slurm's commands are (Debian: slurm-client)",
        ) from error
    except subprocess.TimeoutExpired as error:
        raise HostUnreachable(f"{command[0]} gave no answer in {_SECONDS:.0f} s") from error
    if done.returncode and any(word in done.stderr.lower() for word in _AWAY):
        raise HostUnreachable(f"{command[0]}: {_said(done)}")
    return done


def _said(done: "subprocess.CompletedProcess[str]") -> str:
    lines = done.stderr.strip().splitlines() or [f"status {done.returncode}"]
    return lines[-1].partition("error: ")[2] or lines[-1]
