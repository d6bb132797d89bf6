"""One LoadGen test in this process; the process must be fresh.

LoadGen loads its compiled-in mlperf.conf only at the first ``FromConfig`` of a process; a
second test would run with other seeds and a ten-second minimum.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import mlperf_loadgen as loadgen

from loadscope.datasets.library import LoadableSamples
from loadscope.errors import WorkError
from loadscope.names import Mode, Scenario
from loadscope.scenarios.execution import Execution
from loadscope.scenarios.inference_pipeline import Fail, InferencePipeline
from loadscope.scenarios.offline import OfflineDriver
from loadscope.scenarios.recorder import Recorder
from loadscope.scenarios.server import ServerDriver
from loadscope.scenarios.streams import StreamDriver
from loadscope.scenarios.tokens.driver import TokenDriver
from loadscope.scenarios.tokens.pipeline import TokenPipeline

_started = False


class Driver(Protocol):
    """What LoadGen is given as its system under test."""

    def start(self) -> None:
        """Make ready to be issued queries."""

    def issue(self, ids: list[int], indices: list[int]) -> None:
        """Take queries: LoadGen response ids and sample indices."""

    def flush(self) -> None:
        """Be told that no query follows for now."""

    def stop(self) -> None:
        """End after the test."""


def driver_for(
    scenario: Scenario,
    pipeline: InferencePipeline,
    execution: Execution,
    recorder: Recorder,
    fail: Fail,
) -> Driver:
    """The driver of a scenario."""
    size, workers = execution.batch_size, execution.workers
    if scenario.inline:
        return StreamDriver(pipeline, size, recorder, fail)
    if isinstance(pipeline, TokenPipeline):
        return TokenDriver(pipeline, size, workers, recorder, fail)
    if scenario is Scenario.OFFLINE:
        return OfflineDriver(pipeline, size, workers, recorder, fail)
    return ServerDriver(
        pipeline,
        size,
        workers,
        execution.max_wait_ms,
        execution.late_after_ms,
        recorder,
        fail,
    )


def run_test(
    *,
    model: str,
    scenario: Scenario,
    mode: Mode,
    user_conf: Path,
    driver: Driver,
    library: LoadableSamples,
    folder: Path,
    fail: Fail,
    trace: bool = False,
    ask_name: Callable[[], str] | None = None,
) -> None:
    """Run LoadGen to the end of one test; its logs land in ``folder``.

    Args:
        model: LoadGen's key of the model (``resnet50``).
        scenario: The scenario.
        mode: Performance, accuracy, or a compliance test.
        user_conf: The generated user.conf.
        driver: The system under test.
        library: The samples.
        folder: Where the logs go. A compliance test's ``audit.config`` is read from here,
            never from the working directory.
        fail: Called with any exception from the sample library.
        trace: Whether LoadGen writes its own trace, with the times of every sample.
        ask_name: Asks a SUT that is reached by the network for its name; the driver is then
            LoadGen's query dispatch library. None for a SUT in this process.

    Raises:
        WorkError: This process has already run a test, or LoadGen refuses the user.conf.
    """
    global _started
    if _started:
        raise WorkError("one LoadGen test a process", "start a fresh process for the next test")
    _started = True
    settings = loadgen.TestSettings()
    status = settings.FromConfig(str(user_conf), model, str(scenario), 1)
    if status:
        raise WorkError(f"LoadGen cannot read {user_conf} (status {status})")
    settings.scenario = getattr(loadgen.TestScenario, scenario)
    settings.mode = getattr(loadgen.TestMode, mode.loadgen)
    logs = loadgen.LogSettings()
    logs.log_output.outdir = str(folder)
    logs.log_output.copy_summary_to_stdout = False
    logs.enable_trace = trace

    sut, destroy = _system(driver, ask_name, fail)
    qsl = loadgen.ConstructQSL(
        len(library),
        settings.performance_sample_count_override or len(library),
        _guarded(library.load, fail),
        _guarded(library.unload, fail),
    )
    driver.start()
    loadgen.StartTestWithLogSettings(sut, qsl, settings, logs, str(folder / "audit.config"))
    driver.stop()
    loadgen.DestroyQSL(qsl)
    destroy(sut)


def _system(
    driver: Driver, ask_name: Callable[[], str] | None, fail: Fail
) -> tuple[int, Callable[[int], None]]:
    """What LoadGen issues queries to, and what destroys it."""
    if ask_name is None:
        return loadgen.ConstructFastSUT(driver.issue, driver.flush), loadgen.DestroyFastSUT

    def issue(samples: Sequence[loadgen.QuerySample]) -> None:
        driver.issue([one.id for one in samples], [one.index for one in samples])

    def name() -> str:
        try:
            return ask_name()
        except BaseException as error:
            fail(error)
            raise

    return loadgen.ConstructQDL(issue, driver.flush, name), loadgen.DestroyQDL


def _guarded(call: Callable[[Sequence[int]], None], fail: Fail) -> Callable[[Sequence[int]], None]:
    def guarded(indices: Sequence[int]) -> None:
        try:
            call(indices)
        except BaseException as error:
            fail(error)

    return guarded
