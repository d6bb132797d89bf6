"""What a job does once it has the host: a run directory with its LoadGen tests."""

import fcntl
import signal
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


def run_job(folder: Path, host_lock: Path, lock: int, began: float | None) -> int:
    """Wait for the host if need be, carry the job out, and write what came of it.

    Args:
        folder: The job's folder, whose lock this process was started with.
        host_lock: The file whose lock is the host's.
        lock: That file, open.
        began: Since when this process has the lock, seconds since the epoch; None if it has not.

    Returns:
        The exit status.
    """
    signal.signal(signal.SIGTERM, _interrupt)
    here = JobFolder(folder)
    job = here.job()
    asked = time.time()
    try:
        if began is None:
            here.has_begun(None)
            fcntl.flock(lock, fcntl.LOCK_EX)
            began = time.time()
        here.has_begun(began)
        outcome = _outcome(carry_out(here, job, host_lock.parent), began)
    except (KeyboardInterrupt, Cancelled):
        outcome = Outcome(
            status="cancelled", began=began or asked, ended=time.time(), message="cancelled"
        )
    except LoadScopeError as error:
        outcome = Outcome(
            status="failed",
            began=began or asked,
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
            began=began or asked,
            ended=time.time(),
            message=f"{type(error).__name__}: {error}",
            fix=f"the traceback is in job.log of the job {job.id} on {job.host}",
        )
    # The next job may come as soon as the end is known, and this process takes a while to go away.
    fcntl.flock(lock, fcntl.LOCK_UN)
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
