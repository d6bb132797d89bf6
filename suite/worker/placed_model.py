"""The model where a plan has it: in this process, or in several that it shares the work with."""

import dataclasses
import time
from pathlib import Path

from pydantic import JsonValue

from loadscope.cores import allowed_cores
from loadscope.datasets.library import LoadableSamples
from loadscope.rundir.record import ReplicaPlace
from loadscope.scenarios.replicas import Replicas, SpreadLibrary, SpreadPipeline
from loadscope.scenarios.topology import spread
from loadscope.suite.run.process_plan import ProcessPlan
from loadscope.suite.worker.loaded_model import open_library, open_model, peak_elsewhere
from loadscope.sut.backend import RemoteBackend


class Here:
    """The model in this process."""

    def __init__(self, plan: ProcessPlan) -> None:
        opened = open_model(plan)
        self.library = opened.library
        self.samples: LoadableSamples = opened.library
        self.pipeline, self.execution = opened.pipeline, plan.execution
        self.load_seconds, self.places = opened.load_seconds, None
        self.in_force = opened.in_force
        self._opened = opened
        self.ask_name = (
            opened.backend.sut_name if isinstance(opened.backend, RemoteBackend) else None
        )

    def close(self) -> int:
        """Release the model; returns the peak memory of another process that held it, bytes."""
        self._opened.close()
        return peak_elsewhere(self._opened.backend)


class Spread:
    """The model in several processes; this one keeps LoadGen and the drivers."""

    def __init__(self, run_dir: Path, plan: ProcessPlan) -> None:
        started = time.perf_counter()
        execution = plan.execution
        instances = Replicas(
            "loadscope.suite.worker.replica",
            [str(run_dir)],
            spread(allowed_cores().cores, execution.instances),
            execution.workers,
            ahead=execution.prefetch,
        )
        self.load_seconds = time.perf_counter() - started
        # Each has checked its own; they are all loaded alike.
        self.in_force: dict[str, JsonValue] = instances.started[0]["in_force"]
        self.library = open_library(plan)
        self.samples: LoadableSamples = SpreadLibrary(instances, self.library)
        self.pipeline = SpreadPipeline(instances, self.library)
        self.execution = dataclasses.replace(execution, workers=instances.channels)
        self.places: tuple[ReplicaPlace, ...] | None = tuple(
            ReplicaPlace(**place) for place in instances.places()
        )
        self.close = instances.close
        # A SUT elsewhere has no instances here.
        self.ask_name = None


def place_model(folder: Path, plan: ProcessPlan) -> Here | Spread:
    """Load the model.

    Args:
        folder: With ``plan.json``, which further processes read.
        plan: What it says.
    """
    return Spread(folder, plan) if plan.execution.instances > 1 else Here(plan)
