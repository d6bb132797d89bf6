"""Rows for parity: every framework that has a model beside ONNX Runtime, on real inputs.

``python -m loadscope.tools.bench.parity PLAN.json OUTPUT.npz`` writes a framework's answers.
"""

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadscope.datasets.library import OrderedLibrary
from loadscope.datasets.registry import task
from loadscope.datasets.task import Progress
from loadscope.errors import InputError, LoadScopeError, WorkError
from loadscope.names import Scenario
from loadscope.rundir.spec import RunSpec
from loadscope.suite.models.manifest import Catalogue
from loadscope.suite.run.process_plan import ProcessPlan
from loadscope.suite.run.resolve import resolve
from loadscope.sut.registry import backend_info, open_backend
from loadscope.tools.bench.models import DATASETS

MODELS = ("efficientnet-lite0", "resnet50-seeded", "yolox-nano", "minilm-squad", "bert-tiny")
REFERENCE = "onnxruntime"
TOLERANCE = 1e-3
COUNT = 32
_BATCH = 4

_Answers = Sequence[NDArray[np.float32]]
"""An output for each input, without its batch axis."""


def parity_rows(
    models: Sequence[str],
    frameworks: Sequence[str],
    data: dict[str, str],
    questions: str,
    progress: Progress,
) -> Iterator[dict[str, Any]]:
    """The largest difference of any output to ONNX Runtime's, as a part of the largest value.

    Args:
        models: The models.
        frameworks: The frameworks; all that are installed where none is named.
        data: By task, data sets to take inputs from instead of the shipped ones.
        questions: Of which questions are taken where ``data`` has none.
        progress: Told of long work.

    Yields:
        A row for each model and framework that has it. One that refuses the model has a row
        without a figure, which says why.
    """
    for model in models:
        entry = Catalogue.load().get(model)
        dataset = data.get(entry.task, DATASETS.get(entry.task, questions))
        able = [
            name
            for name in entry.frameworks()
            if backend_info(name).installed() and name in (frameworks or (name,))
        ]
        wanted = _answers(model, REFERENCE, dataset, progress)
        if isinstance(wanted, str):
            raise WorkError(f"{REFERENCE} does not run {model}: {wanted}")
        for name in able:
            if name != REFERENCE:
                yield row(model, name, _answers(model, name, dataset, progress), wanted)


def row(model: str, framework: str, found: _Answers | str, wanted: _Answers) -> dict[str, Any]:
    """A framework's answers beside the reference's.

    Args:
        model: The model.
        framework: The framework.
        found: Its first output for each input, or why there is none.
        wanted: The reference's.
    """
    told: dict[str, Any] = {
        "framework": framework,
        "model": model,
        "scenario": "-",
        "unit": "relative",
        "bare": TOLERANCE,
        "target": f"at most {TOLERANCE:g}, same top-1",
    }
    if isinstance(found, str):
        return told | {"what": f"refused: {found}", "suite": None, "ratio": None, "met": False}
    pairs = list(zip(found, wanted, strict=True))
    for own, right in pairs:
        if own.shape != right.shape:
            why = f"shape {own.shape} instead of {right.shape}"
            return told | {"what": why, "suite": None, "ratio": None, "met": False}
    scale = max(float(np.abs(one).max()) for one in wanted)
    # A NaN is no agreement.
    difference = max(
        float(np.nan_to_num(np.abs(own - right), nan=np.inf).max()) / scale for own, right in pairs
    )
    what, same = f"{len(wanted)} inputs", len(wanted)
    if wanted[0].ndim == 1:
        same = sum(int(own.argmax() == right.argmax()) for own, right in pairs)
        what += f", top-1 the same of {same}"
    met = difference <= TOLERANCE and same == len(wanted)
    # JSON has no infinity.
    told["suite"] = min(difference, 1e30)
    return told | {"what": what, "ratio": told["suite"] / TOLERANCE, "met": met}


def _answers(model: str, framework: str, dataset: str, progress: Progress) -> _Answers | str:
    """The first output for each input, or why there is none."""
    try:
        plan = _plan(model, framework, dataset, progress)
    except (InputError, WorkError) as error:
        return error.message
    with tempfile.TemporaryDirectory() as folder:
        given, output = Path(folder, "plan.json"), Path(folder, "answers.npz")
        given.write_text(plan.model_dump_json(), encoding="utf-8")
        done = subprocess.run(
            [sys.executable, "-P", "-m", __spec__.name, str(given), str(output)],
            capture_output=True,
            text=True,
        )
        if done.returncode:
            return (done.stderr.strip().splitlines() or [f"status {done.returncode}"])[-1]
        with np.load(output) as answers:
            return [answers[name] for name in answers.files]


def _plan(model: str, framework: str, dataset: str, progress: Progress) -> ProcessPlan:
    spec = RunSpec(
        model=model, framework=framework, scenario=Scenario.OFFLINE, dataset_path=dataset
    )
    resolved = resolve(spec, progress)
    if len(resolved.dataset) > COUNT:
        resolved = resolve(spec.model_copy(update={"count": COUNT}), progress)
    return resolved.plan


def predict(plan: ProcessPlan) -> _Answers:
    """The first declared output of a model for each sample of its plan.

    Samples of one size are fed several at once. Those that differ in size come one by one, for
    frameworks whose batches have other sizes would pad them to other lengths.
    """
    artifact = plan.artifact
    library = task(plan.task).library(
        Path(plan.samples), plan.preprocess, artifact.inputs, artifact.layout
    )
    samples = range(len(library))
    library.load(samples)
    backend = open_backend(plan.framework)
    backend.load(artifact, 1)
    size = 1 if isinstance(library, OrderedLibrary) else artifact.max_batch or _BATCH
    found: list[NDArray[np.float32]] = []
    for at in range(0, len(samples), size):
        batch = library.batch(samples[at : at + size])
        found += list(np.array(backend.predict(batch)[artifact.outputs[0].name], np.float32))
    backend.close()
    return found


if __name__ == "__main__":
    given, output = map(Path, sys.argv[1:])
    plan = ProcessPlan.model_validate_json(given.read_text(encoding="utf-8"))
    try:
        answers = predict(plan)
    except LoadScopeError as error:
        sys.exit(error.message)
    np.savez(output, *answers)
