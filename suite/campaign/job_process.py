"""The process of a job on its host: ``python -m … JOB_FOLDER HOST_LOCK``.

It waits for the host, carries the run out with its LoadGen tests each in a fresh process, and says
what came of it. It has a session of its own, and goes on when the network, the worker or the
coordinator do not.
"""

import fcntl
import os
import signal
import sys
import time
import traceback
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import Any

from loadscope.errors import InputError, LoadScopeError, WorkError
from loadscope.names import Mode
from loadscope.rundir.directory import RUN_FILE, RunDirectory
from loadscope.rundir.result import ResultRecord
from loadscope.rundir.spec import RecordedSpec, RunSpec, make_spec
from loadscope.suite.campaign.inputs import placed_settings
from loadscope.suite.campaign.job import Job, Outcome
from loadscope.suite.campaign.job_folder import JOB_FILE, JobFolder
from loadscope.suite.models.manifest import Catalogue
from loadscope.suite.run.compliance import tests_of
from loadscope.suite.run.engine import Cancelled
from loadscope.suite.run.resolve import ResolvedRun, resolve
from loadscope.suite.run.runner import new_run, refuse_stray_audit_config, resume
from loadscope.suite.tune.rate_search import FOLDER, RateSearch, search_and_run


def carry_out(folder: JobFolder, job: Job, store: Path) -> ResultRecord:
    """Run the tests of a job, or those that are unfinished of the try that it goes on with.

    Args:
        folder: The job's.
        job: The job.
        store: Where the host keeps what the coordinator sent.

    Returns:
        The result; without accuracy and compliance where performance is INVALID.

    Raises:
        InputError: What is asked for does not fit the host.
        WorkError: A test failed.
    """
    _take_over(folder, job)
    refuse_stray_audit_config(folder.path)
    run = RunDirectory(folder.run)
    if (folder.run / RUN_FILE).exists():
        record = run.read()
        resolved = resolve(_spec(job, store), _say, Catalogue.of_run(record))
    else:
        resolved = resolve(_spec(job, store), _say)
    # What does not fit together is said before hours are spent.
    tests_of(resolved)
    first = resolved
    if Mode.PERFORMANCE in resolved.spec.mode:
        first = _only_performance(resolved)
    command = f"loadscope campaign start: {job.campaign} {job.id}"
    if (folder.run / RUN_FILE).exists():
        result = resume(run, first, _say).result
    elif job.find_rate:
        state = folder.run / FOLDER
        if (state / "search.json").exists():
            search = RateSearch.open(state, _say, lambda _: None)
        else:
            search = RateSearch(first.spec, state, command, _say)
        result = search_and_run(search, run).result
    else:
        result = new_run(first, folder.run, command, _say).result
    if first is resolved or not result.valid:
        return result
    if job.find_rate:
        found = run.read().spec
        rate = {"target_qps": found.target_qps, "min_query_count": found.min_query_count}
        resolved = resolve(resolved.spec.model_copy(update=rate), _say)
    return resume(run, resolved, _say).result


def main(folder: Path, host_lock: Path) -> int:
    """Carry the job out; see the module.

    Args:
        folder: The job's folder, whose lock this process was started with.
        host_lock: The file whose lock is the host's.

    Returns:
        The exit status.
    """
    signal.signal(signal.SIGTERM, _interrupt)
    here = JobFolder(folder)
    job = here.job()
    began = time.time()
    try:
        here.has_begun(None)
        lock = os.open(host_lock, os.O_RDWR | os.O_CREAT, 0o666)
        fcntl.flock(lock, fcntl.LOCK_EX)
        began = time.time()
        here.has_begun(began)
        outcome = _outcome(carry_out(here, job, host_lock.parent), began)
    except (KeyboardInterrupt, Cancelled):
        outcome = Outcome(status="cancelled", began=began, ended=time.time(), message="cancelled")
    except LoadScopeError as error:
        outcome = Outcome(
            status="failed",
            began=began,
            ended=time.time(),
            message=error.message,
            fix=error.fix,
            bad_input=isinstance(error, InputError),
        )
    # Whatever a library raises is said as it is; the campaign tells of it and tries again.
    except Exception as error:
        traceback.print_exc()
        outcome = Outcome(
            status="failed",
            began=began,
            ended=time.time(),
            message=f"{type(error).__name__}: {error}",
            fix=f"the traceback is in job.log of the job {job.id} on {job.host}",
        )
    here.end(outcome)
    return 0 if outcome.status == "finished" else 1


def _outcome(result: ResultRecord, began: float) -> Outcome:
    failed = [
        f"{mode}: {state.error or state.status}"
        for mode, state in result.state.items()
        if state.status == "failed"
    ]
    told: dict[str, Any] = {
        "began": began,
        "ended": time.time(),
        "rehearsal": result.rehearsal,
        "noise": result.warnings,
        "uid": str(result.uid),
    }
    if result.valid is False:
        return Outcome(status="invalid", reasons=result.invalid_reasons, **told)
    if failed:
        return Outcome(status="failed", message="; ".join(failed), **told)
    return Outcome(status="finished", **told)


def _spec(job: Job, store: Path) -> RunSpec:
    return make_spec(placed_settings(job, store), f"job {job.id}", RecordedSpec)


def _only_performance(resolved: ResolvedRun) -> ResolvedRun:
    spec = resolved.spec.model_copy(update={"mode": (Mode.PERFORMANCE,)})
    return replace(resolved, spec=spec)


def _take_over(folder: JobFolder, job: Job) -> None:
    """Move the run directory of the try that the job goes on with here."""
    if job.goes_on is None or folder.run.exists():
        return
    tried: str | None = job.goes_on
    while tried is not None:
        earlier = JobFolder(folder.path.parent / tried)
        if earlier.alive():
            raise WorkError(f"{earlier.path}: the try {tried} still runs", "wait for its end")
        if earlier.run.exists():
            earlier.run.replace(folder.run)
            return
        # One that was lost before it began has left it where it was.
        tried = earlier.job().goes_on if (earlier.path / JOB_FILE).exists() else None


def _say(what: str, done: int, total: int) -> None:
    if not done:
        print(what, flush=True)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
