"""The samples that a spec asks for: a data set, arrays, or random numbers."""

from pathlib import Path
from typing import Any

from loadscope.datasets.registry import metric_of, task
from loadscope.datasets.task import Dataset, Progress
from loadscope.errors import InputError
from loadscope.rundir.spec import RunSpec
from loadscope.rundir.spec_names import folder_named
from loadscope.suite.fetch.datasets import fetch_dataset
from loadscope.suite.models.model_entry import ModelEntry


def samples_folder(spec: RunSpec, entry: ModelEntry, cache: Path, progress: Progress) -> Path:
    """Where the samples lie; the data set is fetched where an id names it.

    Returns:
        A folder or file; an empty path for random inputs.

    Raises:
        InputError: The spec names none.
        WorkError: A download failed.
    """
    if spec.random_inputs:
        return Path()
    if spec.input_data is not None:
        return spec.input_data
    if spec.dataset_path is not None:
        return dataset_folder(spec.dataset_path, cache, progress)
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


def read_samples(spec: RunSpec, entry: ModelEntry, preprocess: Any, path: Path) -> Dataset:
    """Read and check the samples.

    Args:
        spec: What to run.
        entry: The model, as it runs.
        preprocess: Its settings, with their files in place.
        path: From ``samples_folder``, or where the same samples lie on this machine.

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
        return kind.labelled(path, spec.labels, spec.count, classes)
    metric = metric_of(kind, chosen.accuracy.metric)
    return kind.read(path, spec.count, classes, preprocess, metric.name if metric else "")


def dataset_folder(named: str, cache: Path, progress: Progress) -> Path:
    """The folder that a ``--dataset-path`` names; the set is fetched where it is an id."""
    return folder_named(named) or fetch_dataset(named, cache, progress)
