"""The process of a job on its host: ``python -m … JOB_FOLDER HOST_LOCK``.

It waits for the host, carries the run out with its LoadGen tests each in a fresh process, and says
what came of it. It has a session of its own, and goes on when the network, the worker or the
coordinator do not.
"""

import fcntl
import os
import sys
import time
from pathlib import Path


def main(folder: Path, host_lock: Path) -> int:
    """Carry the job out; see the module.

    Args:
        folder: The job's folder, whose lock this process was started with.
        host_lock: The file whose lock is the host's.

    Returns:
        The exit status.
    """
    lock = os.open(host_lock, os.O_RDWR | os.O_CREAT, 0o666)
    began: float | None = time.time()
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        began = None
    # It takes a second to import: the host is the job's meanwhile.
    from loadscope.suite.campaign.job_run import run_job

    return run_job(folder, host_lock, lock, began)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
