"""One framework's answers for prepared runs: ``answers_process.py PLANS.json FOLDER``.

``PLANS.json`` maps names to plans of one framework. The outputs for all samples, flat and in their
order, go to ``FOLDER/NAME.npy``, and the payloads that LoadGen would log to ``FOLDER/NAME.pickle``.
"""

import json
import pickle
import sys
from pathlib import Path

import numpy as np

from loadscope.datasets.registry import task
from loadscope.suite.run.process_plan import ProcessPlan
from loadscope.sut.registry import open_backend

BATCH = 4


def answers(
    plan: ProcessPlan,
) -> "tuple[np.ndarray[tuple[int], np.dtype[np.float32]], list[bytes]]":
    artifact = plan.artifact
    library = task(plan.task).library(
        Path(plan.samples), plan.preprocess, artifact.inputs, artifact.layout
    )
    samples = list(range(len(library)))
    library.load(samples)
    backend = open_backend(plan.framework)
    backend.load(artifact, threads=2)
    size = artifact.max_batch or BATCH
    postprocess = task(plan.task).postprocess(plan.postprocess, library)
    outputs, payloads = [], []
    for at in range(0, len(samples), size):
        batch = samples[at : at + size]
        found = backend.predict(library.batch(batch))
        outputs.append(found[artifact.outputs[0].name].ravel())
        payloads += [bytes(payload) for payload in postprocess(found, batch)]
    backend.close()
    return np.concatenate(outputs), payloads


if __name__ == "__main__":
    plans, folder = sys.argv[1:]
    for name, plan in json.loads(Path(plans).read_text()).items():
        outputs, payloads = answers(ProcessPlan.model_validate(plan))
        np.save(Path(folder) / f"{name}.npy", outputs)
        Path(folder, f"{name}.pickle").write_bytes(pickle.dumps(payloads))
