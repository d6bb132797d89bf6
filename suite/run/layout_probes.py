"""The processes of a search of layouts, seen from the one that searches."""

import json
import os
import select
import subprocess
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from loadscope.cores import usable_cores
from loadscope.files import write_text
from loadscope.memory import available_memory
from loadscope.rundir.directory import PLAN_FILE
from loadscope.scenarios.execution import Execution
from loadscope.scenarios.halving import TIME_UP
from loadscope.scenarios.layouts import group
from loadscope.suite.run.process_plan import ProcessPlan
from loadscope.suite.run.worker_process import end_worker, start_worker

_LOOK_SECONDS = 0.25
_FRAMEWORK_BYTES = 400_000_000
_COPIES = 3
"""A framework may hold the file, its own weights and a reordered copy of them while it loads."""
_MEMORY_SHARE = 0.5
_SETTLE_SECONDS = 0.2
"""OpenMP's threads spin for so long after their work (KMP_BLOCKTIME), on cores that the next
process is measured on."""

Group = tuple[int, int, int]
_LATE, _ENDED = "not loaded in time", "ended"


@dataclass
class _Probe:
    process: "subprocess.Popen[bytes]"
    answers: int
    loaded: bool = False
    failed: str = ""
    text: bytes = field(default=b"", repr=False)


class Probes:
    """A process a group of layouts.

    Args:
        plan: The run's plan.
        folder: Takes a folder a process.
        first: A layout of each group, in the order of their worth.
        model_bytes: Of the model's files.
        look: Called a few times a second; what it raises ends the search.
        ending: Told of a process that is about to be ended.
        free: Gives the free memory, bytes.
    """

    def __init__(
        self,
        plan: ProcessPlan,
        folder: Path,
        first: Iterable[Execution],
        model_bytes: int,
        look: Callable[[], None],
        ending: Callable[[int], None],
        free: Callable[[], int] = available_memory,
    ) -> None:
        self._plan, self._folder, self._look, self._ending = plan, folder, look, ending
        self._last: Group | None = None
        self._probes: dict[Group, _Probe] = {}
        self._refused: dict[Group, str] = {}
        self._to_start: list[Execution] = []
        left = _MEMORY_SHARE * free()
        for one in first:
            needed = (_FRAMEWORK_BYTES + _COPIES * model_bytes) * one.instances
            if self._to_start and needed > left:
                self._refused[group(one)] = "no memory to have it loaded beside the others"
                continue
            left -= needed
            self._to_start.append(one)

    def load(self, until: float, last: float) -> None:
        """Load the model in as many processes at a time as there are cores.

        More would take as long together, and none be ready where time is short. Those that would
        not be ready in time, by what the ones before took, are not started.

        Args:
            until: The monotonic clock's time to end at.
            last: That for the first one, where none is ready by then.
        """
        cores, took = usable_cores(), 0.0
        while self._to_start:
            some = self._next(cores)
            rounds = max(1.0, sum(one.instances for one in some) / cores)
            begun = time.monotonic()
            if begun + took * rounds > until:
                break
            for one in some:
                self._to_start.remove(one)
                self._start(one)
            self._wait(until)
            took = (time.monotonic() - begun) / rounds
        self._wait(last, one_is_enough=True)
        self._refused.update((group(one), _LATE) for one in self._to_start)
        # Their work would disturb the others.
        for each in self._probes.values():
            if not (each.loaded or each.failed):
                self._fail(each, _LATE)

    def _next(self, cores: int) -> list[Execution]:
        """The first to start, and those after it for which there are cores."""
        found = self._to_start[:1]
        for one in self._to_start[1:]:
            if sum(each.instances for each in (*found, one)) > cores:
                break
            found.append(one)
        return found

    def _start(self, one: Execution) -> None:
        folder = self._folder / str(len(self._probes))
        folder.mkdir()
        own = self._plan.model_copy(update={"execution": one, "search": None})
        write_text(folder / PLAN_FILE, own.model_dump_json())
        ours, theirs = os.pipe()
        try:
            arguments = [str(folder), str(theirs)]
            process = start_worker("layout_probe", arguments, folder, [theirs])
        finally:
            os.close(theirs)
        self._probes[group(one)] = _Probe(process, ours)

    def _wait(self, until: float, one_is_enough: bool = False) -> None:
        """Wait for all that were started, or for one, until the monotonic clock's time."""
        while (now := time.monotonic()) < until:
            waiting = [each for each in self._probes.values() if not (each.loaded or each.failed)]
            if not waiting or (one_is_enough and self._any_loaded):
                return
            self._look()
            ready, _, _ = select.select(
                [each.answers for each in waiting], [], [], min(_LOOK_SECONDS, until - now)
            )
            for each in waiting:
                if each.answers in ready and (answer := self._read(each)) is not None:
                    each.loaded = "loaded" in answer

    @property
    def _any_loaded(self) -> bool:
        """Whether one of them can be measured."""
        return any(each.loaded and not each.failed for each in self._probes.values())

    def failures(self) -> list[str]:
        """Why processes failed, but for want of time."""
        found = [each.failed for each in self._probes.values()]
        return [reason for reason in found if reason not in ("", TIME_UP, _LATE, _ENDED)]

    def measure(self, one: Execution, seconds: float, until: float) -> dict[str, float] | str:
        """Have a layout measured; see ``suite.worker.layout_probe`` for the answer."""
        key = group(one)
        if key in self._refused:
            return self._refused[key]
        probe = self._probes[key]
        if probe.failed:
            return probe.failed
        pause = 0.0 if self._last in (None, key) else _SETTLE_SECONDS
        self._last = key
        if time.monotonic() + pause + seconds > until:
            return TIME_UP
        time.sleep(pause)
        order = {"workers": one.workers, "batch_size": one.batch_size, "seconds": seconds}
        stdin = probe.process.stdin
        assert stdin is not None
        try:
            stdin.write((json.dumps(order) + "\n").encode())
            stdin.flush()
        except OSError:
            self._fail(probe, "its process ended")
            return probe.failed
        while (now := time.monotonic()) < until:
            self._look()
            ready, _, _ = select.select([probe.answers], [], [], min(_LOOK_SECONDS, until - now))
            if ready and ((answer := self._read(probe)) is not None or probe.failed):
                return answer.get("refused", answer) if answer else probe.failed
        # It would go on, on the cores of others.
        self._fail(probe, TIME_UP)
        return TIME_UP

    def close(self) -> None:
        """End all processes."""
        for each in self._probes.values():
            if not each.failed:
                self._fail(each, _ENDED)

    def _read(self, probe: _Probe) -> dict[str, Any] | None:
        """The answer, if it is there whole; an error and the end of the process fail the probe."""
        part = os.read(probe.answers, 1 << 16)
        probe.text += part
        line, newline, rest = probe.text.partition(b"\n")
        if not newline:
            if not part:
                self._fail(probe, "its process ended without a word")
            return None
        probe.text = rest
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            self._fail(probe, answer["error"]["message"])
            return None
        return answer

    def _fail(self, probe: _Probe, reason: str) -> None:
        probe.failed = reason
        os.close(probe.answers)
        self._ending(probe.process.pid)
        end_worker(probe.process)
