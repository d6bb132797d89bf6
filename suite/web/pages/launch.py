"""Ask for a run: a form made from the spec's fields, checked by the spec itself."""

from collections.abc import Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

import yaml
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from loadscope.datasets.catalog import catalog
from loadscope.errors import InputError
from loadscope.names import Mode
from loadscope.rundir.spec import RunSpec, make_spec
from loadscope.rundir.spec_arguments import spec_arguments
from loadscope.rundir.spec_fields import Group, Kind, SpecField, spec_fields
from loadscope.rundir.spec_names import LAYOUT_WORDS, file_named
from loadscope.submission.rounds import load_round
from loadscope.suite.campaign.estimate import History, RunEstimate, estimate
from loadscope.suite.models.manifest import Catalogue
from loadscope.suite.results.asking import select
from loadscope.suite.results.query import Query
from loadscope.suite.run.launcher import LOCAL
from loadscope.suite.run.loadgen_settings import loadgen_settings, rehearsal_reasons
from loadscope.suite.run.machine import measurements
from loadscope.suite.web.forms import read_form
from loadscope.suite.web.jobs import Job, Jobs
from loadscope.suite.web.page import Page
from loadscope.suite.web.rendering import render
from loadscope.suite.web.running import running
from loadscope.suite.web.site import Site
from loadscope.sut.registry import frameworks

_MOST_CHARACTERS = 1000
_GROUPS = tuple(Group)


def _fields() -> list[SpecField]:
    """What a form asks: all but files, and what is said of a file instead of a model's entry."""
    fields = spec_fields(RunSpec)
    return [one for one in fields if one.kind is not Kind.FILE and one.group is not Group.OWN]


def _form(request: Request) -> Response:
    return _page(request, dict(request.query_params))


def _page(request: Request, values: Mapping[str, Any], status: int = 200, **more: Any) -> Response:
    jobs: Jobs = request.app.state.jobs
    ordered = sorted(_fields(), key=lambda field: _GROUPS.index(field.group))
    known = {
        "models": sorted(Catalogue.load().models),
        "frameworks": frameworks(),
        "datasets": sorted(catalog()),
    }
    shown = {"problem": None, "checked": None, **more}
    return render(
        request,
        "launch.html",
        status,
        groups=[(group, list(fields)) for group, fields in
                groupby(ordered, key=lambda field: field.group)],
        values=values,
        known=known,
        jobs=_shown_jobs(jobs),
        measuring=measurements(),
        running=running(request.app.state.site),
        **shown,
    )  # fmt: skip


_EARLIER = 5
_ENDED_JOBS = 20


def _shown_jobs(jobs: Jobs) -> list[Job]:
    """All that run and wait, and the latest of the others."""
    found = jobs.all()
    unended = sum(job.state in ("running", "waiting") for job in found)
    return found[: unended + _ENDED_JOBS]


async def _sent(request: Request) -> Response:
    async with read_form(request) as form:
        return await run_in_threadpool(_asked, request, form)


def _asked(request: Request, form: FormData) -> Response:
    values = {field.name: _value(field, form) for field in _fields()}
    try:
        spec = _spec({name: value for name, value in values.items() if value not in ("", (), {})})
        reasons, told = _foretold(request.app.state.site, spec)
    except InputError as error:
        return _page(request, _texts(form), 422, problem=error)
    arguments = spec_arguments(spec)
    if form.get("action") != "start":
        command = Job.model_construct(arguments=tuple(arguments)).command
        checked = {"command": command, "reasons": reasons, "because": told.because,
                   "takes": _takes(told.seconds)}  # fmt: skip
        return _page(request, _texts(form), checked=checked)
    jobs: Jobs = request.app.state.jobs
    title = f"{spec.model} {spec.framework} {spec.scenario}"
    return RedirectResponse(f"/jobs/{jobs.ask(tuple(arguments), title).id}", 303)


def _value(field: SpecField, form: FormData) -> Any:
    """What the form has for a field, in the form that the schema takes."""
    sent = [one for one in form.getlist(field.name) if isinstance(one, str) and one.strip()]
    if any(len(one) > _MOST_CHARACTERS for one in sent):
        raise HTTPException(422, f"{field.name}: at most {_MOST_CHARACTERS} characters are taken")
    if field.kind is Kind.FLAG:
        return "true" if sent else ""
    if field.kind is Kind.PAIRS:
        return _pairs(field, " ".join(sent).split())
    return tuple(sent) if field.many else (sent[0].strip() if sent else "")


def _pairs(field: SpecField, words: list[str]) -> dict[str, Any]:
    found = {}
    for word in words:
        name, equals, value = word.rpartition("=")
        if not equals or not name:
            raise InputError(f"{field.name}: expected NAME=VALUE, got '{word}'", "compile=true")
        found[name] = yaml.safe_load(value) if field.name == "options" else value
    return found


def _texts(form: FormData) -> dict[str, Any]:
    return {key: [one for one in form.getlist(key) if isinstance(one, str)] for key in form}


def _spec(values: dict[str, Any]) -> RunSpec:
    """The spec that a form asks for.

    Raises:
        InputError: A value is missing or bad, or the model is not one of the catalogue's.
    """
    spec = make_spec(values, "form")
    if file_named(spec.model) is not None:
        raise InputError(
            f"model: '{spec.model}' is a file", "choose a model of the catalogue; measure a file "
            "with loadscope run",
        )  # fmt: skip
    if spec.layout not in LAYOUT_WORDS:
        raise InputError(f"layout: '{spec.layout}' is a file", "use auto or fresh")
    Catalogue.load().get(spec.model)
    if Mode.TRACE in spec.mode:
        raise InputError("mode: a trace is no measurement", "make it with loadscope trace")
    return spec


def _foretold(site: Site, spec: RunSpec) -> tuple[list[str], RunEstimate]:
    """Why the run will be a rehearsal, and how long it takes.

    Raises:
        InputError: Settings do not fit together.
    """
    rules, entry = load_round(), Catalogue.load().get(spec.model)
    data = catalog().get(spec.dataset_path or "")
    samples = spec.count or (data.samples if data and data.samples else None)
    model = entry.loadgen_model
    conf = loadgen_settings(spec, model, samples, rules)
    reasons = rehearsal_reasons(conf, model, spec.scenario, samples or 10**9, rules)
    same = [f"model={spec.model}", f"framework={spec.framework}", f"scenario={spec.scenario}"]
    earlier = Query.parse([*same, "sort=-created", "columns=path", f"limit={_EARLIER}"])
    with site.results() as index:
        # The latest is read last, and is the one that tells.
        paths = [Path(str(row["path"])) for row in select(index, earlier)][::-1]
    counted = spec.model_copy(update={"count": samples})
    return reasons, estimate(counted, (LOCAL.hosts()[0].name,), History(paths))


def _takes(seconds: float) -> str:
    return f"{seconds / 60:.1f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"


PAGE = Page(
    "Launch",
    20,
    (Route("/launch", _form, methods=["GET"]), Route("/launch", _sent, methods=["POST"])),
)
