"""Where LoadGen tests run: on this machine, or wherever an engine of another package takes them.

An engine is found by the entry point group ``loadscope.engines``, whose values name an object
with the methods of ``Engine``; ``local`` is the launcher of this package. An engine keeps nothing
between calls: what there is to know of a run, its progress and a request to cancel it among that,
lies in the run directory.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from loadscope.errors import WorkError
from loadscope.names import Mode
from loadscope.plugins import Plugins
from loadscope.rundir.host_record import HostRecord
from loadscope.rundir.progress import LiveProgress
from loadscope.rundir.record import ModeOutcome

_CANCEL = "cancel"

Watch = Callable[[LiveProgress], None]
"""Called about once a second while a test runs, and once when it has ended."""


@dataclass(frozen=True)
class RequestedTest:
    """One LoadGen test of a run directory; its empty folder is there.

    Attributes:
        mode: Which test.
        run: Which repeat of it, from 1.
        runs: How many there are.
    """

    mode: Mode
    run: int = 1
    runs: int = 1


@dataclass(frozen=True)
class EngineHost:
    """A machine that an engine can run a test on.

    Attributes:
        name: Its name in the network.
        machine: Its architecture, as ``uname -m`` has it.
        processor: As the system names it, if it does.
        cores: Physical cores.
        memory_bytes: Physical memory.
    """

    name: str
    machine: str
    processor: str | None
    cores: int | None
    memory_bytes: int | None


@dataclass(frozen=True)
class Launched:
    """A test that has ended well.

    Attributes:
        outcome: What the process said, with ``noise`` of a performance test or a trace.
        host: The machine that the test ran on, for ``run.json``.
    """

    outcome: ModeOutcome
    host: HostRecord


class Cancelled(WorkError):
    """A test was ended because that was asked for."""


class Engine(Protocol):
    """Runs LoadGen tests, each in a fresh process."""

    def hosts(self) -> tuple[EngineHost, ...]:
        """The machines that it can run a test on."""

    def launch(self, run_dir: Path, test: RequestedTest, watch: Watch) -> Launched:
        """Run one LoadGen test of a run directory to its end.

        Host, noise, cores and caches are those of the side where the test runs, which also keeps
        ``progress.json``.

        Raises:
            InputError: The test found the input wrong.
            Cancelled: ``cancel`` was called, from whichever process.
            WorkError: It failed, or ended without a word.
        """

    def cancel(self, run_dir: Path) -> None:
        """Have the test that runs in a run directory end, or the next one not begin."""


ENGINES = Plugins[Engine]("loadscope.engines", "engine")
"""The engines by name."""


def request_cancel(run_dir: Path) -> None:
    """Leave the request in the run directory, where any side that sees the folder finds it."""
    (run_dir / _CANCEL).touch()


def forget_cancel(run_dir: Path) -> None:
    """Take a request back: a run that begins, or is resumed, is wanted."""
    (run_dir / _CANCEL).unlink(missing_ok=True)


def require_wanted(run_dir: Path) -> None:
    """Check that nobody has asked for the run to end.

    Raises:
        Cancelled: Somebody has.
    """
    if (run_dir / _CANCEL).exists():
        raise Cancelled("cancelled", f"go on with loadscope run --resume {run_dir}")
