"""A bare loop over a framework's own API: what the suite is measured against.

``python -m loadscope.tools.bench.bare JSON`` prints ``{samples_per_second, p90_ms}``. The
inputs are preloaded, the model is the one that the suite runs, and nothing stands between the
loop and the framework: no backend, no sample library, no LoadGen.
"""

import json
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Images = NDArray[np.float32]
WARM_UP = 3


def _onnxruntime(asked: dict[str, Any]) -> Callable[[Images], Any]:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = asked["threads"]
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        asked["artifact"], options, providers=["CPUExecutionProvider"]
    )
    name = session.get_inputs()[0].name
    return lambda images: session.run(None, {name: images})


def _pytorch(asked: dict[str, Any]) -> Callable[[Images], Any]:
    import torch

    from loadscope.sut.architectures.fold import fold_batch_norms
    from loadscope.sut.architectures.state_dict import load_network

    torch.set_num_threads(asked["threads"])
    network = load_network(asked["architecture"], 1000, 224, Path(asked["artifact"]))
    if asked["options"].get("fold_batch_norm"):
        fold_batch_norms(network)
    if asked["options"].get("channels_last"):
        network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def run(images: Images) -> Any:
        # Both are kept for each thread.
        torch.set_num_threads(asked["threads"])
        with torch.inference_mode():
            return network(torch.from_numpy(images)).numpy()

    return run


LOADERS = {"onnxruntime": _onnxruntime, "pytorch": _pytorch}


def measure(asked: dict[str, Any]) -> dict[str, float]:
    """Loop for ``seconds`` on ``workers`` threads over batches of ``batch``.

    Args:
        asked: framework, artifact (path), architecture, options, batch, workers, threads,
            seconds.
    """
    run = LOADERS[asked["framework"]](asked)
    random = np.random.default_rng(0)
    images = random.standard_normal((asked["batch"], 3, 224, 224), np.float32)

    def work() -> list[float]:
        for _ in range(WARM_UP):
            run(images)
        times: list[float] = []
        end = time.perf_counter() + asked["seconds"]
        while len(times) < 2 or time.perf_counter() < end:
            begun = time.perf_counter()
            run(images)
            times.append(time.perf_counter() - begun)
        return times

    with ThreadPoolExecutor(asked["workers"]) as pool:
        every = [done.result() for done in [pool.submit(work) for _ in range(asked["workers"])]]
    rate = sum(len(times) * asked["batch"] / sum(times) for times in every)
    return {
        "samples_per_second": rate,
        "p90_ms": float(np.percentile(np.concatenate(every), 90)) * 1e3,
    }


if __name__ == "__main__":
    print(json.dumps(measure(json.loads(sys.argv[1]))))
