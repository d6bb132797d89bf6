"""The samples that a model is calibrated on."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from loadscope.datasets.registry import task
from loadscope.datasets.task import Dataset, Progress
from loadscope.errors import InputError
from loadscope.rundir.quantized import Quantized
from loadscope.rundir.spec import RunSpec
from loadscope.suite.fetch.preprocess_files import locate
from loadscope.suite.models.model_entry import ModelEntry
from loadscope.suite.run.samples import place_samples, read_samples

USUAL = 500
"""Samples where no number is given, or all of a smaller set: as many as MLPerf's lists have."""

_LIST = "give a list of names, one a line"


@dataclass(frozen=True)
class CalibrationSet:
    """Calibration samples, prepared.

    Attributes:
        name: The data set's, as people know it.
        prepared: The folder of the prepared samples.
        preprocess: What they were prepared with.
        digest: Of the data set, of these samples alone.
        count: How many.
        samples: The sha256 of each sample's file by its name, where they are files.
    """

    name: str
    prepared: Path
    preprocess: object
    digest: str
    count: int
    samples: Mapping[str, str]


def calibration_set(
    spec: RunSpec, entry: ModelEntry, names: Path | None, cache: Path, progress: Progress
) -> CalibrationSet:
    """Read and prepare the samples.

    Args:
        spec: Names data set and number; its framework is the one of the artifact to quantise.
        entry: The model.
        names: A list of the samples to take, a name a line; those of MLPerf have that form.
        cache: The cache folder.
        progress: Told of long work.

    Raises:
        InputError: The data set has no such samples, or not that many.
        WorkError: A download failed, or the cache cannot be written.
    """
    kind = task(entry.task)
    preprocess = locate(kind, entry.artifact_for(spec.framework).preprocess, cache, progress)
    placed = place_samples(spec, entry, cache, progress)
    whole = spec.model_copy(update={"count": None})
    dataset = read_samples(whole, entry, preprocess, placed)
    listed = _names(names, spec.count) if names else None
    count = spec.count or min(USUAL, len(dataset))
    if listed is None and count > len(dataset):
        raise InputError(
            f"--count: {count} samples do not fit {spec.dataset_path}, which has {len(dataset)}",
            f"choose 1 to {len(dataset)}",
        )
    if listed or kind.chooses:
        dataset = kind.chosen(dataset, listed, count)
    else:
        first = spec.model_copy(update={"count": count})
        dataset = read_samples(first, entry, preprocess, placed)
    return CalibrationSet(
        _name(spec.dataset_path or ""),
        kind.prepare(dataset, preprocess, cache, progress),
        preprocess,
        dataset.digest(cache, progress),
        len(dataset),
        kind.sample_digests(dataset, cache, progress),
    )


def shared_samples(calibration: Quantized, dataset: Dataset, of: str, cache: Path) -> int | None:
    """How many samples of a data set were calibrated on, by their contents.

    Args:
        calibration: What was calibrated on.
        dataset: Another data set.
        of: The task's name.
        cache: The cache folder.

    Returns:
        None where that cannot be told: samples are no files, and the data sets are not the same.
    """
    there = task(of).sample_digests(dataset, cache, lambda *_: None)
    if not calibration.samples or not there:
        return len(dataset) if dataset.digest(cache) == calibration.digest else None
    used = set(calibration.samples.values())
    return sum(sha256 in used for sha256 in there.values())


def _names(path: Path, count: int | None) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"cannot read {path}: {error}", "give a list of names, one a line"
        ) from error
    # Some lists have a class behind the name.
    names = [words[0] for line in lines if (words := line.split())]
    if not names:
        raise InputError(f"{path}: no names found", _LIST)
    if count is not None and count > len(names):
        raise InputError(
            f"--count: {count} samples do not fit {path}, which names {len(names)}",
            f"choose 1 to {len(names)}, or leave --count out",
        )
    return names[:count]


def _name(given: str) -> str:
    """A data set's name without the folders of this machine."""
    name, equals, _ = given.partition("=")
    return name if equals else Path(given).name
