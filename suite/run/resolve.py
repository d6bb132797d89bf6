"""Resolve a spec: everything a run needs is found, checked and made before it starts."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from loadscope.datasets.registry import metric_of, task
from loadscope.datasets.task import Dataset, Progress
from loadscope.errors import InputError
from loadscope.names import Mode, Scenario
from loadscope.paths import cache_root
from loadscope.rundir.spec import RunSpec, folder_named, usable_cores
from loadscope.scenarios.batch_memory import bound_batch
from loadscope.scenarios.execution import Execution
from loadscope.scenarios.topology import automatic_instances, read_topology, spread
from loadscope.submission.rounds import load_round
from loadscope.suite.fetch.artifacts import materialise, require_makers
from loadscope.suite.fetch.datasets import fetch_dataset
from loadscope.suite.fetch.vocabulary import locate
from loadscope.suite.models.manifest import Catalogue
from loadscope.suite.run.loadgen_settings import (
    loadgen_settings,
    rehearsal_reasons,
    server_bound,
    target_key,
)
from loadscope.suite.run.process_plan import ChildPlan
from loadscope.suite.run.provenance import host, versions
from loadscope.sut.info import DEFAULT_NUMERICS
from loadscope.sut.registry import backend_info, require_installed


@dataclass(frozen=True)
class Prepared:
    """A spec with all that it names in place.

    Attributes:
        spec: What to run.
        dataset: The data set, for scoring.
        parts: The resolved parts of ``run.json``.
    """

    spec: RunSpec
    dataset: Dataset
    parts: dict[str, Any]

    @property
    def numerics(self) -> str:
        """What the model computes with where it is not float32, otherwise nothing."""
        numerics: str = self.parts["model"]["numerics"]
        return "" if numerics == DEFAULT_NUMERICS else numerics

    def record(self) -> dict[str, Any]:
        """``run.json`` without state, command and date."""
        return {"spec": self.spec.model_dump(mode="json"), **self.parts}


def prepare(spec: RunSpec, progress: Progress, catalogue: Catalogue | None = None) -> Prepared:
    """Find the model, read the data set, and preprocess its samples into the cache.

    Args:
        spec: What to run.
        progress: Where progress goes.
        catalogue: The models; those of the spec's manifests if None.

    Raises:
        InputError: Anything that the spec names is unknown, missing or broken.
        WorkError: A download or a build failed, or the disk is full.
    """
    rules = load_round()
    catalogue = catalogue or Catalogue.load(spec.models)
    entry = catalogue.get(spec.model)
    backend = backend_info(spec.framework)
    chosen = entry.artifact_for(spec.framework)
    execution = Execution.decide(
        spec.scenario,
        usable_cores(),
        spec.batch_size,
        spec.workers,
        spec.threads,
        spec.max_wait,
        chosen.entry.max_batch,
        chosen.entry.best_batch,
        _instances(spec),
        chosen.entry.best_threads,
        backend.one_caller,
    )
    options = {**chosen.entry.options, **spec.options}
    backend.check_options(options)
    require_installed(backend)
    require_makers(entry, spec.framework)

    cache = cache_root()
    kind = task(entry.task)
    if spec.dataset_path is None:
        raise InputError(
            f"no data set given; {spec.model} is measured on {entry.dataset}",
            "name its folder with --dataset-path, or a data set of 'loadscope datasets'",
        )
    path = dataset_folder(spec.dataset_path, cache, progress)
    preprocess = locate(chosen.preprocess, cache, progress)
    metric = metric_of(kind, chosen.accuracy.metric)
    dataset = kind.read(path, spec.count, entry.classes, preprocess, metric)
    if dataset.unscored and Mode.ACCURACY in spec.mode:
        raise InputError(
            f"{path}: {dataset.unscored}, so accuracy cannot be scored",
            "leave accuracy out of --mode, or name a data set with the true answers",
        )
    if not spec.scenario.inline:
        sides = (chosen.entry.inputs, chosen.entry.outputs)
        tensors = [tensor for side in sides for tensor in side.values()]
        execution = bound_batch(execution, spec.batch_size, len(dataset), tensors)
    conf = loadgen_settings(spec, entry.mlperf.loadgen, len(dataset), rules)
    if spec.scenario is Scenario.SERVER and spec.late != "in-turn":
        bound = server_bound(conf, entry.mlperf.loadgen, rules)
        execution = replace(execution, late_after_ms=bound)
    key = target_key(spec.scenario)
    model = materialise(spec.model, entry, spec.framework, cache, progress)
    samples = kind.prepare(dataset, preprocess, cache, progress)
    plan = ChildPlan(
        scenario=spec.scenario,
        framework=spec.framework,
        loadgen_model=entry.mlperf.loadgen,
        task=entry.task,
        artifact=replace(model.artifact, options=options),
        samples=str(samples),
        preprocess=preprocess,
        postprocess=chosen.postprocess,
        answer_form=dataset.answer_form,
        execution=execution,
        settings=conf.settings,
        calibrate=conf.get(entry.mlperf.loadgen, spec.scenario, key) is None,
    )
    parts = {
        "round": rules.round,
        "effective": vars(execution),
        "rehearsal": rehearsal_reasons(
            conf, entry.mlperf.loadgen, spec.scenario, len(dataset), rules
        ),
        "model": {
            "id": spec.model,
            "title": entry.title,
            "sha256": model.sha256,
            "files": dict(model.files),
            "verified": model.verified,
            "source": model.source,
            "weights": entry.weights_source(spec.framework),
            "lineage": {
                **entry.lineage(spec.framework),
                "loaded": backend.weight_changes(options),
            },
            "licence": entry.licence,
            "numerics": backend.numerics(options, chosen.entry.numerics),
            "options": options,
            "accuracy_meaningful": chosen.accuracy.meaningful and backend.answers,
            "mlperf": entry.mlperf.model_dump(mode="json"),
        },
        "data": {
            "path": str(path.resolve()),
            "digest": dataset.digest(cache, progress),
            "samples": len(dataset),
            "full_size": dataset.full_size(),
            "unscored": dataset.unscored,
        },
        "host": host(),
        "versions": versions(backend),
        "plan": plan.model_dump(mode="json"),
        "manifest": catalogue.manifest_of(spec.model),
    }
    return Prepared(spec, dataset, parts)


def _instances(spec: RunSpec) -> int:
    if spec.instances is None or (spec.instances == "auto" and spec.scenario.inline):
        return 1
    cores = read_topology()
    number = automatic_instances(cores) if spec.instances == "auto" else spec.instances
    spread(cores, number)
    return number


def dataset_folder(named: str, cache: Path, progress: Progress) -> Path:
    """The folder that a ``--dataset-path`` names; the set is fetched where it is an id."""
    return folder_named(named) or fetch_dataset(named, cache, progress)
