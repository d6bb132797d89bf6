"""Page faults of seven batches in a worker's thread, a line each: ``... WEIGHTS``.

A process of its own: an arena of any thread before would be taken by the worker's.
"""

import resource
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from loadscope.sut.backend import Artifact, TensorInfo
from loadscope.sut.pytorch.backend import PyTorchBackend

if __name__ == "__main__":
    backend = PyTorchBackend()
    backend.load(
        Artifact(
            path=Path(sys.argv[1]),
            format="state-dict",
            inputs=(TensorInfo("images", "float32", (3, 224, 224)),),
            outputs=(TensorInfo("logits", "float32", (10,)),),
            layout="NCHW",
            architecture="efficientnet-lite0",
        ),
        threads=1,
    )
    images = {"images": np.zeros((4, 3, 224, 224), np.float32)}

    def faults() -> int:
        before = resource.getrusage(resource.RUSAGE_THREAD).ru_minflt
        backend.predict(images)
        return resource.getrusage(resource.RUSAGE_THREAD).ru_minflt - before

    with ThreadPoolExecutor(1) as pool:
        for _ in range(7):
            print(pool.submit(faults).result())
    backend.close()
