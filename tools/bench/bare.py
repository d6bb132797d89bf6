"""A bare loop over a framework's own API: what the suite is measured against.

``python -m loadscope.tools.bench.bare JSON`` prints ``{samples_per_second, p90_ms, p99_ms}``. The
inputs are the run's own, preloaded, the model is the one that the suite runs, and nothing stands
between the loop and the framework: no backend, no look-up of samples, no LoadGen. A detector's
loop ends with boxes, as the suite's does, and has OpenCV suppress them.
"""

import itertools
import json
import os
import random
import sys
import threading
import time
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from loadscope.datasets.library import OrderedLibrary
from loadscope.datasets.object_detection.detection_heads import yolox_grid
from loadscope.datasets.object_detection.detection_spec import HeadSpec
from loadscope.datasets.registry import task
from loadscope.errors import WorkError
from loadscope.suite.run.process_plan import ProcessPlan
from loadscope.sut.backend import Artifact
from loadscope.tensors import Tensors

Run = Callable[[Tensors], Any]
WARM_UP = 3
QUERIES = 1000
"""So many different ones are drawn of samples that differ in size: of few, the hundredth that is
slowest is a matter of luck."""


def _onnxruntime(artifact: Artifact, threads: int, workers: int) -> Run:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        artifact.path, options, providers=["CPUExecutionProvider"]
    )
    return lambda batch: session.run(None, batch)


def _pytorch(artifact: Artifact, threads: int, workers: int) -> Run:
    import torch

    from loadscope.sut.pytorch.formats import open_model

    network, names = open_model(artifact)

    def run(batch: Tensors) -> Any:
        # Both are kept for each thread.
        torch.set_num_threads(threads)
        with torch.inference_mode():
            return network(*(torch.from_numpy(batch[name]) for name in names)).numpy()

    return run


def _tensorflow(artifact: Artifact, threads: int, workers: int) -> Run:
    import tensorflow as tf

    definition = tf.compat.v1.GraphDef()
    definition.ParseFromString(artifact.path.read_bytes())
    graph = tf.Graph()
    with graph.as_default():
        tf.import_graph_def(definition, name="")
    # In the calling thread, which for two workers is twice as fast as a pool of one.
    config = tf.compat.v1.ConfigProto(
        intra_op_parallelism_threads=threads, inter_op_parallelism_threads=-1
    )
    session = tf.compat.v1.Session(graph=graph, config=config)
    names = [info.name for info in artifact.inputs]
    call = session.make_callable(
        [graph.get_tensor_by_name(f"{info.name}:0") for info in artifact.outputs],
        feed_list=[graph.get_tensor_by_name(f"{name}:0") for name in names],
    )
    return lambda batch: call(*(batch[name] for name in names))


def _mxnet(artifact: Artifact, threads: int, workers: int) -> Run:
    from loadscope.sut.mxnet.mxnet_import import import_mxnet

    mx = import_mxnet(threads, workers)
    if not artifact.options.get("fusion", True):
        os.environ["MXNET_SUBGRAPH_BACKEND"] = "NONE"
    with zipfile.ZipFile(artifact.path) as archive:
        files = {Path(name).suffix: archive.read(name) for name in archive.namelist()}
    symbol = mx.sym.load_json(files[".json"].decode())
    saved = mx.nd.load_frombuffer(files[".params"])
    weights = {name.partition(":")[2]: array for name, array in saved.items()}
    own, binding = threading.local(), threading.Lock()

    def executor(batch: Tensors) -> Any:
        bound = own.__dict__.setdefault("bound", {})
        key = tuple(array.shape for array in batch.values())
        if key not in bound:
            fed = {
                name: mx.nd.empty(array.shape, dtype=array.dtype) for name, array in batch.items()
            }
            given = {**weights, **fed}
            with binding:
                bound[key] = symbol.bind(
                    mx.cpu(),
                    {name: given[name] for name in symbol.list_arguments()},
                    grad_req="null",
                    aux_states={name: given[name] for name in symbol.list_auxiliary_states()},
                )
        return bound[key]

    def run(batch: Tensors) -> Any:
        bound = executor(batch)
        for name, array in batch.items():
            bound.arg_dict[name][:] = array
        return [array.asnumpy() for array in bound.forward(is_train=False)]

    return run


LOADERS = {
    "onnxruntime": _onnxruntime,
    "pytorch": _pytorch,
    "tensorflow": _tensorflow,
    "mxnet": _mxnet,
}


def measure(asked: dict[str, Any]) -> dict[str, float]:
    """Loop for ``seconds`` on ``workers`` threads over batches of ``batch``.

    Args:
        asked: plan (the ``plan`` of a ``run.json``), batch, workers, threads, seconds; and
            query, samples that are answered together in batches of ``batch``, if they are more
            than one batch, and queries, the fewest of them. The percentiles are those of a
            query's time, as LoadGen takes them.
    """
    plan = ProcessPlan.model_validate(asked["plan"])
    batches = _batches(plan, asked["batch"], asked.get("query"))
    run = LOADERS[plan.framework](plan.artifact, asked["threads"], asked["workers"])
    if isinstance(plan.postprocess, HeadSpec):
        run = detecting(run, plan.postprocess, plan.artifact)
    batches_each = asked.get("query", asked["batch"]) // asked["batch"]
    fewest = asked.get("queries", 1) * batches_each
    of_each_shape = {_shape(batch): batch for batch in batches}.values()

    def work(number: int) -> list[tuple[float, int]]:
        for batch in (*of_each_shape, *batches[:WARM_UP]):
            run(batch)
        times: list[tuple[float, int]] = []
        start = number * len(batches) // asked["workers"]
        mine = itertools.cycle(batches[start:] + batches[:start])
        end = time.perf_counter() + asked["seconds"]
        while len(times) < fewest or time.perf_counter() < end:
            batch = next(mine)
            begun = time.perf_counter()
            run(batch)
            times.append((time.perf_counter() - begun, len(next(iter(batch.values())))))
        return times

    with ThreadPoolExecutor(asked["workers"]) as pool:
        every = list(pool.map(work, range(asked["workers"])))
    rates = [sum(count for _, count in one) / sum(spent for spent, _ in one) for one in every]
    queries = sorted(
        sum(spent for spent, _ in one[at : at + batches_each])
        for one in every
        for at in range(0, len(one) - batches_each + 1, batches_each)
    )
    return {"samples_per_second": sum(rates), **percentiles(queries)}


def percentiles(queries: list[float]) -> dict[str, float]:
    """LoadGen's own choice: no mean of two, which of few queries gives less than it would."""
    return {f"p{part}_ms": queries[len(queries) * part // 100] * 1e3 for part in (90, 99)}


def _batches(plan: ProcessPlan, size: int, query: int | None) -> list[Tensors]:
    """All samples in batches of one size, alike ones together as Offline has them.

    The batches are in random order, so that a loop which does not reach them all still meets
    short and long ones as they come. With ``query``, samples of different size are drawn so many
    at a time as LoadGen draws them, and only those are put in order before they are cut.
    """
    library = task(plan.task).library(
        Path(plan.samples), plan.preprocess, plan.artifact.inputs, plan.artifact.layout
    )
    order = list(range(len(library)))
    library.load(order)
    chance = random.Random(0)
    if isinstance(library, OrderedLibrary) and query:
        drawn = [chance.choices(order, k=query) for _ in range(QUERIES)]
        order = [some[at] for some in drawn for at in library.order(some)]
    elif isinstance(library, OrderedLibrary):
        order = list(library.order(order))
    starts = range(0, max(1, len(order) - size + 1), size)
    batches = [library.batch(order[at : at + size]) for at in starts]
    if not query:
        chance.shuffle(batches)
    return batches


def detecting(run: Run, spec: HeadSpec, artifact: Artifact) -> Run:
    """Add what a loop by hand does with a YOLOX head: decode the likely anchors and suppress."""
    import cv2

    # Its declarations ask for lists, which it takes more slowly than arrays.
    suppress: Callable[..., Any] = cv2.dnn.NMSBoxesBatched
    if spec.kind != "yolox":
        raise WorkError(
            f"no loop by hand decodes the head '{spec.kind}' of {artifact.path.name}",
            "measure a YOLOX, or add its decoding to tools/bench/bare.py",
        )
    at = [info.name for info in artifact.outputs].index(spec.output)
    grid = yolox_grid(max(artifact.inputs[0].shape))

    def detect(batch: Tensors) -> list[Any]:
        found = run(batch)
        return [boxes(image) for image in (found[at] if isinstance(found, list | tuple) else found)]

    def boxes(image: Any) -> Any:
        likely = image[:, 4] > spec.score_threshold
        near, cells = image[likely], grid[likely]
        scores = near[:, 5:] * near[:, 4:5]
        rows, classes = np.nonzero(scores > spec.score_threshold)
        centres = (near[:, :2] + cells[:, :2]) * cells[:, 2:]
        sides = np.exp(near[:, 2:4]) * cells[:, 2:]
        corners = np.hstack([centres - sides / 2, sides])[rows]
        confidence = scores[rows, classes]
        best = suppress(corners, confidence, classes, spec.score_threshold, spec.iou_threshold)
        best = best[: spec.most]
        return corners[best], confidence[best], classes[best]

    return detect


def _shape(batch: Tensors) -> tuple[int, ...]:
    return next(iter(batch.values())).shape


if __name__ == "__main__":
    print(json.dumps(measure(json.loads(sys.argv[1]))))
