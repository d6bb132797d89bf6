"""Models that stay loaded for the playground: few, bounded in memory, gone while a test runs."""

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from loadscope.datasets.task import Progress
from loadscope.memory import memory_limit
from loadscope.rundir.spec import RunSpec
from loadscope.scratch import make_scratch, remove_scratch
from loadscope.suite.run.machine import measurements
from loadscope.suite.run.one_sample import PlayedModel, place_played
from loadscope.suite.run.warm_model import WarmModel

MOST_MODELS = 4
_MEMORY_SHARE = 0.3
"""Of the machine's memory, for all of them."""


@dataclass
class Warm:
    """A model in the pool.

    Attributes:
        played: What it is.
        model: Its process.
        lock: Held while it answers: a process answers one sample at a time.
    """

    played: PlayedModel
    model: WarmModel
    lock: threading.Lock = field(default_factory=threading.Lock)


class WarmPool:
    """Loads models when they are asked for, and closes the one that was not used the longest."""

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._models: OrderedDict[str, Warm] = OrderedDict()
        self._lock = threading.Lock()
        self._made = 0

    @contextlib.contextmanager
    def use(self, spec: RunSpec, progress: Progress) -> Iterator[tuple[Warm, bool]]:
        """A loaded model for as long as the block lasts, and whether it was loaded just now.

        Raises:
            InputError: The model, the framework or an option is unknown or missing.
            WorkError: It could not be fetched, built or loaded.
        """
        key = spec.model_dump_json()
        with self._lock:
            warm = self._models.get(key)
            fresh = warm is None
            if warm is None:
                played = place_played(spec, progress)
                self._made += 1
                model = WarmModel(played.plan, self._own_folder() / str(self._made))
                warm = self._models[key] = Warm(played, model)
            self._models.move_to_end(key)
            warm.lock.acquire()
            self._drop_what_is_too_much(key)
        try:
            yield warm, fresh
        finally:
            warm.lock.release()
            if not warm.model.alive:
                self._forget(key)

    def give_way(self) -> None:
        """Close all models if a test runs on this machine; not while one is being loaded."""
        if self._models and measurements() and self._lock.acquire(blocking=False):
            try:
                self._close_all()
            finally:
                self._lock.release()

    def close(self) -> None:
        """Close all models; each when it has answered."""
        with self._lock:
            self._close_all()

    def remove(self) -> None:
        """Close all models and remove what they left; the pool is not used any more."""
        self.close()
        if self._folder is not None:
            remove_scratch(self._folder)
            self._folder = None

    def __len__(self) -> int:
        """How many models are loaded."""
        return len(self._models)

    def _own_folder(self) -> Path:
        if self._folder is None:
            self._folder = make_scratch("warm")
        return self._folder

    def _forget(self, key: str) -> None:
        with self._lock:
            if (warm := self._models.pop(key, None)) is not None:
                warm.model.close()

    def _drop_what_is_too_much(self, kept: str) -> None:
        for key in list(self._models):
            if len(self._models) == 1 or key == kept:
                continue
            if len(self._models) <= MOST_MODELS and self._bytes() <= _MEMORY_SHARE * memory_limit():
                return
            self._close(key)

    def _bytes(self) -> int:
        total = 0
        for warm in self._models.values():
            with contextlib.suppress(psutil.Error):
                total += psutil.Process(warm.model.pid).memory_info().rss
        return total

    def _close_all(self) -> None:
        for key in list(self._models):
            self._close(key)

    def _close(self, key: str) -> None:
        warm = self._models.pop(key)
        with warm.lock:
            warm.model.close()
