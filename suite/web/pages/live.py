"""Watch a run that goes on: of a job, or of whoever has started it.

What is shown is read from the run's own files; the measured process is asked nothing.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from loadscope.errors import InputError
from loadscope.rundir.directory import RunDirectory
from loadscope.rundir.progress import NoiseSoFar, read_progress, utc_now
from loadscope.suite.run.engine import request_cancel
from loadscope.suite.run.noise import OTHERS_PERCENT, STEAL_PERCENT
from loadscope.suite.web.forms import read_form
from loadscope.suite.web.jobs import Job, Jobs
from loadscope.suite.web.page import Page
from loadscope.suite.web.rendering import render
from loadscope.suite.web.running import live_folder
from loadscope.suite.web.site import Site

MOST_WATCHERS = 64
_SECONDS = 1.0
_HEARTBEAT = 15


def _job(request: Request) -> Job:
    jobs: Jobs = request.app.state.jobs
    job = jobs.get(request.path_params["id"])
    if job is None:
        raise HTTPException(404, "there is no such job")
    return job


def _jobs_page(request: Request) -> Response:
    job = _job(request)
    return render(
        request,
        "live.html",
        title=job.title,
        job=job,
        command=job.command,
        address=f"/jobs/{job.id}",
        told=_told_of_job(request.app.state.jobs, job),
    )


def _run_page(request: Request) -> Response:
    site: Site = request.app.state.site
    uid = request.path_params["uid"]
    folder = live_folder(site, uid)
    record = RunDirectory(folder).read()
    return render(
        request,
        "live.html",
        title=f"{record.model.title} {record.spec.framework} {record.scenario}",
        job=None,
        command=record.command,
        address=f"/live/{uid}",
        told=_told(folder, None, ""),
    )


def _told_of_job(jobs: Jobs, job: Job) -> dict[str, Any]:
    # Before the folder is read: what the run's end has written must not be missed.
    ending = jobs.ending(job)
    told = {**_told(jobs.folder(job), job, jobs.log(job)), "turn": jobs.turn(job)}
    return {**told, "state": "cancelling"} if ending else told


def _told(folder: Path, job: Job | None, log: str) -> dict[str, Any]:
    """Where a run stands, as the page shows it."""
    now = read_progress(folder)
    state: str = job.state if job else ("running" if now else "ended")
    if now is not None and now.stale(utc_now()):
        now, state = None, "killed" if job is None else job.state
    record = _record(folder)
    return {
        "state": state,
        "progress": None if now is None else now.model_dump(mode="json"),
        "noisy": now is not None and now.noise is not None and _noisy(now.noise),
        "log": log,
        "run": record,
        "status": job.status if job else None,
    }


def _noisy(noise: NoiseSoFar) -> bool:
    """Whether as much is against a figure as a warning of the run would say."""
    return noise.others_percent > OTHERS_PERCENT or noise.steal_percent > STEAL_PERCENT


def _record(folder: Path) -> dict[str, Any] | None:
    try:
        record = RunDirectory(folder).read()
    except InputError:
        return None
    tests = {mode: {"status": state.status, "error": state.error} for mode, state in
             record.state.items()}  # fmt: skip
    return {"uid": str(record.uid), "rehearsal": list(record.rehearsal), "tests": tests}


async def _job_events(request: Request) -> Response:
    jobs: Jobs = request.app.state.jobs
    first = await run_in_threadpool(_job, request)

    def look() -> dict[str, Any]:
        return _told_of_job(jobs, jobs.get(first.id) or first)

    return _stream(request, look)


async def _run_events(request: Request) -> Response:
    site: Site = request.app.state.site
    folder = await run_in_threadpool(live_folder, site, request.path_params["uid"])
    return _stream(request, lambda: _told(folder, None, ""))


def _stream(request: Request, look: Any) -> Response:
    state = request.app.state
    if state.watchers >= MOST_WATCHERS:
        raise HTTPException(429, "too many pages watch already; close some")
    number = int(last) if (last := request.headers.get("last-event-id", "")).isdigit() else 0
    return StreamingResponse(
        _events(state, look, number), media_type="text/event-stream",
        headers={"X-Accel-Buffering": "no"},
    )  # fmt: skip


async def _events(state: Any, look: Any, number: int) -> AsyncIterator[str]:
    """An event a change, with a number; a comment now and then; it ends with the run."""
    state.watchers += 1
    try:
        before, quiet = "", 0.0
        while True:
            told = await run_in_threadpool(look)
            text = json.dumps(told)
            if text != before:
                number += 1
                yield f"id: {number}\ndata: {text}\n\n"
                before, quiet = text, 0.0
            elif quiet >= _HEARTBEAT:
                yield ": still there\n\n"
                quiet = 0.0
            if told["state"] in ("ended", "cancelled", "killed"):
                yield "event: over\ndata: {}\n\n"
                return
            await asyncio.sleep(_SECONDS)
            quiet += _SECONDS
    finally:
        state.watchers -= 1


async def _cancel_job(request: Request) -> Response:
    async with read_form(request):
        job = await run_in_threadpool(_job, request)
        await run_in_threadpool(request.app.state.jobs.cancel, job)
    return RedirectResponse(f"/jobs/{job.id}", 303)


async def _cancel_run(request: Request) -> Response:
    async with read_form(request):
        uid = request.path_params["uid"]
        folder = await run_in_threadpool(live_folder, request.app.state.site, uid)
        if read_progress(folder) is None:
            raise HTTPException(422, "no test of it runs")
        request_cancel(folder)
    return RedirectResponse(f"/live/{uid}", 303)


async def _move(request: Request) -> Response:
    async with read_form(request) as form:
        jobs: Jobs = request.app.state.jobs
        job = await run_in_threadpool(_job, request)
        if job.state != "waiting":
            raise HTTPException(422, "it does not wait any more")
        # A button's own place comes after that of the field.
        place = form.getlist("place")[-1:]
        if not place or re.fullmatch("[1-9][0-9]{0,3}", str(place[0])) is None:
            raise HTTPException(422, "place: expected a number, of which the first is 1")
        await run_in_threadpool(jobs.move, job, int(str(place[0])) - 1)
    return RedirectResponse("/launch#queue", 303)


PAGE = Page(
    "",
    21,
    (
        Route("/jobs/{id}", _jobs_page),
        Route("/jobs/{id}/events", _job_events),
        Route("/jobs/{id}/cancel", _cancel_job, methods=["POST"]),
        Route("/jobs/{id}/move", _move, methods=["POST"]),
        Route("/live/{uid}", _run_page),
        Route("/live/{uid}/events", _run_events),
        Route("/live/{uid}/cancel", _cancel_run, methods=["POST"]),
    ),
)
