"""What Slurm starts on a node: ``python -m … JOB_FOLDER HOST_LOCK``, or ``--facts NAME FOLDER``.

The first becomes the job's process, with the environment that the job lists and nothing of
Slurm's, so that no variable of a launcher sets a number of threads; the second prints what the
node says of itself.
"""

import fcntl
import os
import sys
from pathlib import Path

from loadscope.suite.campaign.host_facts import host_facts
from loadscope.suite.campaign.job import job_environment
from loadscope.suite.campaign.job_folder import ALIVE, JobFolder

_SEVERAL = 75
"""``EX_TEMPFAIL`` of sysexits.h: the job's process lives already."""


def main(arguments: list[str]) -> int:
    """Carry out one of the two; see the module."""
    if arguments[0] == "--facts":
        print(host_facts(arguments[1], Path(arguments[2])).model_dump_json())
        return 0
    folder, host_lock = map(Path, arguments)
    here = JobFolder(folder)
    alive = os.open(folder / ALIVE, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(alive, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return _SEVERAL
    if here.outcome() is not None:
        return 0
    os.set_inheritable(alive, True)
    command = [sys.executable, "-P", "-m", "loadscope.suite.campaign.job_process"]
    os.chdir(folder)
    os.execve(
        sys.executable,
        [*command, str(folder), str(host_lock)],
        job_environment(here.job(), os.environ),
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
