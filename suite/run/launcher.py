"""Start the measured process, watch it, and turn its end into a record or an exception."""

import json
import mmap
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import loadscope
from loadscope.errors import LoadScopeError, WorkError, described
from loadscope.names import Mode
from loadscope.rundir.record import ModeOutcome
from loadscope.scenarios.recorder import PROGRESS_BYTES

_TEST_PROCESS = "loadscope.suite.worker.test_process"
_POLL_SECONDS = 0.25
_GRACE_SECONDS = 5


def run_child(
    run_dir: Path, mode: Mode, folder: Path, watch: Callable[[float, int], None]
) -> ModeOutcome:
    """Run one LoadGen test in a fresh process.

    Args:
        run_dir: The run directory, with its ``run.json``.
        mode: Which test.
        folder: The empty folder that takes the logs; the process's working directory.
        watch: Called now and then with (seconds since the start, samples answered).

    Returns:
        The process's ``outcome.json``.

    Raises:
        InputError: The process found the input wrong.
        WorkError: It failed, or ended without a word.
    """
    # The package is found from the folder of the logs too, however the parent found it.
    package_root = str(Path(loadscope.__file__).parents[1])
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(
            [package_root, *filter(None, [os.environ.get("PYTHONPATH", "")])]
        ),
    }
    with (folder / "process.log").open("wb") as log:
        process = subprocess.Popen(
            [
                sys.executable,
                "-P",
                "-m",
                "loadscope.suite.worker.test_process",
                str(run_dir.resolve()),
                mode,
            ],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            # Ctrl-C is the parent's to handle; the pipe tells the child of the parent's death.
            start_new_session=True,
        )
    try:
        started = time.monotonic()
        while process.poll() is None:
            watch(time.monotonic() - started, _answered(folder / "progress.bin"))
            time.sleep(_POLL_SECONDS)
    finally:
        _end(process)
    (folder / "progress.bin").unlink(missing_ok=True)
    outcome = folder / "outcome.json"
    if process.returncode == 0 and outcome.exists():
        return ModeOutcome.model_validate_json(outcome.read_text(encoding="utf-8"))
    raise _failure(folder, process.returncode)


def _answered(path: Path) -> int:
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), PROGRESS_BYTES, access=1) as counter:
            return int.from_bytes(counter[:PROGRESS_BYTES], sys.byteorder)
    except (OSError, ValueError):
        # Not there yet: the process is still loading the model.
        return 0


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if process.stdin is not None:
        process.stdin.close()


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
