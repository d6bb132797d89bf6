"""The playground: one sample, up to six models on frameworks, their answers side by side."""

from collections.abc import Mapping
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from loadscope.datasets.playing import Ask
from loadscope.datasets.registry import task, task_names
from loadscope.datasets.task import Task
from loadscope.scratch import make_scratch, remove_scratch, scratch
from loadscope.suite.models.manifest import Catalogue
from loadscope.suite.web.examples import example, examples_of
from loadscope.suite.web.forms import read_form
from loadscope.suite.web.page import Page
from loadscope.suite.web.playground import (
    MOST_ANSWERS,
    Play,
    PlayedAnswer,
    Playground,
    require_idle,
)
from loadscope.suite.web.rendering import render
from loadscope.suite.web.uploads import ACCEPTED, MEDIA_TYPES, TOLD, keep_file
from loadscope.sut.registry import readable

MOST_CHARACTERS = 100_000


def _playable() -> list[Task]:
    return [one for one in map(task, task_names()) if one.asks]


def _choices(kind: Task, chosen: str) -> list[tuple[str, str]]:
    """The curated models of a task and the chosen one, which may be a family's: id and title."""
    found = Catalogue.load().models
    listed = sorted((name, one.title) for name, one in found.items() if one.task == kind.name)
    return listed if not chosen or chosen in found else [(chosen, chosen), *listed]


def _frameworks() -> list[tuple[str, str, bool]]:
    return [(one.name, one.title, one.installed()) for one in readable() if one.answers]


def _form(request: Request) -> Response:
    kinds = _playable()
    named = request.query_params.get("task", kinds[0].name)
    kind = next((one for one in kinds if one.name == named), None)
    if kind is None:
        raise HTTPException(404, f"no task '{named}' takes a sample by hand")
    return render(
        request,
        "play.html",
        kinds=kinds,
        kind=kind,
        models=_choices(kind, request.query_params.get("model", "")),
        frameworks=_frameworks(),
        examples=examples_of(kind),
        chosen_model=request.query_params.get("model", ""),
        chosen_framework=request.query_params.get("framework", ""),
        most=MOST_ANSWERS,
        accepted=ACCEPTED,
        told=TOLD,
    )


async def _begin(request: Request) -> Response:
    async with read_form(request) as form:
        return await run_in_threadpool(_begun, request, form)


def _begun(request: Request, form: FormData) -> Response:
    require_idle()
    kind = _task_of(form)
    pairs = [(model, framework) for model in _texts(form, "model") for framework in
             _texts(form, "framework")]  # fmt: skip
    if not pairs:
        raise HTTPException(422, "choose a model and a framework")
    if len(pairs) > MOST_ANSWERS:
        raise HTTPException(422, f"{len(pairs)} answers are asked for, at most {MOST_ANSWERS} are")
    folder = make_scratch("play")
    device = str(form.get("device") or "")
    try:
        play = Play(
            task=kind.name,
            given=_given(kind, form, folder),
            answers=[PlayedAnswer(model, framework, device) for model, framework in pairs],
            folder=folder,
            layers=form.get("layers") == "on",
        )
        ground: Playground = request.app.state.playground
        return RedirectResponse(f"/play/{ground.begin(play)}", 303)
    except BaseException:
        remove_scratch(folder)
        raise


async def _frame(request: Request) -> Response:
    """One frame of a camera, by one model."""
    async with read_form(request) as form:
        return await run_in_threadpool(_framed, request, form)


def _framed(request: Request, form: FormData) -> Response:
    kind = _task_of(form)
    (model, *_), (framework, *_) = _texts(form, "model"), _texts(form, "framework")
    with scratch("frame") as folder:
        given = _given(kind, form, folder)
        play = Play(kind.name, given, [PlayedAnswer(model, framework)], folder)
        ground: Playground = request.app.state.playground
        answer = ground.answer_now(play)
    if answer.prediction is None:
        told = {"error": answer.says, "fix": answer.fix}
        return JSONResponse(told, 422)
    predicted = answer.prediction.predicted
    return JSONResponse({"parts": predicted.parts, "ms": predicted.first_ms})


def _task_of(form: FormData) -> Task:
    name = form.get("task")
    kind = next((one for one in _playable() if one.name == name), None)
    if kind is None:
        raise HTTPException(422, "no such task")
    return kind


def _texts(form: FormData, name: str) -> list[str]:
    found = [value for value in form.getlist(name) if isinstance(value, str) and value]
    return list(dict.fromkeys(found))


def _given(kind: Task, form: FormData, folder: Path) -> dict[str, str]:
    """What the form gives as a sample; files are checked and written into the folder."""
    chosen = form.get("example")
    if isinstance(chosen, str) and chosen:
        found = dict(example(kind, chosen))
        for ask in kind.asks:
            if ask.is_file:
                content = Path(found[ask.name]).read_bytes()
                found[ask.name] = str(keep_file(ask, content, folder))
        return found
    return {ask.name: _one_given(ask, form, folder) for ask in kind.asks}


def _one_given(ask: Ask, form: FormData, folder: Path) -> str:
    value = form.get(ask.name)
    if ask.is_file:
        if not isinstance(value, UploadFile) or not value.size:
            raise HTTPException(422, f"no {ask.label.lower()} given")
        return str(keep_file(ask, value.file.read(), folder))
    if not isinstance(value, str) or not value.strip():
        raise HTTPException(422, f"no {ask.label.lower()} given")
    if len(value) > MOST_CHARACTERS:
        raise HTTPException(
            422,
            f"the {ask.label.lower()} has {len(value):,} characters, "
            f"at most {MOST_CHARACTERS:,} are taken",
        )
    return value


def _shown(request: Request) -> Response:
    ground: Playground = request.app.state.playground
    play = ground.get(request.path_params["id"])
    kind = task(play.task)
    by_type = [_by_type(one) for one in play.answers]
    longest = {
        name: max(one.get(name, 0.0) for one in by_type) for found in by_type for name in found
    }
    return render(
        request,
        "play_answers.html",
        play=play,
        kind=kind,
        addresses={
            ask.name: (ask, f"/play/{play.id}/given/{ask.name}")
            for ask in kind.asks
            if Path(play.given[ask.name]).suffix in MEDIA_TYPES and ask.is_file
        },
        types=sorted(longest, key=lambda name: -longest[name]),
        by_type=by_type,
    )


async def _fetch(request: Request) -> Response:
    """Fetch what is missing for a play, and answer."""
    async with read_form(request):
        ground: Playground = request.app.state.playground
        play = ground.get(request.path_params["id"])
        play.fetch = True
        await run_in_threadpool(ground.begin, play)
    return RedirectResponse(f"/play/{play.id}", 303)


def _by_type(one: PlayedAnswer) -> dict[str, float]:
    found: dict[str, float] = {}
    if one.prediction is not None:
        for layer in one.prediction.predicted.layers or ():
            found[layer.type] = found.get(layer.type, 0.0) + layer.ms
    return found


def _example_file(request: Request) -> Response:
    """The file of a sample, of a task that asks for one."""
    kind = next((one for one in _playable() if one.name == request.path_params["task"]), None)
    if kind is None:
        raise HTTPException(404, "no such task")
    given = example(kind, request.path_params["name"])
    return _file(kind, given, next((one.name for one in kind.asks if one.is_file), ""))


def _given_file(request: Request) -> Response:
    """A file that was sent, to be shown beside its answers."""
    ground: Playground = request.app.state.playground
    play = ground.get(request.path_params["id"])
    return _file(task(play.task), play.given, request.path_params["name"])


def _file(kind: Task, given: Mapping[str, str], name: str) -> Response:
    path = next((Path(given[ask.name]) for ask in kind.asks if ask.is_file and ask.name == name),
                Path())  # fmt: skip
    if path.suffix.lower() not in MEDIA_TYPES:
        raise HTTPException(404, "no file to be shown")
    return FileResponse(path, media_type=MEDIA_TYPES[path.suffix.lower()])


PAGE = Page(
    "Playground",
    5,
    (
        Route("/play", _form, methods=["GET"]),
        Route("/play", _begin, methods=["POST"]),
        Route("/play/frame", _frame, methods=["POST"]),
        Route("/play/examples/{task}/{name}", _example_file),
        Route("/play/{id}", _shown, methods=["GET"]),
        Route("/play/{id}/given/{name}", _given_file),
        Route("/play/{id}/fetch", _fetch, methods=["POST"]),
    ),
)
