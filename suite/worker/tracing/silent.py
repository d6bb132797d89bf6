"""A second process with the same model in which oneDNN prints nothing.

oneDNN's output is switched on before a framework is loaded and stays on, so a process that
traces primitives cannot be compared with itself.
``python -m loadscope.suite.worker.tracing.silent RUN_DIR LEVEL SAMPLES`` times one batch; see
``paired_timing``.
"""

import json
import os
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from loadscope.rundir.directory import RunDirectory
from loadscope.scenarios.calibration import warm_up
from loadscope.suite.run.process_plan import ProcessPlan
from loadscope.suite.worker.loaded_model import open_model
from loadscope.suite.worker.paired_timing import Timed, answer, other_process
from loadscope.suite.worker.tracing.levels import quiet_levels
from loadscope.sut.tracing import onednn


def silent_levels(
    run_dir: Path, level: str, batch: Sequence[int]
) -> AbstractContextManager[dict[str, Timed]]:
    """The levels up to ``level`` in a process of their own, which ends with the context.

    Args:
        run_dir: The run directory, with its ``run.json``.
        level: ``layer`` or a level before it.
        batch: The samples.

    Raises:
        WorkError: The process ended early.
    """
    environment = {
        name: value for name, value in os.environ.items() if name not in onednn.ENVIRONMENT
    }
    module = ["-m", "loadscope.suite.worker.tracing.silent"]
    return other_process(
        [*module, str(run_dir.resolve()), level, json.dumps(list(batch))], environment
    )


def _levels(run_dir: Path, level: str, batch: list[int]) -> dict[str, Timed]:
    plan = ProcessPlan.of(RunDirectory(run_dir))
    model = open_model(plan)
    model.library.load(sorted(set(batch)))
    warm_up(model.pipeline, plan.execution, [batch])
    return quiet_levels(model, None, level, batch)


if __name__ == "__main__":
    answer(lambda: _levels(Path(sys.argv[1]), sys.argv[2], json.loads(sys.argv[3])))
