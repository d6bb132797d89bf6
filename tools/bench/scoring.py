"""Rows for scoring: made-up logs of the round's full sizes, scored beside the least work."""

import contextlib
import io
import json
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadscope.datasets.classes.top_classes import score_top
from loadscope.datasets.object_detection.coco_annotations import read_annotations
from loadscope.datasets.object_detection.coco_score import score_boxes
from loadscope.datasets.question_answering.squad import QUESTIONS, Squad
from loadscope.datasets.registry import task
from loadscope.datasets.speech_recognition.alphabet import encoded
from loadscope.datasets.speech_recognition.clips import Clips
from loadscope.datasets.speech_recognition.word_errors import WORD_ACCURACY, score_transcripts
from loadscope.datasets.task import Progress
from loadscope.paths import cache_root
from loadscope.rundir.accuracy_log import read_accuracy_log
from loadscope.suite.fetch.datasets import fetch_dataset
from loadscope.suite.fetch.preprocess_files import locate
from loadscope.suite.models.manifest import Catalogue
from loadscope.tools.bench.made_logs import as_results, boxes, scores, write_log
from loadscope.tools.bench.pairs import alternate
from loadscope.tools.bench.scoring_tasks import JOBS, MOST_S, Job

IMAGENET, COCO, SQUAD, SPEECH = 50_000, 5_000, 10_833, 1_633
IMAGENET_MOST_S, COCO_MOST, SQUAD_MOST_S, SPEECH_MOST_S = 1.0, 1.1, 20.0, 60.0
_PAIRS = 3


def scoring_rows(pairs: int, progress: Progress) -> Iterator[dict[str, Any]]:
    """Measure the scorings from the log's first byte to the score.

    Args:
        pairs: Pairs of measurements a row; at most three are taken.
        progress: Told of the making of the logs.
    """
    pairs = min(pairs, _PAIRS)
    for make in (_imagenet, _coco, _squad, _speech):
        with tempfile.TemporaryDirectory() as folder:
            progress(f"make a log for {make.__name__.strip('_')}", 0, 0)
            yield make(Path(folder), pairs, progress)
    for job in JOBS:
        with tempfile.TemporaryDirectory() as folder:
            progress(f"make a log for {job.task}", 0, 0)
            yield _job(Path(folder), job, progress)


def _job(folder: Path, job: Job, progress: Progress) -> dict[str, Any]:
    """Once, for it takes most of a minute; beside it the reading of the log alone."""
    log, rest = job.write(folder, job.samples)
    measured = alternate(
        1,
        seconds(lambda: job.score(log, rest, job.samples, progress)),
        seconds(lambda: sum(len(answer.payload) for answer in read_accuracy_log(log))),
    )
    return _row(job.task, f"scoring {job.samples:,} {job.what}", measured, most_s=MOST_S)


def write_classes(path: Path, total: int) -> NDArray[np.int64]:
    """Write the log of a classifier that is right three times in four; returns the labels."""
    random = np.random.default_rng(0)
    labels = random.integers(0, 1000, total)
    found = np.where(random.random(total) < 0.76, labels, 0).astype("<f4")
    write_log(path, (value.tobytes() for value in found))
    return labels


def _imagenet(folder: Path, pairs: int, progress: Progress) -> dict[str, Any]:
    log = folder / "log.json"
    labels = write_classes(log, IMAGENET)
    measured = alternate(
        pairs,
        seconds(lambda: score_top(read_accuracy_log(log), labels)),
        seconds(lambda: _payloads(log)),
    )
    return _row("imagenet", f"scoring {IMAGENET:,} answers", measured, most_s=IMAGENET_MOST_S)


def _coco(folder: Path, pairs: int, progress: Progress) -> dict[str, Any]:
    annotations, found = boxes(np.random.default_rng(0), COCO)
    truth, results, log = folder / "truth.json", folder / "found.json", folder / "log.json"
    truth.write_text(json.dumps(annotations), encoding="utf-8")
    write_log(log, (rows.astype("<f4").tobytes() for rows in found))
    results.write_text(json.dumps(as_results(found)), encoding="utf-8")
    measured = alternate(
        pairs,
        seconds(lambda: score_boxes(read_accuracy_log(log), read_annotations(truth), COCO)),
        seconds(lambda: pycocotools_map(truth, results)),
    )
    what = f"scoring {sum(map(len, found)):,} boxes in {COCO:,} images"
    return _row("coco", what, measured, most=COCO_MOST)


def _squad(folder: Path, pairs: int, progress: Progress) -> dict[str, Any]:
    entry = Catalogue.load().get("minilm-squad").artifact_for("onnxruntime")
    spec: Any = locate(task("question-answering"), entry.preprocess, cache_root(), progress)
    sample = fetch_dataset("squad-sample", cache_root(), progress) / QUESTIONS
    content = json.loads(sample.read_text(encoding="utf-8"))
    times = -(-SQUAD // len(Squad.read(sample, None, spec)))
    content["data"] = [
        {
            **article,
            "paragraphs": [
                {**part, "qas": [{**qa, "id": f"{qa['id']}-{number}"} for qa in part["qas"]]}
                for part in article["paragraphs"]
            ],
        }
        for number in range(times)
        for article in content["data"]
    ]
    (folder / QUESTIONS).write_text(json.dumps(content), encoding="utf-8")
    dataset = Squad.read(folder, SQUAD, spec)
    log = folder / "log.json"
    made = scores(np.random.default_rng(0), dataset)
    write_log(log, (logits.astype("<f4").tobytes() for logits in made))
    measured = alternate(
        pairs,
        seconds(lambda: dataset.score(read_accuracy_log(log))),
        seconds(lambda: _payloads(log)),
    )
    return _row("squad", f"scoring {SQUAD:,} features", measured, most_s=SQUAD_MOST_S)


def _speech(folder: Path, pairs: int, progress: Progress) -> dict[str, Any]:
    sample = fetch_dataset("librivox-sample", cache_root(), progress)
    words = " ".join(Clips.read(sample, None, WORD_ACCURACY.name).texts).split()
    random, log = np.random.default_rng(0), folder / "log.json"
    said = [random.choice(words, random.integers(20, 100)).tolist() for _ in range(SPEECH)]
    # One word of ten is heard as another.
    heard = [
        [word if random.random() < 0.9 else str(random.choice(words)) for word in text]
        for text in said
    ]
    write_log(log, (encoded(" ".join(text)).tobytes() for text in heard))
    texts = [" ".join(text) for text in said]
    measured = alternate(
        pairs,
        seconds(lambda: score_transcripts(read_accuracy_log(log), texts, WORD_ACCURACY, progress)),
        seconds(lambda: _payloads(log)),
    )
    return _row("speech", f"scoring {SPEECH:,} transcripts", measured, most_s=SPEECH_MOST_S)


def pycocotools_map(truth: Path, results: Path) -> float:
    """The mean average precision of a file of results, in percent, by pycocotools alone."""
    from pycocotools.coco import COCO as Coco
    from pycocotools.cocoeval import COCOeval

    with contextlib.redirect_stdout(io.StringIO()):
        annotated = Coco(str(truth))
        evaluation = COCOeval(annotated, annotated.loadRes(str(results)), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return 100 * float(evaluation.stats[0])


def _payloads(log: Path) -> list[NDArray[np.float32]]:
    """What any scoring of a log cannot do without."""
    entries = json.loads(log.read_bytes())
    return [np.frombuffer(bytes.fromhex(entry["data"]), "<f4") for entry in entries]


def seconds(work: Callable[[], object]) -> Callable[[], float]:
    """Make a function that does ``work`` and returns the seconds that it took."""

    def timed() -> float:
        begun = time.perf_counter()
        work()
        return time.perf_counter() - begun

    return timed


def _row(
    model: str,
    what: str,
    measured: dict[str, Any],
    most_s: float | None = None,
    most: float | None = None,
) -> dict[str, Any]:
    return {
        "framework": "-",
        "model": model,
        "scenario": "accuracy",
        "what": what,
        "unit": "s",
        **measured,
        "target": f"at most {most_s:g} s" if most_s is not None else f"ratio at most {most}",
        "met": measured["suite"] <= most_s if most_s is not None else measured["ratio"] <= most,
    }
