"""A trace: where the time of a predict goes, layer by layer."""

import shlex
from collections.abc import Iterator
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from loadscope.errors import WorkError
from loadscope.suite.library.compare import is_traced
from loadscope.suite.report.trace.page import trace_section
from loadscope.suite.trace.model_graph import connections, model_file
from loadscope.suite.trace.peaks import Peaks, machine_peaks
from loadscope.suite.trace.view import TraceView, load_trace
from loadscope.suite.web.graph_drawing import HEIGHT, WIDTH, draw_graph
from loadscope.suite.web.page import Page
from loadscope.suite.web.rendering import render
from loadscope.suite.web.run_figures import as_json
from loadscope.suite.web.run_folder import folder_of
from loadscope.suite.web.site import Site

PERFETTO = Path("trace") / "perfetto.json"
_STEPS = 5


def _list(request: Request) -> Response:
    site: Site = request.app.state.site
    return render(request, "traces.html", traces=_traces(site))


def _traces(site: Site) -> list[dict[str, str]]:
    with site.results() as index:
        rows = index.db.execute(
            "SELECT run.uid, run.path, run.created, run.machine, config.model, config.framework, "
            "config.scenario FROM run JOIN test ON test.run = run.id AND test.mode = 'trace' "
            "JOIN config ON config.id = run.config WHERE run.copy = 0 AND run.hidden = 0 "
            "ORDER BY run.created DESC LIMIT 500"
        ).fetchall()
    return [dict(row) | {"name": Path(row["path"]).name} for row in rows]


def _trace(request: Request) -> Response:
    site: Site = request.app.state.site
    uid = request.path_params["uid"]
    folder = folder_of(site, uid)
    steps = load_trace(folder).steps()
    asked = request.query_params.get("step", steps[0].step)
    view = next((one for one in steps if one.step == asked), None)
    if view is None:
        raise HTTPException(404, f"this trace has no step {asked!r}")
    graph, linked = _graph(view), connections(folder, view.layers)
    section = trace_section("trace", view, _peaks(folder, view))
    return render(
        request,
        "trace.html",
        uid=uid,
        section=section,
        step=view.step,
        steps=[one.step for one in steps if one.step],
        figures=as_json(section.figures),
        timeline=_timeline(view),
        graph=graph,
        drawing=draw_graph(len(graph), linked) if linked else None,
        box=(WIDTH, HEIGHT),
        model=model_file(folder),
        quote=shlex.quote,
        exported=(folder / PERFETTO).is_file(),
        others=[one for one in _traces(site) if one["uid"] != uid],
    )


def _peaks(folder: Path, view: TraceView) -> Peaks | str:
    try:
        return machine_peaks(folder, view.run.host, view.header.threads)
    except WorkError as error:
        return f"{error.message}; {error.fix}"


def _timeline(view: TraceView) -> list[dict[str, object]]:
    """The layers of the median predict, for the timeline: milliseconds from its start."""
    return [
        {
            "name": layer.name, "type": layer.type, "start": layer.start_ns / 1e6,
            "ms": layer.duration_ns / 1e6, "depth": len(layer.within),
        }
        for layer in view.layers
    ]  # fmt: skip


def _graph(view: TraceView) -> list[dict[str, object]]:
    """The layers with their shares of the predict, in steps of which each is twice the one before.

    A layer around others has the time of its own that they leave.
    """
    own = [layer.own_ns * layer.often for layer in view.layers]
    shares = [one / (sum(own) or 1) for one in own]
    most = max(shares, default=0.0)
    return [
        {"name": layer.name, "type": layer.type, "share": share,
         "heat": sum(share >= most / 2**step for step in range(_STEPS)) if most else 0}
        for layer, share in zip(view.layers, shares, strict=True)
    ]  # fmt: skip


def _model(request: Request) -> Response:
    """The file that the run has loaded, for a viewer of models."""
    site: Site = request.app.state.site
    path = model_file(folder_of(site, request.path_params["uid"]))
    if path is None or path.name != request.path_params["name"]:
        raise HTTPException(404, "the model is not on this machine, or it has changed since")
    return FileResponse(path, media_type="application/octet-stream", filename=path.name)


def _perfetto(request: Request) -> Response:
    site: Site = request.app.state.site
    path = folder_of(site, request.path_params["uid"]) / PERFETTO
    if not path.is_file() or path.is_symlink():
        raise HTTPException(404, "this trace was not exported; loadscope trace writes it")
    return FileResponse(path, media_type="application/json", filename=path.name)


def _copies(site: Site) -> Iterator[str]:
    yield "/traces"
    for one in _traces(site):
        if is_traced(Path(one["path"])):
            yield f"/traces/{one['uid']}"


PAGE = Page(
    "Traces",
    40,
    (
        Route("/traces", _list),
        Route("/traces/{uid}", _trace),
        Route("/traces/{uid}/perfetto.json", _perfetto),
        Route("/traces/{uid}/model/{name}", _model),
    ),
    _copies,
)
