"""Score an accuracy test from its log alone."""

from pathlib import Path
from typing import Any

from loadscope.datasets.accuracy_log import read_accuracy_log
from loadscope.datasets.metric import ScoreMetric
from loadscope.datasets.registry import metric_of, task
from loadscope.datasets.task import Dataset, Progress
from loadscope.errors import InputError
from loadscope.files import write_json, write_text
from loadscope.names import Mode
from loadscope.paths import cache_root
from loadscope.rundir.directory import RunDirectory
from loadscope.rundir.spec import RecordedSpec, make_spec
from loadscope.submission.package.truncate import sha256
from loadscope.submission.rounds import load_round
from loadscope.suite.fetch.preprocess_files import locate
from loadscope.suite.models.manifest import Catalogue
from loadscope.suite.run.compliance import verify
from loadscope.suite.run.resolve import dataset_folder


def score_run(run: RunDirectory, dataset: Dataset, progress: Progress) -> dict[str, Any]:
    """Score the accuracy log of a run; writes ``accuracy/{accuracy.txt,score.json}``.

    Args:
        run: A run whose accuracy test is finished.
        dataset: The data set that it ran on.
        progress: Told of long work.

    Returns:
        ``{metric, unit, better, value, target, passed, samples, meaningful, details, line,
        log_sha256}``; value and target are in ``unit``, and ``better`` says which values are the
        better ones. ``details`` are the task's own further figures, ``line`` is what
        ``accuracy.txt`` says, ``log_sha256`` the digest of the log that was scored. For a model
        with seeded weights the value is null and the details are empty: they would mean nothing
        beside a target.
    """
    folder = run.logs(Mode.ACCURACY)
    log = folder / "mlperf_log_accuracy.json"
    digest = sha256(log)
    score = dataset.score(read_accuracy_log(log), progress)
    model = run.read()["model"]
    meaningful = model["accuracy_meaningful"]
    target = _target(model["mlperf"], score.metric) if meaningful else None
    accuracy = {
        "metric": score.metric.name,
        "unit": score.metric.unit,
        "better": score.metric.better,
        "value": score.value if meaningful else None,
        "target": target,
        "passed": None if target is None else score.metric.meets(score.value, target),
        "samples": score.samples,
        "meaningful": meaningful,
        "details": score.details if meaningful else {},
        "line": score.line,
        "log_sha256": digest,
    }
    write_text(folder / "accuracy.txt", f"{score.line}\n")
    write_json(folder / "score.json", accuracy)
    return accuracy


def _target(mlperf: dict[str, Any], metric: ScoreMetric) -> float | None:
    """The round's accuracy target; it binds the closed division and its metric only."""
    benchmark = load_round().benchmarks.get(mlperf["loadgen"])
    if benchmark is None or mlperf["division"] != "closed":
        return None
    if metric.name != benchmark.accuracy_metric:
        return None
    targets = benchmark.accuracy_targets
    return metric.strictest(targets[name] for name in mlperf["submission"] if name in targets)


def rescore(
    run: RunDirectory,
    progress: Progress,
    dataset_path: str | None = None,
    models: tuple[Path, ...] = (),
) -> dict[str, Any]:
    """Score a run again, from its files and its data set; on another machine, too.

    Compliance tests that were verified are verified again: they are held against what is scored.

    Args:
        run: The run.
        progress: Told of long work.
        dataset_path: Where the data set is here, or its id; where the run had it if None.
        models: Further manifests to read instead of what the run recorded of the model.

    Raises:
        InputError: The run has no finished accuracy test, the data set is not here or is
            another one.
    """
    record = run.read()
    if run.status(Mode.ACCURACY) != "finished":
        raise InputError(
            f"{run.path}: no finished accuracy test (it is {run.status(Mode.ACCURACY)})",
            "run it with --mode accuracy, or continue it with --resume",
        )
    spec = make_spec(record["spec"], str(run.path / "run.json"), RecordedSpec)
    catalogue = Catalogue.load(models) if models else Catalogue.of_run(record)
    entry = catalogue.get(spec.model)
    kind, chosen = task(entry.task), entry.artifact_for(spec.framework)
    cache = cache_root()
    preprocess = locate(kind, chosen.preprocess, cache, progress)
    if dataset_path is None:
        path = Path(record["data"]["path"])
        if not path.exists():
            raise InputError(
                f"the run's data set {path} is not on this machine",
                "name it here with --dataset-path FOLDER",
            )
    else:
        path = dataset_folder(dataset_path, cache, progress)
    metric = metric_of(kind, chosen.accuracy.metric).name
    dataset = kind.read(path, spec.count, entry.classes, preprocess, metric)
    if dataset.digest(cache, progress) != record["data"]["digest"]:
        raise InputError(
            f"{path}: the data set is not the one of the run, or has changed since",
            "restore it, or run again",
        )
    accuracy = score_run(run, dataset, progress)
    for name, state in run.read()["state"].items():
        if Mode(name).audit and state.get("verification"):
            verify(run, Mode(name), dataset, progress)
    return accuracy
