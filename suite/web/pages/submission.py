"""What stands between the runs and a submission: results, what is missing, findings, the system."""

import importlib.metadata
import platform
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from loadscope.errors import InputError
from loadscope.submission.check import check_tree
from loadscope.submission.package.package_plan import Plan
from loadscope.submission.rounds import CURRENT, load_round
from loadscope.submission.system import MachineProbe, describe, detect
from loadscope.submission.system.description import Description
from loadscope.suite.library.submission import draft
from loadscope.suite.report.marks import Marks
from loadscope.suite.report.submission import is_submission
from loadscope.suite.report.wording import metric_text, verdict
from loadscope.suite.run.view import load_run
from loadscope.suite.web.forms import read_form
from loadscope.suite.web.page import Page
from loadscope.suite.web.rendering import render
from loadscope.suite.web.site import Site

SYSTEM_FILE = "system.yaml"
_DIVISIONS = ("closed", "open")
_MOST_CHARACTERS = 2000
_MOST_FINDINGS = 200


def _plan(request: Request) -> Response:
    site: Site = request.app.state.site
    division = request.query_params.get("division", "open")
    if division not in _DIVISIONS:
        raise HTTPException(422, "expected the division closed or open")
    description = _description(site, {"division": division})
    planned, problem = None, None
    submitter = description.values.get("submitter", "")
    if (site.runs / SYSTEM_FILE).exists() and submitter:
        try:
            planned = draft([site.runs], division, submitter, site.runs / SYSTEM_FILE).plan
        except InputError as error:
            problem = error
    return render(
        request,
        "submission.html",
        division=division,
        divisions=_DIVISIONS,
        round=CURRENT,
        planned=planned,
        entries=_entries(planned) if planned else [],
        problem=problem,
        description=description,
        fields=load_round(CURRENT).submission.system_fields,
        saved=(site.runs / SYSTEM_FILE).exists(),
        submitter=submitter,
        trees=list(_trees(site)),
    )


def _entries(planned: Plan) -> list[dict[str, Any]]:
    """What is there, with all that stands against its figures."""
    views = [load_run(one.run.path) for one in planned.entries]
    marks = Marks(views)
    return [
        {
            "benchmark": one.benchmark,
            "scenario": one.scenario,
            "inferred": one.inferred_from,
            "name": one.run.path.name,
            "figure": metric_text(view),
            "standing": verdict(view),
            "marks": marks.of(view),
        }
        for one, view in zip(planned.entries, views, strict=True)
    ]


def _description(site: Site, given: dict[str, str]) -> Description:
    """The system description: what was filled in before, and what the machine tells of itself."""
    software = {
        "other_software_stack": f"Python {platform.python_version()}, mlcommons-loadgen "
        + importlib.metadata.version("mlcommons-loadgen")
    }
    rules = load_round(CURRENT)
    return describe(rules, detect(MachineProbe()), software, given, site.runs / SYSTEM_FILE)


async def _system(request: Request) -> Response:
    async with read_form(request) as form:
        return await run_in_threadpool(_saved, request, form)


def _saved(request: Request, form: FormData) -> Response:
    site: Site = request.app.state.site
    fields = load_round(CURRENT).submission.system_fields
    given = {
        name: str(form[name]).strip() for name in fields if name in form and str(form[name]).strip()
    }
    if any(len(value) > _MOST_CHARACTERS for value in given.values()):
        raise HTTPException(422, f"at most {_MOST_CHARACTERS} characters are taken")
    site.runs.mkdir(parents=True, exist_ok=True)
    _description(site, given).save(site.runs / SYSTEM_FILE)
    return RedirectResponse(f"/submission?division={given.get('division', 'open')}", 303)


def _trees(site: Site) -> dict[str, Path]:
    """Submission trees in the folder of runs and beside it, by name."""
    around = [*site.runs.glob("*"), *site.runs.parent.glob("*")]
    return {path.name: path for path in sorted(around) if path.is_dir() and is_submission(path)}


def _check(request: Request) -> Response:
    name = request.path_params["name"]
    tree = _trees(request.app.state.site).get(name)
    if tree is None:
        raise HTTPException(404, "there is no such submission")
    report = check_tree(tree, load_round(CURRENT))
    return render(
        request,
        "submission_check.html",
        name=name,
        report=report,
        findings=report.findings[:_MOST_FINDINGS],
    )


PAGE = Page(
    "Submission",
    90,
    (
        Route("/submission", _plan),
        Route("/submission/system", _system, methods=["POST"]),
        Route("/submission/trees/{name}", _check),
    ),
)
