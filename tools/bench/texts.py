"""Rows for texts: real lengths in Offline, and like lengths together in Server.

``python -m loadscope.tools.bench.texts JSON`` measures one figure in a process of its own.
"""

import json
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from loadscope.cores import usable_cores
from loadscope.datasets.question_answering.wordpiece_spec import WordPieceSpec
from loadscope.datasets.registry import task
from loadscope.datasets.task import Progress
from loadscope.errors import InputError
from loadscope.names import Mode, Scenario
from loadscope.rundir.detail_log import read_detail_log
from loadscope.rundir.figures import figures
from loadscope.rundir.spec import make_spec
from loadscope.rundir.user_conf import UserConf
from loadscope.scenarios.calibration import (
    batch_of_each_shape,
    shape_seconds,
    typical_batches,
    warm_shapes,
    warm_up,
)
from loadscope.scenarios.execution import Execution
from loadscope.scenarios.inference_pipeline import InferencePipeline
from loadscope.scenarios.recorder import Recorder
from loadscope.scenarios.session import driver_for, run_test
from loadscope.suite.run.process_plan import ProcessPlan
from loadscope.suite.run.resolve import resolve
from loadscope.sut.backend import Backend
from loadscope.sut.registry import backend_info, open_backend
from loadscope.tensors import Tensors
from loadscope.tools.bench.pairs import alternate, run_json

OFFLINE_LEAST = {"minilm-squad": 2.5, "bert-mini": 2.7, "bert-base": 2.2}
MODELS = tuple(OFFLINE_LEAST)
HIDDEN = {"minilm-squad": 384, "bert-mini": 256, "bert-base": 768}
"""Width of a token in each model."""
SERVER_MODEL = "minilm-squad"
SERVER_LEAST = 1.1
SERVER_BATCH = 4
# Offered rate over the rate of batches of one: a queue must build up for there to be a choice.
_OVERLOAD = 2


def text_rows(
    models: Sequence[str],
    frameworks: Sequence[str],
    questions: str,
    options: dict[str, Any],
    pairs: int,
    seconds: float,
    progress: Progress,
) -> Iterator[dict[str, Any]]:
    """Measure Offline beside padding to the window, and Server beside the order of arrival.

    Args:
        models: Their ids, of ``MODELS``.
        frameworks: What to measure on.
        questions: A data set's name, or a folder with questions of the lengths to measure.
        options: Of the backend, for all that is measured but padding.
        pairs: Pairs of measurements a row.
        seconds: Seconds a measurement.
        progress: Told of what is prepared.

    Raises:
        InputError: A model that has no such row.
    """
    for model in models:
        if model not in OFFLINE_LEAST:
            raise InputError(
                f"part texts has no row of {model}",
                f"it has: {', '.join(MODELS)}; leave texts out with --part",
            )
    every = [
        {
            "model": model,
            "framework": framework,
            "questions": questions,
            "options": options,
            "seconds": seconds,
        }
        for model in models
        for framework in frameworks
    ]
    return chain.from_iterable(_rows(asked, pairs, progress) for asked in every)


def _rows(asked: dict[str, Any], pairs: int, progress: Progress) -> Iterator[dict[str, Any]]:
    yield _offline_row(asked, pairs, progress)
    if asked["model"] == SERVER_MODEL:
        yield _server_row(asked, pairs)


def _offline_row(asked: dict[str, Any], pairs: int, progress: Progress) -> dict[str, Any]:
    plan = _plan(asked, Scenario.OFFLINE, progress)
    library = _library(plan)
    library.load(range(len(library)))
    lengths = [next(iter(library.batch([at]).values())).size for at in range(len(library))]
    work = work_ratio(lengths, _window(plan), HIDDEN[asked["model"]])
    what = (
        f"{np.mean(lengths):.0f} tokens on average, to padding to {_window(plan)}"
        f" ({work:.2f} times the work)"
    )
    measured = alternate(pairs, lambda: _figure(asked, "offline"), lambda: _figure(asked, "padded"))
    return _row(asked, Scenario.OFFLINE, what, measured, OFFLINE_LEAST[asked["model"]])


def work_ratio(lengths: Sequence[int], window: int, hidden: int) -> float:
    """Floating-point operations of padded samples over those of the samples as they are.

    What padding costs beyond this is not in the operations, but in how well they are run.

    Args:
        lengths: Tokens of each sample.
        window: Tokens of a padded one.
        hidden: Width of a token; a layer multiplies it by 12 times its square (query, key, value
            and output, and twice four times the width between), and by every token's twice.
    """

    def work(tokens: int) -> int:
        return tokens * (12 * hidden**2 + 2 * tokens * hidden)

    return len(lengths) * work(window) / sum(map(work, lengths))


def _server_row(asked: dict[str, Any], pairs: int) -> dict[str, Any]:
    measured = alternate(
        pairs,
        lambda: _figure(asked, "server", like_sized=True),
        lambda: _figure(asked, "server", like_sized=False),
    )
    what = f"batches of {SERVER_BATCH}, like lengths to order of arrival"
    return _row(asked, Scenario.SERVER, what, measured, SERVER_LEAST)


def _figure(asked: dict[str, Any], what: str, **more: Any) -> float:
    given = json.dumps({**asked, "what": what, **more})
    return float(run_json("loadscope.tools.bench.texts", given)["samples_per_second"])


def measure(asked: dict[str, Any]) -> dict[str, Any]:
    """Measure one figure; this process runs no other test.

    Args:
        asked: what (``offline``, ``server`` or ``padded``), model, framework, questions, options,
            seconds, and for ``server`` like_sized.
    """
    scenario = Scenario.SERVER if asked["what"] == "server" else Scenario.OFFLINE
    plan = _plan(asked, scenario, lambda *_: None)
    library = _library(plan)
    execution = plan.execution
    each_shape = backend_info(plan.framework).each_shape and asked["what"] != "padded"
    shapes = batch_of_each_shape(library, execution.batch_size) if each_shape else []
    library.load(range(len(library)))
    if asked["what"] == "padded":
        execution = Execution(1, 1, usable_cores())
    backend = open_backend(plan.framework)
    backend.load(plan.artifact, execution.threads)
    if asked["what"] == "padded":
        return {"samples_per_second": _padded(backend, plan, library, asked["seconds"])}
    answer = task(plan.task).postprocess(plan.postprocess, library, plan.answer_form)
    answering = InferencePipeline(backend, library, answer)
    warm_up(answering, execution, typical_batches(library, execution.batch_size))
    warm_shapes(answering, execution, shapes, shape_seconds(asked["seconds"] * 1e3))
    rate = _rate(answering, execution, len(library), asked["seconds"] / 3)
    if scenario is Scenario.SERVER and not asked["like_sized"]:
        answering.order = None
    return _session(plan, answering, library, rate * _OVERLOAD, asked["seconds"])


def _plan(asked: dict[str, Any], scenario: Scenario, progress: Progress) -> ProcessPlan:
    settings: dict[str, Any] = {
        "model": asked["model"],
        "framework": asked["framework"],
        "scenario": scenario,
        "dataset_path": asked["questions"],
        "options": {} if asked.get("what") == "padded" else asked["options"],
        "min_duration": "1s",
    }
    if scenario is Scenario.SERVER:
        settings["batch_size"] = SERVER_BATCH
    prepared = resolve(make_spec(settings, "bench"), progress)
    return prepared.plan


def _library(plan: ProcessPlan) -> Any:
    return task(plan.task).library(
        Path(plan.samples), plan.preprocess, plan.artifact.inputs, plan.artifact.layout
    )


def _window(plan: ProcessPlan) -> int:
    if not isinstance(plan.preprocess, WordPieceSpec):
        raise TypeError(f"{plan.artifact.path.name} reads no texts")
    return plan.preprocess.window


def _padded(backend: Backend, plan: ProcessPlan, library: Any, seconds: float) -> float:
    """Samples a second, one at a time on all cores, each padded to the window."""
    window = _window(plan)
    samples: list[Tensors] = [
        {
            name: np.pad(values, ((0, 0), (0, window - values.shape[1])))
            for name, values in library.batch([at]).items()
        }
        for at in range(len(library))
    ]
    for sample in samples[:3]:
        backend.predict(sample)
    done, begun = 0, time.perf_counter()
    while (spent := time.perf_counter() - begun) < seconds:
        backend.predict(samples[done % len(samples)])
        done += 1
    return done / spent


def _rate(answering: InferencePipeline, execution: Execution, total: int, seconds: float) -> float:
    """Samples a second of single samples over all workers."""

    def work(number: int) -> int:
        done, end = 0, time.perf_counter() + seconds
        while time.perf_counter() < end:
            answering.compute([(number + done * execution.workers) % total])
            done += 1
        return done

    with ThreadPoolExecutor(execution.workers) as pool:
        return sum(pool.map(work, range(execution.workers))) / seconds


def _session(
    plan: ProcessPlan, answering: InferencePipeline, library: Any, rate: float, seconds: float
) -> dict[str, Any]:
    values = {
        # What is offered takes the longer, the more it is above what can be done.
        "min_duration": round(
            seconds * 1000 / (_OVERLOAD if plan.scenario.name == "SERVER" else 1)
        ),
        "min_query_count": 1,
        "target_qps": rate,
        "performance_sample_count_override": len(library),
    }
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        conf = folder / "user.conf"
        text = UserConf().having(plan.loadgen_model, plan.scenario, values).text()
        conf.write_text(text, encoding="utf-8")
        run_test(
            model=plan.loadgen_model,
            scenario=plan.scenario,
            mode=Mode.PERFORMANCE,
            user_conf=conf,
            driver=driver_for(plan.scenario, answering, plan.execution, Recorder(), _fail),
            library=library,
            folder=folder,
            fail=_fail,
        )
        return figures(
            read_detail_log(folder / "mlperf_log_detail.txt"), plan.scenario
        ).model_dump()


def _fail(error: BaseException) -> NoReturn:
    traceback.print_exception(error)
    sys.stderr.flush()
    os._exit(1)


def _row(
    asked: dict[str, Any], scenario: Scenario, what: str, measured: dict[str, Any], least: float
) -> dict[str, Any]:
    return {
        "framework": asked["framework"],
        "model": asked["model"],
        "scenario": str(scenario),
        "what": what,
        "unit": "samples/s",
        **measured,
        "options": asked["options"],
        "target": f"ratio at least {least}",
        "met": measured["ratio"] >= least,
    }


if __name__ == "__main__":
    print(json.dumps(measure(json.loads(sys.argv[1]))))
