"""The samples that a spec asks for: a data set, arrays, or random numbers."""

from pathlib import Path
from typing import Any

from loadscope.datasets.registry import metric_of, task
from loadscope.datasets.task import Dataset, Progress
from loadscope.errors import InputError
from loadscope.rundir.spec import RunSpec
from loadscope.suite.fetch.datasets import PlacedDataset, place_dataset
from loadscope.suite.models.model_entry import ModelEntry


def place_samples(
    spec: RunSpec, entry: ModelEntry, cache: Path, progress: Progress
) -> PlacedDataset:
    """Where the samples lie; the data set is fetched where an id names it.

    Returns:
        A folder or file, with its form where an entry tells it; an empty path for random inputs.

    Raises:
        InputError: The spec names none, or one that is unknown or of another task.
        WorkError: A download failed.
    """
    if spec.random_inputs:
        return PlacedDataset(Path())
    if spec.input_data is not None:
        return PlacedDataset(spec.input_data)
    if spec.dataset_path is not None:
        return place_dataset(spec.dataset_path, entry.task, spec.datasets, cache, progress)
    if task(entry.task).any_model:
        raise InputError(
            f"missing key 'input_data': {spec.model} is fed with arrays",
            "add --input-data FILE.npz, or --random-inputs",
        )
    on = f"is measured on {entry.dataset}" if entry.dataset else f"is a model of {entry.task}"
    raise InputError(
        f"missing key 'dataset_path': {spec.model} {on}",
        "add --dataset-path with its folder, or with an id of 'loadscope datasets'",
    )


def read_samples(
    spec: RunSpec, entry: ModelEntry, preprocess: Any, placed: PlacedDataset
) -> Dataset:
    """Read and check the samples.

    Args:
        spec: What to run.
        entry: The model, as it runs.
        preprocess: Its settings, with their files in place.
        placed: From ``place_samples``, or where the same samples lie on this machine.

    Raises:
        InputError: They are missing or malformed, or the task takes none of this kind.
    """
    kind, chosen = task(entry.task), entry.artifact_for(spec.framework)
    if spec.random_inputs:
        return kind.generate(spec.count, preprocess)
    if spec.input_data is not None and not kind.any_model:
        raise InputError(
            f"input_data: the task {kind.name} reads a data set",
            "add --task tensors, or give --dataset-path instead",
        )
    classes = entry.classes_for(spec.framework)
    if spec.labels is not None:
        return kind.labelled(placed.path, spec.labels, spec.count, classes)
    metric = metric_of(kind, chosen.accuracy.metric)
    name = metric.name if metric else ""
    return kind.read(placed.path, spec.count, classes, preprocess, name, placed.form)
