"""Resolve a spec: everything a run needs is found, checked and made before it starts."""

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal
from uuid import uuid4

from pydantic import JsonValue

from loadscope.cores import allowed_cores, usable_cores
from loadscope.datasets.adapters.registry import form_record
from loadscope.datasets.registry import task
from loadscope.datasets.task import Dataset, Progress
from loadscope.devices import GPUS, kind_of
from loadscope.errors import InputError
from loadscope.names import Mode, Scenario, system_name
from loadscope.paths import cache_root
from loadscope.rundir.host_record import HostRecord
from loadscope.rundir.layout_record import ExecutionRecord, LayoutRecord
from loadscope.rundir.record import (
    DataRecord,
    Lineage,
    ModelRecord,
    ModeState,
    RunRecord,
)
from loadscope.rundir.remote_record import RemoteRecord
from loadscope.rundir.spec import RunSpec, recorded
from loadscope.rundir.spec_names import LAYOUT_SECONDS, LAYOUT_VARIABLE, LAYOUT_WORDS
from loadscope.scenarios.batch_memory import bound_batch, sample_bytes
from loadscope.scenarios.execution import Execution
from loadscope.scenarios.layouts import Given, Limits
from loadscope.scenarios.topology import automatic_instances, spread
from loadscope.strict_yaml import read_yaml
from loadscope.submission.rounds import load_round
from loadscope.suite.fetch.artifacts import materialise, require_makers
from loadscope.suite.fetch.preprocess_files import locate
from loadscope.suite.models.manifest import Catalogue
from loadscope.suite.run.generating import benchmark_names, generating
from loadscope.suite.run.layout_cache import Layout, LayoutFile
from loadscope.suite.run.loaded_samples import bound_loaded, loaded_samples, prepared_bytes
from loadscope.suite.run.loadgen_settings import (
    loadgen_settings,
    rehearsal_reasons,
    server_bound,
    target_key,
)
from loadscope.suite.run.process_plan import LayoutSearch, ProcessPlan, TracePlan
from loadscope.suite.run.provenance import host, versions
from loadscope.suite.run.remote import reach
from loadscope.suite.run.samples import place_samples, read_samples
from loadscope.suite.run.understood import understand
from loadscope.sut.info import DEVICE
from loadscope.sut.registry import backend_info, require_installed


@dataclass(frozen=True)
class ResolvedRun:
    """A spec with all that it names in place; frozen to JSON once, when the run begins.

    Attributes:
        spec: What to run.
        dataset: The data set, for scoring.
        plan: What the test process carries out.
        round: The MLPerf round.
        rehearsal: Why the run is shorter than full length; empty when it is not.
        model: The model as it runs.
        data: The samples.
        host: This machine.
        versions: Of everything that takes part.
        manifest: The model's own manifest, for one that is not built in.
        assumed: How a model's file was understood, a line each; empty for a written entry.
        traced: Whether it is a trace, which is never a result.
        remote: The way to the SUT, where it is reached by the network; ``host`` is then its.
    """

    spec: RunSpec
    dataset: Dataset
    plan: ProcessPlan
    round: str
    rehearsal: tuple[str, ...]
    model: ModelRecord
    data: DataRecord
    host: HostRecord
    versions: dict[str, str]
    manifest: dict[str, JsonValue] | None
    assumed: tuple[str, ...] = ()
    traced: bool = False
    remote: RemoteRecord | None = None

    @property
    def system(self) -> str:
        """What runs the model: see ``names.system_name``."""
        return system_name(
            self.spec.framework, self.model.device, self.model.numerics, self.remote is not None
        )

    def tracing(self, trace: TracePlan) -> "ResolvedRun":
        """The same as a trace."""
        return replace(
            self,
            plan=self.plan.model_copy(
                update={"trace": trace, "calibrate": False, "search": _in_one_process(self.plan)}
            ),
            rehearsal=("a trace is never a result", *self.rehearsal),
            traced=True,
        )

    def record(self, command: str, tests: Iterable[Mode]) -> RunRecord:
        """``run.json`` of a run that begins now.

        Args:
            command: The command line to record.
            tests: The LoadGen tests to run.
        """
        return RunRecord(
            uid=uuid4(),
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            command=command,
            round=self.round,
            spec=recorded(self.spec),
            effective=ExecutionRecord.model_validate(vars(self.plan.execution)),
            rehearsal=self.rehearsal,
            model=self.model,
            data=self.data,
            host=self.host,
            versions=self.versions,
            manifest=self.manifest,
            assumed=self.assumed,
            state={mode: ModeState(status="planned") for mode in tests},
            traced=self.traced,
            remote=self.remote,
        )


def resolve(spec: RunSpec, progress: Progress, catalogue: Catalogue | None = None) -> ResolvedRun:
    """Find the model, read the data set, and preprocess its samples into the cache.

    Args:
        spec: What to run.
        progress: Where progress goes.
        catalogue: The models as an earlier run had them; those of the spec's manifests if None.

    Raises:
        InputError: Anything that the spec names is unknown, missing or broken.
        WorkError: A download or a build failed, or the disk is full.
    """
    rules = load_round()
    backend = backend_info(spec.framework)
    understood = understand(spec, catalogue)
    entry = understood.entry
    chosen = entry.artifact_for(spec.framework)
    reached = reach(spec, understood.id, chosen)
    options = {**chosen.entry.options, **spec.options, **_device(spec)}
    given, held = _given(spec)
    if reached is None:
        backend.check_options(options)
        require_installed(backend)
        backend.require_device(options)
    else:
        options, told = dict(reached.told.model.options), reached.told
        # One batch is on its way to each worker while that computes another: else a worker would
        # stand idle, and queries wait, for as long as the network takes.
        on_their_way = told.workers and told.workers + min(told.workers, told.queue or 0)
        given = replace(
            given,
            workers=given.workers or (None if spec.scenario.inline else on_their_way),
            threads=told.threads or 1,
        )
    gpu = reached is None and kind_of(backend.device(options)) in GPUS
    if chosen.entry.decoder is not None:
        # A running batch is joined by what waits in its own process.
        given = replace(given, instances=given.instances or 1)
    wait = spec.max_wait if held is None or spec.max_wait is not None else held.max_wait_ms or None
    execution = Execution.decide(
        spec.scenario,
        usable_cores(),
        given.batch_size,
        given.workers,
        given.threads,
        wait,
        chosen.entry.max_batch,
        given.instances or 1,
        reached is None and backend.one_caller,
        gpu,
    )
    if reached is None:
        require_makers(entry, spec.framework)

    cache = cache_root()
    kind = task(entry.task)
    placed = place_samples(spec, entry, cache, progress)
    preprocess = locate(kind, chosen.preprocess, cache, progress)
    dataset = read_samples(spec, entry, preprocess, placed)
    if dataset.unscored and Mode.ACCURACY in spec.mode:
        raise InputError(
            f"{source_of(dataset)}, so accuracy cannot be scored",
            "leave accuracy out of --mode, or name a data set with the true answers",
        )
    execution = generating(execution, spec, chosen.entry)
    sides = (chosen.entry.inputs, chosen.entry.outputs)
    tensors = [tensor for side in sides for tensor in side.values()]
    if not spec.scenario.inline:
        execution = bound_batch(execution, given.batch_size, len(dataset), tensors)
    tokens = kind.token_latencies and chosen.entry.decoder is not None
    names = benchmark_names(entry, spec, rules)
    loadgen_model = names.loadgen if names else entry.loadgen_model
    conf = loadgen_settings(spec, loadgen_model, len(dataset), rules, tokens)
    bound = 0.0
    if spec.scenario is Scenario.SERVER and not tokens:
        bound = server_bound(conf, loadgen_model, rules)
        if spec.late != "in-turn":
            execution = replace(execution, late_after_ms=bound)
    key, here = target_key(spec.scenario), host()
    if reached is None:
        model = materialise(understood.id, entry, spec.framework, cache, progress)
        artifact = replace(model.artifact, options=options, digest=model.sha256)
    else:
        model = reached.model(chosen)
        artifact = replace(model.artifact, digest=model.sha256)
    samples = kind.prepare(dataset, preprocess, cache, progress)
    each = prepared_bytes(samples) / len(dataset)
    if spec.scenario.inline:
        # Elsewhere samples that would take much memory stay as they are on disk.
        each = max(each, sample_bytes(chosen.entry.inputs.values()))
    unbound = conf
    conf = bound_loaded(conf, loadgen_model, spec.scenario, len(dataset), each, rules)
    plan = ProcessPlan(
        scenario=spec.scenario,
        framework=spec.framework if reached is None else reached.backend.name,
        loadgen_model=loadgen_model,
        task=entry.task,
        artifact=artifact,
        data="" if spec.random_inputs else str(placed.path.resolve()),
        samples=str(samples),
        preprocess=preprocess,
        postprocess=chosen.postprocess,
        answer_form=dataset.answer_form,
        execution=execution,
        search=None
        if reached is not None
        else LayoutSearch(
            fresh=spec.layout == "fresh",
            seconds=_layout_seconds(spec),
            given=given,
            limits=Limits(
                len(dataset), sample_bytes(tensors), chosen.entry.max_batch, backend.one_caller, gpu
            ),
            file="" if held is None else Path(spec.layout).name,
            bound_ms=bound,
        ),
        layout=None
        if reached is None
        else LayoutRecord(origin="given", why="by the SUT's threads and workers"),
        settings=conf.settings,
        calibrate=conf.get(loadgen_model, spec.scenario, key) is None,
    )
    return ResolvedRun(
        spec=spec,
        dataset=dataset,
        plan=plan,
        round=rules.round,
        rehearsal=tuple(rehearsal_reasons(conf, loadgen_model, spec.scenario, len(dataset), rules)),
        model=ModelRecord(
            id=understood.id,
            title=entry.title,
            task=entry.task,
            sha256=model.sha256,
            files=dict(model.files),
            verified=model.verified,
            source=model.source,
            weights=entry.weights_source(spec.framework),
            lineage=Lineage(
                **entry.lineage(spec.framework), loaded=tuple(backend.weight_changes(options))
            ),
            licence=entry.licence,
            numerics=(reached and reached.told.model.numerics)
            or backend.numerics(options, chosen.entry.numerics),
            device=(reached and reached.told.model.device) or backend.device(options),
            format=model.artifact.format,
            input_types=tuple(dict.fromkeys(one.dtype for one in model.artifact.inputs)),
            options=options,
            accuracy_meaningful=chosen.accuracy.meaningful and backend.answers,
            mlperf=names,
        ),
        data=DataRecord(
            digest=dataset.digest(cache, progress),
            samples=len(dataset),
            loaded=loaded_samples(conf, loadgen_model, spec.scenario, unbound),
            full_size=dataset.full_size(),
            unscored=dataset.unscored,
            form=None if placed.form is None else form_record(placed.form),
        ),
        host=here if reached is None else reached.told.host or HostRecord(),
        versions=versions(backend) if reached is None else reached.versions(versions()),
        remote=None if reached is None else reached.record(here),
        manifest=understood.catalogue.manifest_of(understood.id),
        assumed=understood.lines,
    )


def _device(spec: RunSpec) -> dict[str, JsonValue]:
    """The option of the backend that the spec's device is."""
    if spec.device is None:
        return {}
    if DEVICE in spec.options:
        raise InputError(
            f"--device {spec.device} and --option {DEVICE}={spec.options[DEVICE]} are one",
            "leave the option out",
        )
    return {DEVICE: spec.device}


def _in_one_process(plan: ProcessPlan) -> LayoutSearch | None:
    """The search of a plan's layout for a trace, which is of one process."""
    if plan.search is None:
        return None
    given = replace(plan.search.given, instances=1)
    return plan.search.model_copy(update={"given": given})


def _given(spec: RunSpec) -> tuple[Given, Layout | None]:
    """What of the layout is given by hand, and what its file says, which is in it too.

    Raises:
        InputError: The file cannot be read, or there are fewer cores than instances.
    """
    held = None
    if spec.layout not in LAYOUT_WORDS:
        held = read_yaml(Path(spec.layout), LayoutFile).layout
    values = {
        name: asked if (asked := getattr(spec, name)) is not None else getattr(held, name, None)
        for name in ("batch_size", "workers", "threads", "instances")
    }
    if values["instances"] is not None:
        values["instances"] = _instances(spec.scenario, values["instances"])
    return Given(**values), held


def _instances(scenario: Scenario, asked: int | Literal["auto"]) -> int:
    if asked == "auto" and scenario.inline:
        return 1
    cores = allowed_cores().cores
    number = automatic_instances(cores) if asked == "auto" else asked
    spread(cores, number)
    return number


def _layout_seconds(spec: RunSpec) -> float:
    """How long a layout is looked for; not at all for a score, which does not depend on it.

    Raises:
        InputError: The environment has no number.
    """
    if not {Mode.PERFORMANCE, Mode.TRACE}.intersection(spec.mode):
        return 0.0
    if spec.layout_seconds is not None:
        return spec.layout_seconds
    text = os.environ.get(LAYOUT_VARIABLE, "")
    try:
        seconds = float(text or LAYOUT_SECONDS)
        if not 0 <= seconds <= 3600:
            raise ValueError
    except ValueError as error:
        raise InputError(
            f"{LAYOUT_VARIABLE}: expected seconds from 0 to 3600, got '{text}'",
            "correct the environment variable, or give --layout-seconds",
        ) from error
    return seconds


def source_of(dataset: Dataset) -> str:
    """Where samples come from, and that they cannot be scored."""
    where = str(dataset.path) if dataset.path.name else ""
    return ": ".join(filter(None, [where, dataset.unscored]))
