"""One framework's answers for prepared runs: ``answers_process.py PLANS.json FOLDER``.

``PLANS.json`` maps names to plans of one framework; the outputs for all samples, flat and in their
order, go to ``FOLDER/NAME.npy``.
"""

import json
import sys
from pathlib import Path

import numpy as np

from loadscope.datasets.tasks import task
from loadscope.suite.plan import ChildPlan
from loadscope.sut.registry import open_backend

BATCH = 4


def answers(plan: ChildPlan) -> "np.ndarray[tuple[int], np.dtype[np.float32]]":
    artifact = plan.artifact
    library = task(plan.task).library(
        Path(plan.samples), plan.preprocess, artifact.inputs, artifact.layout
    )
    samples = list(range(len(library)))
    library.load(samples)
    backend = open_backend(plan.framework)
    backend.load(artifact, threads=2)
    size = artifact.max_batch or BATCH
    found = [
        backend.predict(library.batch(samples[at : at + size]))[artifact.outputs[0].name].ravel()
        for at in range(0, len(samples), size)
    ]
    backend.close()
    return np.concatenate(found)


if __name__ == "__main__":
    plans, folder = sys.argv[1:]
    for name, plan in json.loads(Path(plans).read_text()).items():
        np.save(Path(folder) / f"{name}.npy", answers(ChildPlan.model_validate(plan)))
