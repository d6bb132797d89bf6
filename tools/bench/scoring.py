"""Rows for scoring: made-up logs of the round's full sizes, scored beside the least work."""

import contextlib
import io
import json
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from loadscope.datasets.accuracy_log import read_accuracy_log
from loadscope.datasets.coco_annotations import read_annotations
from loadscope.datasets.coco_categories import CATEGORY_IDS, CATEGORY_NAMES
from loadscope.datasets.coco_score import score_boxes
from loadscope.datasets.protocol import Progress
from loadscope.datasets.squad import QUESTIONS, Squad
from loadscope.datasets.top1 import score_top1
from loadscope.datasets.wordpiece_spec import LONGEST_WINDOW
from loadscope.suite.fetch.datasets import fetch_dataset
from loadscope.suite.manifest import Catalogue
from loadscope.suite.paths import cache_root
from loadscope.suite.vocabulary import locate
from loadscope.tools.bench.pairs import alternate

IMAGENET, COCO, SQUAD = 50_000, 5_000, 10_833
IMAGENET_MOST_S, COCO_MOST, SQUAD_MOST_S = 1.0, 1.1, 20.0
# As many to the image as val2017 has, and as many found as a detector of its size finds.
_BOXES, _FOUND = 7, 36
_SIDE = 640
_PAIRS = 3


def scoring_rows(pairs: int, progress: Progress) -> Iterator[dict[str, Any]]:
    """Measure the three scorings from the log's first byte to the score.

    Args:
        pairs: Pairs of measurements a row; at most three are taken.
        progress: Told of the making of the logs.
    """
    pairs = min(pairs, _PAIRS)
    for make in (_imagenet, _coco, _squad):
        with tempfile.TemporaryDirectory() as folder:
            progress(f"make a log for {make.__name__.strip('_')}", 0, 0)
            yield make(Path(folder), pairs, progress)


def write_log(path: Path, payloads: Iterable[bytes]) -> None:
    """Write an accuracy log as LoadGen does, an entry a sample."""
    lines = [
        f'{{ "seq_id" : {at}, "qsl_idx" : {at}, "data" : "{payload.hex().upper()}" }}'
        for at, payload in enumerate(payloads)
    ]
    path.write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="ascii")


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
        seconds(lambda: score_top1(read_accuracy_log(log), labels)),
        seconds(lambda: _payloads(log)),
    )
    return _row("imagenet", f"scoring {IMAGENET:,} answers", measured, most_s=IMAGENET_MOST_S)


def _coco(folder: Path, pairs: int, progress: Progress) -> dict[str, Any]:
    annotations, detections = boxes(np.random.default_rng(0), COCO)
    truth, results, log = folder / "truth.json", folder / "found.json", folder / "log.json"
    truth.write_text(json.dumps(annotations), encoding="utf-8")
    rows = detections.reshape(COCO, -1)
    write_log(log, (row.astype("<f4").tobytes() for row in rows))
    results.write_text(json.dumps(as_results(detections)), encoding="utf-8")
    measured = alternate(
        pairs,
        seconds(lambda: score_boxes(read_accuracy_log(log), read_annotations(truth), COCO)),
        seconds(lambda: pycocotools_map(truth, results)),
    )
    what = f"scoring {len(detections):,} boxes in {COCO:,} images"
    return _row("coco", what, measured, most=COCO_MOST)


def _squad(folder: Path, pairs: int, progress: Progress) -> dict[str, Any]:
    entry = Catalogue.load().get("minilm-squad").artifact_for("onnxruntime")
    spec: Any = locate(entry.preprocess, cache_root(), progress)
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
    random = np.random.default_rng(0)
    log = folder / "log.json"
    write_log(
        log,
        (
            random.standard_normal(2 * LONGEST_WINDOW, np.float32).astype("<f4").tobytes()
            for _ in range(SQUAD)
        ),
    )
    measured = alternate(
        pairs,
        seconds(lambda: dataset.score(read_accuracy_log(log))),
        seconds(lambda: _payloads(log)),
    )
    return _row("squad", f"scoring {SQUAD:,} features", measured, most_s=SQUAD_MOST_S)


def boxes(random: np.random.Generator, total: int) -> tuple[dict[str, Any], NDArray[np.float64]]:
    """Annotations, and boxes found: near each true one, and the rest anywhere."""
    corner = random.uniform(0, 0.7, (total, _FOUND, 2))
    side = random.uniform(0.02, 0.29, (total, _FOUND, 2))
    category = random.choice(np.array(CATEGORY_IDS), (total, _FOUND))
    images = [
        {"id": at + 1, "file_name": f"{at:012d}.jpg", "width": _SIDE, "height": _SIDE}
        for at in range(total)
    ]
    true = np.concatenate([corner, side], 2)[:, :_BOXES] * _SIDE
    annotated = [
        {
            "id": at + 1,
            "image_id": at // _BOXES + 1,
            "category_id": int(category[at // _BOXES, at % _BOXES]),
            "bbox": box,
            "area": box[2] * box[3],
            "iscrowd": 0,
        }
        for at, box in enumerate(true.reshape(-1, 4).tolist())
    ]
    shift = random.normal(0, 0.02, corner.shape)
    low, high = np.clip(corner + shift, 0, 1), np.clip(corner + side + shift, 0, 1)
    found = np.concatenate(
        [
            np.broadcast_to(np.arange(total)[:, None, None], (total, _FOUND, 1)),
            low[..., ::-1],
            high[..., ::-1],
            random.random((total, _FOUND, 1)),
            category[..., None],
        ],
        2,
    )
    categories = [
        {"id": int(number), "name": name}
        for number, name in zip(CATEGORY_IDS, CATEGORY_NAMES, strict=True)
    ]
    return {"images": images, "annotations": annotated, "categories": categories}, found.reshape(
        -1, 7
    )


def as_results(found: NDArray[np.float64]) -> list[dict[str, Any]]:
    """Boxes in pycocotools' own form."""
    return [
        {
            "image_id": int(index) + 1,
            "category_id": int(category),
            "bbox": [
                left * _SIDE, top * _SIDE, (right - left) * _SIDE, (bottom - top) * _SIDE
            ],
            "score": score,
        }
        for index, top, left, bottom, right, score, category in found.tolist()
    ]  # fmt: skip


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
