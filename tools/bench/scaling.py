"""Rows for what must not grow: cost a query, a sample scored, a query reported, as work grows."""

import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from loadscope.datasets.classes.top_classes import score_top
from loadscope.datasets.object_detection.coco_annotations import read_annotations
from loadscope.datasets.object_detection.coco_score import score_boxes
from loadscope.names import Scenario
from loadscope.rundir.accuracy_log import read_accuracy_log
from loadscope.suite.report import load_run
from loadscope.tools.bench.harness import STREAM_LATENCY_MS
from loadscope.tools.bench.made_logs import boxes, write_log
from loadscope.tools.bench.pairs import alternate, run_json
from loadscope.tools.bench.scoring import seconds, write_classes

FEW_QUERIES, MANY_QUERIES = 1_000, 1_000_000
FLAT = 1.1
_IMAGES, _BOX_IMAGES, _REPORTED = (5_000, 50_000), (500, 5_000), (20_000, 200_000)
_MODEL, _DATASET = "efficientnet-lite0", "imagenet-sample20"


def scaling_rows(pairs: int) -> Iterator[dict[str, Any]]:
    """Measure the cost of one of many beside that of one of few."""
    yield _queries(pairs)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        yield _row("imagenet", "accuracy", "scoring", _IMAGES, _top1(folder), pairs)
        yield _row("coco", "accuracy", "scoring", _BOX_IMAGES, _mean_precision(folder), pairs)
        yield _row("null", "SingleStream", "report page", _REPORTED, _page(folder), pairs)


def _queries(pairs: int) -> dict[str, Any]:
    def cost(queries: int) -> float:
        found = run_json(
            "loadscope.tools.bench.null_session",
            *("suite", Scenario.SINGLE_STREAM, "0.001", str(STREAM_LATENCY_MS), str(queries)),
        )
        return float(found["us_per_query"])

    measured = alternate(pairs, lambda: cost(MANY_QUERIES), lambda: cost(FEW_QUERIES))
    return {
        "framework": "null",
        "model": "null",
        "scenario": str(Scenario.SINGLE_STREAM),
        "what": f"time a query, {MANY_QUERIES:,} queries beside {FEW_QUERIES:,}",
        "unit": "µs",
        **measured,
        "target": f"ratio {2 - FLAT:.1f} to {FLAT}",
        "met": 2 - FLAT <= measured["ratio"] <= FLAT,
    }


def _row(
    model: str,
    scenario: str,
    what: str,
    sizes: tuple[int, int],
    prepare: Callable[[int], Callable[[], object]],
    pairs: int,
) -> dict[str, Any]:
    few, many = sizes
    timed = {size: seconds(prepare(size)) for size in sizes}
    measured = alternate(
        pairs, lambda: timed[many]() / many * 1e6, lambda: timed[few]() / few * 1e6
    )
    return {
        "framework": "-",
        "model": model,
        "scenario": scenario,
        "what": f"{what}, time a sample, {many:,} beside {few:,}",
        "unit": "µs",
        **measured,
        "target": f"ratio at most {FLAT}",
        "met": measured["ratio"] <= FLAT,
    }


def _top1(folder: Path) -> Callable[[int], Callable[[], object]]:
    def prepare(total: int) -> Callable[[], object]:
        log = folder / f"classes-{total}.json"
        labels = write_classes(log, total)
        return lambda: score_top(read_accuracy_log(log), labels)

    return prepare


def _mean_precision(folder: Path) -> Callable[[int], Callable[[], object]]:
    def prepare(total: int) -> Callable[[], object]:
        annotations, found = boxes(np.random.default_rng(0), total)
        truth, log = folder / f"truth-{total}.json", folder / f"boxes-{total}.json"
        truth.write_text(json.dumps(annotations), encoding="utf-8")
        write_log(log, (rows.astype("<f4").tobytes() for rows in found))
        return lambda: score_boxes(read_accuracy_log(log), read_annotations(truth), total)

    return prepare


def _page(folder: Path) -> Callable[[int], Callable[[], object]]:
    # plotly is slow to load, which is no part of a page's cost a query.
    from loadscope.suite.report.page import build_page

    def prepare(total: int) -> Callable[[], object]:
        run = folder / f"run-{total}"
        run_json(
            "loadscope", "run", "--model", _MODEL, "--framework", "null", "--scenario",
            Scenario.SINGLE_STREAM, "--dataset-path", _DATASET, "--min-duration", "1ms",
            "--min-query-count", str(total), "--output", str(run), "--json",
        )  # fmt: skip
        return lambda: build_page([load_run(run)])

    return prepare
