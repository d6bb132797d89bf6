"""Score an accuracy test from its log alone."""

from dataclasses import replace
from pathlib import Path

from loadscope.datasets.adapters.registry import form_of
from loadscope.datasets.metric import ScoreMetric
from loadscope.datasets.registry import task
from loadscope.datasets.task import Dataset, Progress
from loadscope.errors import InputError
from loadscope.files import write_json, write_text
from loadscope.names import Mode
from loadscope.paths import cache_root
from loadscope.rundir.accuracy_log import read_accuracy_log
from loadscope.rundir.directory import RunDirectory
from loadscope.rundir.log_digests import changed_logs
from loadscope.rundir.record import BenchmarkNames, RunRecord
from loadscope.rundir.result import AccuracyRecord
from loadscope.submission.package.truncate import sha256
from loadscope.submission.rounds import load_round
from loadscope.suite.fetch.datasets import PlacedDataset, place_dataset
from loadscope.suite.fetch.preprocess_files import locate
from loadscope.suite.models.manifest import Catalogue
from loadscope.suite.run.compliance import verify
from loadscope.suite.run.evidence import examine
from loadscope.suite.run.process_plan import ProcessPlan
from loadscope.suite.run.samples import read_samples


def score_run(run: RunDirectory, dataset: Dataset, progress: Progress) -> AccuracyRecord:
    """Score the accuracy log of a run; writes ``accuracy/{accuracy.txt,score.json}``.

    Args:
        run: A run whose accuracy test is finished.
        dataset: The data set that it ran on.
        progress: Told of long work.

    Returns:
        The score. For a model with seeded weights the value is None and the details are empty:
        they would mean nothing beside a target.
    """
    folder = run.logs(Mode.ACCURACY)
    log = folder / "mlperf_log_accuracy.json"
    digest = sha256(log)
    score = dataset.score(read_accuracy_log(log), progress)
    model = run.read().model
    meaningful = model.accuracy_meaningful
    target = _target(model.mlperf, score.metric) if meaningful and model.mlperf else None
    accuracy = AccuracyRecord(
        metric=score.metric.name,
        unit=score.metric.unit,
        better=score.metric.better,
        value=score.value if meaningful else None,
        target=target,
        passed=None if target is None else score.metric.meets(score.value, target),
        samples=score.samples,
        meaningful=meaningful,
        details=score.details if meaningful else {},
        remark=score.remark if meaningful else "",
        line=score.line,
        log_sha256=digest,
    )
    write_text(folder / "accuracy.txt", f"{score.line}\n")
    write_json(folder / "score.json", accuracy.model_dump(mode="json"))
    return accuracy


def _target(mlperf: BenchmarkNames, metric: ScoreMetric) -> float | None:
    """The round's accuracy target; it binds the closed division and its metric only."""
    benchmark = load_round().benchmarks.get(mlperf.loadgen)
    if benchmark is None or mlperf.division != "closed":
        return None
    if metric.name != benchmark.accuracy_metric:
        return None
    targets = benchmark.accuracy_targets
    return metric.strictest(targets[name] for name in mlperf.submission if name in targets)


def rescore(
    run: RunDirectory,
    progress: Progress,
    dataset_path: str | None = None,
    models: tuple[Path, ...] = (),
) -> AccuracyRecord:
    """Score a run again, from its files and its data set; on another machine, too.

    Compliance tests that were verified are verified again: they are held against what is scored.

    Args:
        run: The run.
        progress: Told of long work.
        dataset_path: Where the data set is here, or its id; where the run had it if None.
        models: Further manifests to read instead of what the run recorded of the model.

    Raises:
        InputError: The run has no finished accuracy test or is not as it was left, the data set
            is not here or is another one.
    """
    record = run.read()
    if run.status(Mode.ACCURACY) != "finished":
        raise InputError(
            f"{run.path}: no finished accuracy test (it is {run.status(Mode.ACCURACY)})",
            "run it with --mode accuracy, or continue it with --resume",
        )
    _refuse_altered(run, record)
    spec = record.spec
    catalogue = Catalogue.load(models) if models else Catalogue.of_run(record)
    entry = catalogue.get(record.model.id)
    kind, chosen = task(entry.task), entry.artifact_for(spec.framework)
    cache = cache_root()
    preprocess = locate(kind, chosen.preprocess, cache, progress)
    # A folder that is named here lies as the run's did.
    form = None if record.data.form is None else form_of(record.data.form)
    if dataset_path is None:
        placed = PlacedDataset(Path(ProcessPlan.of(run).data))
        if not placed.path.exists():
            raise InputError(
                f"data set of the run not found: {placed.path}",
                "name it here with --dataset-path FOLDER",
            )
    else:
        # The run has the form of its data set; the file of entries may be gone.
        files = [file for file in spec.datasets if file.exists()]
        placed = place_dataset(dataset_path, entry.task, files, cache, progress)
    placed = replace(placed, form=placed.form or form)
    dataset = read_samples(spec, entry, preprocess, placed)
    digest, recorded = dataset.digest(cache, progress), str(record.data.digest)
    if digest != recorded:
        raise InputError(
            f"{placed.path}: expected the data set of the run, digest {recorded[:12]}…, "
            f"got digest {digest[:12]}…",
            "restore it, or run again",
        )
    accuracy = score_run(run, dataset, progress)
    for mode, state in run.read().state.items():
        if mode.audit and state.verification:
            verify(run, mode, dataset, progress)
    return accuracy


def _refuse_altered(run: RunDirectory, record: RunRecord) -> None:
    """Refuse a run whose records were edited: to write them again would hide it.

    A score that was edited is what scoring again mends.
    """
    found = examine(run, record).altered.get(Mode.PERFORMANCE, ())
    logs = changed_logs(run.logs(Mode.ACCURACY), record.of(Mode.ACCURACY).sha256)
    for why in (*logs, *found):
        raise InputError(f"{run.path}: altered after the run: {why}", "restore it, or run again")
