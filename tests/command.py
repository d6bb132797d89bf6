"""The ``loadscope`` command and other scripts, without the second that imports take each time."""

import json
import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent


class CommandProcess:
    """Forks of one process that has imported a script; started when it is first needed."""

    def __init__(self, folder: Path, script: Path, *fresh: object) -> None:
        """Nothing is started.

        Args:
            folder: A folder for what the forks say.
            script: A file with a function ``main``.
            fresh: What a Python is given to run it in a process that is no fork.
        """
        self._folder, self._script, self._fresh = folder, script, fresh
        self._server: subprocess.Popen[str] | None = None

    def run(
        self, *arguments: object, cwd: Path, environment: dict[str, str], timeout: float = 240
    ) -> "subprocess.CompletedProcess[str]":
        """Run it to its end, as ``subprocess.run`` does."""
        if "PYTHONPATH" in environment:
            # What is found there must be found from the start.
            return subprocess.run(
                [sys.executable, "-P", *map(str, (*self._fresh, *arguments))],
                capture_output=True,
                text=True,
                timeout=timeout,
                cwd=cwd,
                env=environment,
            )
        server = self._server = self._server or self._start()
        assert server.stdin and server.stdout
        given = list(map(str, arguments))
        with tempfile.TemporaryDirectory(dir=self._folder) as folder:
            said = [Path(folder, name) for name in ("stdout", "stderr")]
            asked = {"arguments": given, "cwd": str(cwd), "environment": environment}
            asked |= {path.name: str(path) for path in said}
            server.stdin.write(json.dumps(asked) + "\n")
            server.stdin.flush()
            if not select.select([server.stdout], [], [], timeout)[0]:
                self.close()
                raise subprocess.TimeoutExpired(given, timeout)
            status = json.loads(server.stdout.readline())
            return subprocess.CompletedProcess(given, status, *(one.read_text() for one in said))

    def _start(self) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-P", HERE / "fork_server.py", self._script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            # The arithmetic library would start threads, which do not live on in a fork.
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
            start_new_session=True,
        )

    def close(self) -> None:
        """End it, and what it still runs."""
        if self._server is not None:
            os.killpg(self._server.pid, signal.SIGKILL)
            self._server.communicate()
            self._server = None


@pytest.fixture(scope="session")
def command_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandProcess]:
    script = HERE / "command_process.py"
    command = CommandProcess(tmp_path_factory.mktemp("command"), script, "-m", "loadscope")
    yield command
    command.close()


@pytest.fixture(scope="session")
def loadgen_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandProcess]:
    script = HERE / "scenarios" / "loadgen_process.py"
    loadgen = CommandProcess(tmp_path_factory.mktemp("loadgen"), script, script)
    yield loadgen
    loadgen.close()
