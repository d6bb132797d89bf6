"""The local engine: start the measured process, watch it, and turn its end into a record."""

import contextlib
import json
import platform
import select
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

from loadscope.errors import LoadScopeError, WorkError, described
from loadscope.names import DEFAULT_DEVICE, Mode
from loadscope.rundir.directory import RunDirectory
from loadscope.rundir.progress import Phase
from loadscope.rundir.record import ModeOutcome
from loadscope.scenarios.live_counters import FILE, Counted, read_counters
from loadscope.suite.run import standby
from loadscope.suite.run.device_watch import DeviceWatch
from loadscope.suite.run.engine import (
    EngineHost,
    Launched,
    RequestedTest,
    Watch,
    request_cancel,
    require_wanted,
)
from loadscope.suite.run.layout import settle
from loadscope.suite.run.live import LiveWatch, layout_watch
from loadscope.suite.run.machine import measuring
from loadscope.suite.run.noise import NoiseWatch
from loadscope.suite.run.provenance import host
from loadscope.suite.run.worker_process import end_worker, start_worker

_POLL_SECONDS = 0.25


class LocalEngine:
    """Runs tests on this machine."""

    def hosts(self) -> tuple[EngineHost, ...]:
        """See ``Engine``: this machine alone."""
        here = host()
        return (
            EngineHost(
                name=platform.node(),
                machine=here.machine,
                processor=here.processor,
                cores=here.physical_cores,
                memory_bytes=here.memory_bytes,
            ),
        )

    def launch(self, run_dir: Path, test: RequestedTest, watch: Watch) -> Launched:
        """See ``Engine``; Ctrl-C ends the test."""
        with measuring(run_dir):
            return self._launch(run_dir, test, watch)

    def _launch(self, run_dir: Path, test: RequestedTest, watch: Watch) -> Launched:
        settle(run_dir, layout_watch(run_dir, test, watch))
        noise = NoiseWatch(standby.waiting_process())
        record = RunDirectory(run_dir).read()
        remote = record.remote is not None
        # What computes is elsewhere: its machine was asked for, and no counter of it is here.
        here = record.host if remote else host()
        devices = DeviceWatch(DEFAULT_DEVICE if remote else record.model.device)
        process = 0

        def look(pid: int, counted: Counted | None) -> None:
            nonlocal process
            process = pid
            require_wanted(run_dir)
            live.look(counted)
            noise.sample()
            devices.look(counted is not None and counted.phase is Phase.RUNNING, pid)

        live = LiveWatch(run_dir, test, watch, lambda: noise.so_far(process))
        folder = RunDirectory(run_dir).partial(test.mode, test.run)
        try:
            outcome = run_child(run_dir, test.mode, folder, look)
        finally:
            live.end(read_counters(folder / FILE))
            (folder / FILE).unlink(missing_ok=True)
        # What a test of accuracy tells does not depend on the machine's speed.
        if test.mode in (Mode.PERFORMANCE, Mode.TRACE):
            energy = None if remote else devices.energy()
            seen = {"noise": noise.finish(devices.gpu()), "energy": energy}
            outcome = outcome.model_copy(update=seen)
        return Launched(outcome, here)

    def cancel(self, run_dir: Path) -> None:
        """See ``Engine``; within a quarter of a second."""
        request_cancel(run_dir)


LOCAL = LocalEngine()


def run_child(
    run_dir: Path, mode: Mode, folder: Path, look: Callable[[int, Counted | None], None]
) -> ModeOutcome:
    """Run one LoadGen test in a fresh process.

    Args:
        run_dir: The run directory, with its ``run.json``.
        mode: Which test.
        folder: The empty folder that takes the logs; the process's working directory.
        look: Called a few times a second with the process's number and its counters, None before
            there are any.

    Returns:
        The process's ``outcome.json``.

    Raises:
        InputError: The process found the input wrong.
        WorkError: It failed, or ended without a word.
    """
    arguments = [str(run_dir.resolve()), str(mode)]
    process = standby.take(arguments, folder) or start_worker("test_process", arguments, folder)
    try:
        while process.poll() is None:
            look(process.pid, read_counters(folder / FILE))
            _await_end(process, _POLL_SECONDS)
    finally:
        end_worker(process)
    outcome = folder / "outcome.json"
    if process.returncode == 0 and outcome.exists():
        return ModeOutcome.model_validate_json(outcome.read_text(encoding="utf-8"))
    raise _failure(folder, process.returncode)


def _await_end(process: "subprocess.Popen[bytes]", seconds: float) -> None:
    """Sleep, but no longer than the process lives, and without waking in between."""
    assert process.stdin is not None
    pipe = select.poll()
    # An error, which needs no asking for, is that nobody reads any more.
    pipe.register(process.stdin, 0)
    if pipe.poll(seconds * 1e3):
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)


def _failure(folder: Path, status: int) -> LoadScopeError:
    evidence = folder / "error.json"
    if evidence.exists():
        said = json.loads(evidence.read_text(encoding="utf-8"))
        return described(said, f"the traceback is in {evidence}")
    cause = f"signal {signal.Signals(-status).name}" if status < 0 else f"status {status}"
    hint = " (out of memory?)" if status == -signal.SIGKILL else ""
    return WorkError(
        f"the measured process ended with {cause}{hint} and no message",
        f"its output is in {folder / 'process.log'}",
    )
