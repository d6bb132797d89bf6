"""A model and one sample that somebody gives by hand, ready to be answered outside of LoadGen."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import mkdtemp

from loadscope.cores import usable_cores
from loadscope.datasets.registry import task
from loadscope.datasets.task import Progress
from loadscope.errors import InputError, near
from loadscope.names import Scenario
from loadscope.paths import cache_root
from loadscope.rundir.spec import RunSpec
from loadscope.scenarios.execution import Execution
from loadscope.suite.fetch.artifacts import materialise, require_makers
from loadscope.suite.fetch.preprocess_files import locate
from loadscope.suite.models.model_entry import ModelEntry
from loadscope.suite.run.process_plan import ProcessPlan
from loadscope.suite.run.understood import understand
from loadscope.sut.info import DEVICE
from loadscope.sut.registry import backend_info, require_installed


@dataclass(frozen=True)
class PlayedModel:
    """A model in place, without a sample.

    Attributes:
        plan: What a process loads; its samples are named with each order.
        entry: The model.
        lines: How a file was understood.
    """

    plan: ProcessPlan
    entry: ModelEntry
    lines: tuple[str, ...] = ()


def place_played(spec: RunSpec, progress: Progress) -> PlayedModel:
    """Find a model for a framework, fetch or build it, and say how it is to be loaded.

    Args:
        spec: Model, framework, device and options.
        progress: Told of long work.

    Raises:
        InputError: Something named is unknown, missing or broken, or the task takes no sample by
            hand.
        WorkError: A download or a build failed.
    """
    backend = backend_info(spec.framework)
    understood = understand(spec, None)
    entry = understood.entry
    kind = task(entry.task)
    if not kind.asks:
        raise InputError(
            f"the task {kind.name} takes no sample by hand", "measure it with loadscope run"
        )
    chosen = entry.artifact_for(spec.framework)
    device = {} if spec.device is None else {DEVICE: spec.device}
    options = {**chosen.entry.options, **spec.options, **device}
    backend.check_options(options)
    require_installed(backend)
    backend.require_device(options)
    require_makers(entry, spec.framework)
    cache = cache_root()
    preprocess = locate(kind, chosen.preprocess, cache, progress)
    model = materialise(understood.id, entry, spec.framework, cache, progress)
    execution = Execution.decide(
        Scenario.SINGLE_STREAM, usable_cores(), 1, 1, spec.threads, None, chosen.entry.max_batch,
        1, backend.one_caller, False,
    )  # fmt: skip
    plan = ProcessPlan(
        scenario=Scenario.SINGLE_STREAM,
        framework=spec.framework,
        loadgen_model=entry.loadgen_model,
        task=entry.task,
        artifact=replace(model.artifact, options=options, digest=model.sha256),
        samples="",
        preprocess=preprocess,
        postprocess=chosen.postprocess,
        execution=execution,
        settings=(),
        calibrate=False,
    )
    return PlayedModel(plan, entry, understood.lines)


def require_given(task_name: str, given: Mapping[str, str]) -> None:
    """Check that what somebody gives is what a task asks for, no more and no less.

    Raises:
        InputError: It is not.
    """
    kind = task(task_name)
    asked = {ask.name: ask for ask in kind.asks}
    for name in given:
        if name not in asked:
            raise InputError(
                f"the task {kind.name} asks for no '{name}'",
                f"{near(name, asked)}it asks for: {', '.join(asked)}",
            )
    for name, ask in asked.items():
        if not given.get(name, "").strip():
            raise InputError(f"no {ask.label.lower()} given", f"add --{name}")


def prepare_given(
    played: PlayedModel, framework: str, given: Mapping[str, str], folder: Path
) -> tuple[Path, Path]:
    """Lay a sample out and preprocess it as a measurement does, into a folder of its own.

    Args:
        played: The model.
        framework: On which it runs.
        given: The sample, by what the task asks.
        folder: An existing folder, which takes both; nothing of it goes into the cache.

    Returns:
        The data set of one sample, and the folder of its prepared samples.

    Raises:
        InputError: The sample is unusable.
        WorkError: The folder cannot be written.
    """
    kind = task(played.entry.task)
    require_given(kind.name, given)
    data = Path(mkdtemp(prefix="data-", dir=folder))
    path = kind.one_sample(given, data)
    classes = played.entry.classes_for(framework)
    try:
        dataset = kind.read(path, None, classes, played.plan.preprocess)
        prepared = kind.prepare(
            dataset, played.plan.preprocess, Path(mkdtemp(prefix="cache-", dir=folder)), _quiet, 1
        )
    except InputError as error:
        # The message names our copy of it, and its mend is that of a data set.
        reason = error.message.replace(f"{path}/", "")
        raise InputError(f"the sample is unusable: {reason}", "give another one") from error
    return path, prepared


def _quiet(what: str, done: int, total: int) -> None:
    """A sample is prepared at once."""
