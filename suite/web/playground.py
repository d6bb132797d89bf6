"""Answers of several models to one sample, found in the background and kept for a while."""

import shutil
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from starlette.exceptions import HTTPException

from loadscope.errors import LoadScopeError
from loadscope.paths import cache_root
from loadscope.rundir.spec import RunSpec
from loadscope.scratch import remove_scratch
from loadscope.suite.fetch.artifacts import in_cache
from loadscope.suite.library.predict import Prediction, played_spec
from loadscope.suite.run.machine import measurements
from loadscope.suite.run.one_sample import prepare_given
from loadscope.suite.run.understood import understand
from loadscope.suite.web.input_picture import input_picture
from loadscope.suite.web.warm_pool import WarmPool
from loadscope.sut.registry import backend_info, require_installed

MOST_ANSWERS = 6
_KEPT = 20
_MOST_WAITING = 3


@dataclass
class PlayedAnswer:
    """One model on one framework.

    Attributes:
        state: ``waiting``, ``working``, ``done``, ``failed``, or ``missing`` where the model is not
            on this machine and nobody has said that it is to be fetched.
        says: What it does, or why it failed, with the mend.
        picture: The preprocessed input as an image, where it is one.
        fresh: Whether the model was loaded for it.
        meaningful: Whether its weights were trained, so that the answer says anything.
    """

    model: str
    framework: str
    device: str = ""
    state: str = "waiting"
    says: str = ""
    fix: str = ""
    prediction: Prediction | None = None
    picture: str = ""
    fresh: bool = True
    meaningful: bool = True


@dataclass
class Play:
    """One sample and its answers.

    Attributes:
        id: In addresses.
        task: Of the models.
        given: The sample, by what the task asks; files as paths.
        answers: One a model and framework.
        folder: Its files, removed with it.
        layers: Whether a trace is wanted.
        fetch: Whether models that are not here are to be fetched.
    """

    task: str
    given: Mapping[str, str]
    answers: list[PlayedAnswer]
    folder: Path
    layers: bool = False
    fetch: bool = False
    id: str = field(default_factory=lambda: uuid4().hex)

    @property
    def done(self) -> bool:
        """Whether nothing is to come any more."""
        return all(one.state in ("done", "failed", "missing") for one in self.answers)


class Playground:
    """Plays of a running application; one at a time, in the order in which they come."""

    def __init__(self) -> None:
        self.pool = WarmPool()
        self._plays: OrderedDict[str, Play] = OrderedDict()
        self._lock, self._turn = threading.Lock(), threading.Lock()

    def begin(self, play: Play) -> str:
        """Take up a play; gives its id.

        Raises:
            HTTPException: 429 where too many wait, 409 while a test runs.
        """
        require_idle()
        with self._lock:
            if sum(not one.done for one in self._plays.values()) >= _MOST_WAITING:
                raise HTTPException(429, "others are being answered; try again in a moment")
            self._plays[play.id] = play
            for one in play.answers:
                one.state = "waiting" if one.state == "missing" else one.state
            while len(self._plays) > _KEPT:
                _, old = self._plays.popitem(last=False)
                remove_scratch(old.folder)
        threading.Thread(target=self._answer, args=(play,), daemon=True).start()
        return play.id

    def get(self, identity: str) -> Play:
        """A play by its id.

        Raises:
            HTTPException: 404 where it is not kept any more.
        """
        play = self._plays.get(identity)
        if play is None:
            raise HTTPException(404, "this answer is not kept any more; play again")
        return play

    def answer_now(self, play: Play) -> PlayedAnswer:
        """Answer a play of one model while the visitor waits: a frame of a camera.

        Raises:
            HTTPException: 409 while a test runs, 429 while others are being answered.
        """
        require_idle()
        if not self._turn.acquire(timeout=30):
            raise HTTPException(429, "others are being answered")
        try:
            self._one(play, play.answers[0], repeats=0)
        finally:
            self._turn.release()
        return play.answers[0]

    def close(self) -> None:
        """Close all models and remove all files."""
        self.pool.remove()
        for play in self._plays.values():
            remove_scratch(play.folder)

    def _answer(self, play: Play) -> None:
        with self._turn:
            for one in play.answers:
                if one.state == "waiting":
                    self._one(play, one, repeats=10)

    def _one(self, play: Play, one: PlayedAnswer, repeats: int) -> None:
        one.state = "working"

        def progress(what: str, done: int, total: int) -> None:
            one.says = f"{what}: {done} of {total}" if total else what

        folder = Path(tempfile.mkdtemp(dir=play.folder))
        try:
            settings = {"device": one.device} if one.device else {}
            spec = played_spec(one.model, one.framework, settings)
            # Before anything is fetched for it.
            require_installed(backend_info(one.framework))
            if not play.fetch and (missing := _missing(spec)):
                one.state, one.says = "missing", missing
                return
            one.says = "loading the model"
            with self.pool.use(spec, progress) as (warm, one.fresh):
                one.says = "answering"
                data, samples = prepare_given(warm.played, one.framework, play.given, folder)
                classes = warm.played.entry.classes_for(one.framework)
                found = warm.model.predict(data, samples, classes, repeats, play.layers)
            chosen = warm.played.entry.artifact_for(one.framework)
            one.meaningful = chosen.accuracy.meaningful
            seconds = warm.model.load_seconds
            one.prediction = Prediction(one.model, one.framework, seconds, found, warm.played.lines)
            one.picture = input_picture(found.input)
            one.state, one.says = "done", ""
        except LoadScopeError as error:
            one.state, one.says, one.fix = "failed", error.message, error.fix
        except Exception:
            one.state, one.says = "failed", "the model could not be asked"
            raise
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _missing(spec: RunSpec) -> str:
    """What would have to be fetched or built for a model, in words; empty where it is here."""
    found = understand(spec, None)
    if in_cache(found.id, found.entry, spec.framework, cache_root()):
        return ""
    numbers = found.entry.parameters
    size = f"about {4 * numbers / 1e6:,.0f} MB, " if numbers else ""
    return f"not on this machine yet: {size}licence {found.entry.licence}"


def require_idle() -> None:
    """Check that no test runs on this machine, whose figures an answer would disturb.

    Raises:
        HTTPException: 409, with when it will be over where that is known.
    """
    running = measurements()
    if running:
        until = running[0].until
        when = f" until about {until.astimezone():%H:%M}" if until else ""
        raise HTTPException(
            409,
            f"a test runs on this machine{when} ({running[0].run_dir.name}); play when it is over",
        )
