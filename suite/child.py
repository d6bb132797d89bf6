"""The measured process: one model, one framework, one LoadGen test, then the end.

Started by the runner as ``python -m loadscope.suite.child RUN_DIR MODE`` in the folder that
takes the logs. It reads ``run.json``, writes LoadGen's logs, ``latency.bin``, ``batches.bin``
and ``outcome.json``; on an error ``error.json`` says what happened.
"""

import ctypes
import json
import os
import resource
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any, NoReturn

from loadscope.datasets.tasks import task
from loadscope.errors import InputError, LoadScopeError
from loadscope.files import write_json, write_text
from loadscope.scenarios.answering import Answering
from loadscope.scenarios.calibration import calibrate, query_size, typical_batches, warm_up
from loadscope.scenarios.names import Mode
from loadscope.scenarios.recorder import Recorder
from loadscope.scenarios.session import driver_for, run_test
from loadscope.suite.plan import ChildPlan
from loadscope.suite.trace.collect import Model, environment, traced_test
from loadscope.sut.registry import open_backend

_failing = threading.Lock()


def main() -> None:
    """Run the test that the arguments name."""
    run_dir, mode = Path(sys.argv[1]), Mode(sys.argv[2])
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        record = json.loads((run_dir / "run.json").read_text(encoding="utf-8"))
        outcome = _run(run_dir, mode, ChildPlan.model_validate(record["plan"]))
        write_json(Path("outcome.json"), outcome)
    except BaseException as error:
        _fail(error)


def _run(run_dir: Path, mode: Mode, plan: ChildPlan) -> dict[str, Any]:
    scenario, execution, artifact = plan.scenario, plan.execution, plan.artifact
    if plan.trace is not None:
        os.environ.update(environment(plan.trace))
    backend = open_backend(plan.framework)
    loading = time.perf_counter()
    backend.load(artifact, execution.threads)
    loading = time.perf_counter() - loading
    _return_freed_memory()
    kind = task(plan.task)
    library = kind.library(Path(plan.samples), plan.preprocess, artifact.inputs, artifact.layout)
    answering = Answering(backend, library, kind.postprocess(plan.postprocess, library))

    batches = typical_batches(library, query_size(scenario, execution))
    samples = sorted({index for batch in batches for index in batch})
    library.load(samples)
    warm_up(answering, execution, batches)
    conf = run_dir / "user.conf"
    if plan.trace is not None:
        postprocess = kind.postprocess(plan.postprocess, library)
        model = Model(backend, library, postprocess)
        return {"load_seconds": round(loading, 3), **traced_test(plan, model, batches, conf, _fail)}
    calibration = None
    settings = plan.user_conf()
    if plan.calibrate and not conf.exists():
        calibration = calibrate(scenario, answering, execution, batches)
        settings = settings.having(
            plan.loadgen_model, scenario, {calibration.key: calibration.value}
        )
    if not conf.exists():
        write_text(conf, settings.text())
    library.unload(samples)

    recorder = Recorder(Path("progress.bin"))
    driver = driver_for(scenario, answering, execution, recorder, _fail)
    started = time.perf_counter()
    run_test(
        model=plan.loadgen_model,
        scenario=scenario,
        mode=mode,
        user_conf=conf,
        driver=driver,
        library=library,
        folder=Path.cwd(),
        fail=_fail,
    )
    seconds = time.perf_counter() - started
    recorder.save(Path.cwd())
    backend.close()
    return {
        "test_seconds": round(seconds, 3),
        "load_seconds": round(loading, 3),
        "calibration": vars(calibration) if calibration else None,
        # ru_maxrss is in KiB on Linux.
        "peak_memory_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


def _return_freed_memory() -> None:
    """Give back what loading has freed: frameworks unpack or copy every weight once.

    The C library keeps it otherwise, which for ResNet-50 on ONNX Runtime is 150 MB.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)


def _fail(error: BaseException) -> NoReturn:
    """Leave the evidence and end the process, from whichever thread.

    LoadGen's threads wait for answers that will not come, so nothing can be unwound.
    """
    _failing.acquire()
    if isinstance(error, LoadScopeError):
        message, fix = error.message, error.fix
    else:
        message, fix = f"{type(error).__name__}: {error}", ""
    write_json(
        Path("error.json"),
        {
            "message": message,
            "fix": fix,
            "bad_input": isinstance(error, InputError),
            "traceback": traceback.format_exception(error),
        },
    )
    sys.stderr.flush()
    os._exit(2 if isinstance(error, InputError) else 1)


def _end_with_parent() -> None:
    """Wait for the parent's end of the pipe to close, which it does however the parent ends."""
    while os.read(0, 1):
        pass
    os._exit(1)


if __name__ == "__main__":
    main()
