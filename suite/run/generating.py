"""What a run of a model that generates tokens has beside the others."""

from dataclasses import replace

from loadscope.errors import InputError
from loadscope.names import Scenario
from loadscope.rundir.record import BenchmarkNames
from loadscope.rundir.spec import RunSpec
from loadscope.scenarios.execution import OFFLINE_BATCH, Execution
from loadscope.submission.rounds import Round
from loadscope.suite.models.artifact_entry import ArtifactEntry
from loadscope.suite.models.model_entry import ModelEntry


def benchmark_names(entry: ModelEntry, spec: RunSpec, rules: Round) -> BenchmarkNames | None:
    """The benchmark's names, LoadGen's key being Interactive's where that is run.

    Raises:
        InputError: The round has no Interactive of it.
    """
    names = BenchmarkNames.model_validate(entry.mlperf.model_dump()) if entry.mlperf else None
    if not spec.interactive:
        return names
    key = rules.interactive(names.loadgen) if names else None
    if names is None or key is None:
        raise InputError(
            f"--interactive: {rules.round} has no scenario Interactive of {spec.model}",
            "leave it out; --ttft-latency and --tpot-latency set Server's bounds",
        )
    return names.model_copy(update={"loadgen": key})


def generating(execution: Execution, spec: RunSpec, entry: ArtifactEntry) -> Execution:
    """The settings for a model with a decoder; the same for any other.

    Raises:
        InputError: They are for one of the other kind.
    """
    if entry.decoder is None:
        if spec.token_budget is not None:
            raise InputError("--token-budget: the model generates no tokens", "leave it out")
        return execution
    if execution.instances > 1:
        raise InputError(
            f"--instances: expected 1 for a model that generates tokens, got {execution.instances}",
            "leave it out; --batch-size and --workers spread the work",
        )
    if spec.scenario is Scenario.SERVER and spec.batch_size is None:
        # Samples join while others run, so that none waits for a batch to fill.
        limit = entry.max_batch or OFFLINE_BATCH
        execution = replace(execution, batch_size=min(OFFLINE_BATCH, limit))
    return replace(execution, token_budget=spec.token_budget or 0)
