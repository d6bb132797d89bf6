"""One of the processes of a search of layouts: a model loaded once, measured as it is told.

Started by ``suite.run.layout_probes`` as ``python -m loadscope.suite.worker.layout_probe FOLDER
ANSWERS``, as a measured process is, with a ``plan.json`` in the folder. Orders come as JSON lines
on standard input and answers go to the descriptor ``ANSWERS``: at first ``{"loaded": seconds}``,
when it has answered once; then to ``{"workers", "batch_size", "seconds"}`` a ``{"figure",
"batch_seconds", "least_seconds"}``, the last being the shortest that a measurement can be, or
``{"refused": reason}`` where the device has no memory for such a batch. Another error is
``{"error": ...}`` and ends the process, as the end of the input does.
"""

import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from loadscope.errors import DeviceMemoryError, describe
from loadscope.rundir.directory import RunDirectory
from loadscope.scenarios.calibration import (
    query_size,
    query_times,
    throughput,
    typical_batches,
    warm_up,
)
from loadscope.suite.run.process_plan import ProcessPlan
from loadscope.suite.worker.placed_model import Here, Spread, place_model
from loadscope.sut.registry import backend_info

_PERCENTILE = 0.9
"""SingleStream's own; of the few queries of a measurement MultiStream's 99th is the slowest."""
_LEAST_QUERIES = 5


def main() -> None:
    """Load the model, say so, and measure until the input ends."""
    folder, answers = Path(sys.argv[1]), int(sys.argv[2])

    def say(answer: dict[str, Any]) -> None:
        os.write(answers, (json.dumps(answer) + "\n").encode())

    try:
        plan = ProcessPlan.of(RunDirectory(folder))
        model = place_model(folder, plan)
        _answer_once(plan, model)
        say({"loaded": model.load_seconds})
        warm: set[tuple[int, int]] = set()
        for line in sys.stdin:
            try:
                say(_measured(plan, model, json.loads(line), warm))
            except DeviceMemoryError as error:
                # The batch was too large; smaller ones are not.
                say({"refused": error.message})
    except BaseException as error:
        say({"error": describe(error)})
    finally:
        # A framework may wait for ever at the interpreter's end; see the measured process.
        os._exit(0)


def _answer_once(plan: ProcessPlan, model: Here | Spread) -> None:
    """The smallest typical query, on every instance.

    A framework may optimize its graph then, for seconds; the processes of a search do it side by
    side.
    """
    workers = model.execution.workers if model.execution.instances > 1 else 1
    execution = replace(model.execution, batch_size=1, workers=workers)
    batches = typical_batches(model.library, query_size(plan.scenario, execution))[-1:]
    samples = sorted(set(batches[0]))
    model.samples.load(samples)
    warm_up(model.pipeline, execution, batches, least=1)
    model.samples.unload(samples)


def _measured(
    plan: ProcessPlan, model: Here | Spread, order: dict[str, Any], warm: set[tuple[int, int]]
) -> dict[str, float]:
    """Measure a layout: samples a second, or of a lone query milliseconds at the 90th percentile.

    Args:
        plan: What was loaded.
        model: It.
        order: See the module.
        warm: The workers and batch sizes that have run before; this one is added.
    """
    size = order["batch_size"]
    execution = replace(model.execution, batch_size=size)
    if execution.instances == 1:
        execution = replace(execution, workers=order["workers"])
    batches = typical_batches(model.library, query_size(plan.scenario, execution))
    samples = sorted({index for batch in batches for index in batch})
    model.samples.load(samples)
    if (execution.workers, size) not in warm:
        warm.add((execution.workers, size))
        # The first is the largest; what compiles each shape must do so before it is measured.
        each_shape = backend_info(plan.framework).each_shape
        warm_up(model.pipeline, execution, batches if each_shape else batches[:1], least=1)
    if plan.scenario.inline:
        least = max(_LEAST_QUERIES, len(batches))
        times = query_times(model.pipeline, execution, batches, order["seconds"], least)
        figure = sorted(times)[int(len(times) * _PERCENTILE)] / 1e6
        batch_seconds = sum(times) / len(times) / 1e9
    else:
        least = len(batches)
        figure = throughput(model.pipeline, execution, batches, order["seconds"], least=1)
        batch_seconds = execution.workers * size / figure
    model.samples.unload(samples)
    return {
        "figure": figure,
        "batch_seconds": batch_seconds,
        "least_seconds": least * batch_seconds,
    }


if __name__ == "__main__":
    main()
