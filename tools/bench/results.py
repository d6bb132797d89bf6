"""Rows for the index of results: a million tests, and ten thousand run directories."""

import json
import random
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import psutil

from loadscope.datasets.task import Progress
from loadscope.names import Scenario
from loadscope.suite.results.asking import count, matrix, matrix_models, select
from loadscope.suite.results.history import histories
from loadscope.suite.results.index import ResultsIndex
from loadscope.suite.results.official import official_records
from loadscope.suite.results.query import Query
from loadscope.suite.results.scan import Tally, source_at, take_in
from loadscope.suite.results.schema import metric_names, quoted
from loadscope.suite.results.series import summarise
from loadscope.tools.bench.made_runs import make_run_directory

TESTS, SERIES = 1_000_000, 48_000
RUNS, ADDED, PUBLISHED = 10_000, 1_000, 1_448
_MOST = {"medians": 1.0, "latest": 1.0, "series": 0.020, "add": 10.0, "index": 60.0,
         "memory": 200.0, "published": 1.0, "page": 1.0}  # fmt: skip
_ASKED = ("model=model-7", "value>100.5", "value<100.001", "latency_p99_ms<5", "latency_p99_ms<50",
          "accuracy>70.5", "value>100.5 latency_p99_ms<50 sort=-value", "framework=pytorch value>1",
          "run~77", "command~77", "unit=ms", "marks~noisy", "marks!=unverified", "sort=run",
          "sort=-latency_p99_ms")  # fmt: skip
_SYSTEMS = 10
_LATENCIES = tuple(name for name in metric_names() if name.startswith("latency_"))
_COMMAND = (
    "loadscope run --model resnet50 --framework onnxruntime --scenario Offline --dataset imagenet"
)
_FRAMEWORKS = ("onnxruntime", "pytorch", "tensorflow")


def results_rows(progress: Progress) -> Iterator[dict[str, Any]]:
    """Measure the index against its bounds; ``bare`` is the bound."""
    with tempfile.TemporaryDirectory(prefix="loadscope-bench-") as made:
        root = Path(made)
        yield _published(root)
        yield from _directories(root, progress)
        yield from _million(root, progress)


def _row(what: str, figure: float, bound: float, unit: str = "s") -> dict[str, Any]:
    return {
        "framework": "none",
        "model": "results",
        "scenario": "",
        "what": what,
        "unit": unit,
        "suite": figure,
        "bare": bound,
        "ratio": figure / bound,
        "target": f"at most {bound:g}",
        "met": figure <= bound,
    }


def _timed(work: Callable[[], object], times: int = 3) -> float:
    """The median of a few."""
    found = []
    for _ in range(times):
        begun = time.perf_counter()
        work()
        found.append(time.perf_counter() - begun)
    return sorted(found)[times // 2]


def _published(root: Path) -> dict[str, Any]:
    one = {"Submitter": "s", "Model": "resnet", "Scenario": "Offline", "Performance_Result": 1.5,
           "Performance_Units": "Samples/s", "version": "v5.1", "Notes": "n" * 1000}  # fmt: skip
    path = root / "summary_results.json"
    path.write_text(json.dumps([{**one, "Location": f"closed/{n}"} for n in range(PUBLISHED)]))
    seconds = _timed(lambda: official_records(path))
    return _row(f"{PUBLISHED:,} published results read", seconds, _MOST["published"])


def _directories(root: Path, progress: Progress) -> Iterator[dict[str, Any]]:
    runs = root / "runs"
    for number in range(RUNS):
        make_run_directory(
            runs / f"{number // 500:02}" / f"r{number}",
            value=100 + number % 7,
            model=f"m{number % 100}",
            created=f"2026-{1 + number % 12:02}-{1 + number % 28:02}T10:00:00+00:00",
        )
        progress("making run directories", number + 1, RUNS)
    index = ResultsIndex.open(root / "directories.db")
    tally = Tally()
    begun = time.perf_counter()
    take_in(index, source_at(runs), tally)
    seconds = time.perf_counter() - begun
    if tally.added != RUNS:
        raise AssertionError(tally.text)
    yield _row(f"{RUNS:,} run directories indexed", seconds, _MOST["index"])
    megabytes = psutil.Process().memory_info().rss / 1e6
    yield _row("memory of it", megabytes, _MOST["memory"], "MB")
    begun = time.perf_counter()
    take_in(index, source_at(runs), Tally())
    yield _row("the same again, unchanged", time.perf_counter() - begun, _MOST["index"] / 2)
    index.close()
    shutil.rmtree(runs)


def _million(root: Path, progress: Progress) -> Iterator[dict[str, Any]]:
    index = ResultsIndex.open(root / "million.db")
    _fill(index, progress)
    db = index.db
    medians = "SELECT config, system, median, mad FROM summary"
    latest = "SELECT config, system, last / previous FROM summary WHERE previous IS NOT NULL"
    yield _row("all medians", _timed(lambda: db.execute(medians).fetchall()), _MOST["medians"])
    yield _row("latest against previous", _timed(lambda: db.execute(latest).fetchall()),
               _MOST["latest"])  # fmt: skip
    one = "SELECT created, value FROM test WHERE config = ? AND system = ? AND counts"
    yield _row("one series", _timed(lambda: db.execute(one, (77, 3)).fetchall()), _MOST["series"])
    runs = root / "further"
    for number in range(ADDED):
        make_run_directory(runs / f"r{number}", value=100 + number % 7, model=f"m{number % 100}")
    tally = Tally()
    begun = time.perf_counter()
    take_in(index, source_at(runs), tally)
    yield _row(f"{ADDED:,} runs added to them", time.perf_counter() - begun, _MOST["add"])
    for asked in _ASKED:
        yield _row(f"a page of runs, {asked}, CPU", _page_seconds(index, asked), _MOST["page"])
    begun = time.process_time()
    list(islice(histories(index, Query.parse("value>100.5"), change_points=False, fewest=2), 20))
    yield _row("20 series, value>100.5, CPU", time.process_time() - begun, _MOST["page"])
    begun = time.process_time()
    models = matrix_models(index, Query.parse("value>100.5"), 20, 0)
    matrix(index, Query.parse(f"value>100.5 model={','.join(models)}"))
    yield _row("a matrix of 20 models, value>100.5, CPU", time.process_time() - begun,
               _MOST["page"])  # fmt: skip
    index.close()


def _page_seconds(index: ResultsIndex, asked: str) -> float:
    """CPU seconds until it is known how many runs are that, and which fifty are shown first."""
    begun = time.process_time()
    query = Query.parse(f"{asked} limit=50")
    list(select(index, query, count(index, query)))
    return time.process_time() - begun


def _fill(index: ResultsIndex, progress: Progress) -> None:
    """Rows as runs would have left them, without their files."""
    db, dice = index.db, random.Random(1)
    configs = SERIES // _SYSTEMS
    with index.writing():
        for n in range(1, configs + 1):
            db.execute(
                "INSERT INTO config VALUES(?, ?, 'config/1', '{}', ?, ?, ?, "
                "'float32', 'v6.1', '', '', 0)",
                (n, f"c{n}", f"model-{n % 500}", _FRAMEWORKS[n % 3], tuple(Scenario)[n % 4]),
            )
        for n in range(1, _SYSTEMS + 1):
            db.execute("INSERT INTO system VALUES(?, ?, 'system/1', '{}', 'cpu', 'x')",
                       (n, f"s{n}"))  # fmt: skip
        for table in ("environment", "build"):
            db.execute(f"INSERT INTO {table} VALUES(1, 'd', '{table}/1', '{{}}')")
        db.execute("INSERT INTO source VALUES(1, '/made', 'made', '', '', '')")
    done = 0
    while done < TESTS:
        with index.writing():
            _batch(db, done, dice)
        done += 50_000
        progress("making rows", done, TESTS)
    begun = time.perf_counter()
    with index.writing():
        summarise(db, [(c, s) for c in range(1, configs + 1) for s in range(1, _SYSTEMS + 1)])
    progress(f"summaries in {time.perf_counter() - begun:.0f} s", 1, 1)


def _batch(db: sqlite3.Connection, first: int, dice: random.Random) -> None:
    """Fifty thousand runs with a performance test each, every tenth with an accuracy test."""
    runs, tests, scores = [], [], []
    for number in range(first + 1, first + 50_001):
        place = number % SERIES
        config, system = 1 + place // _SYSTEMS, 1 + place % _SYSTEMS
        created = f"2026-{1 + number % 12:02}-{1 + number % 28:02}T10:00:00+00:00"
        noisy = "the hypervisor took 9.0 % of the CPU" if number % 1000 == 0 else ""
        command = f"{_COMMAND} --output runs/{number}"
        runs.append(
            (number, f"/made/{number}", str(number), f"u{number}", config, system, created, noisy,
             command)
        )  # fmt: skip
        latencies = [dice.uniform(1, 100)] * len(_LATENCIES)
        common = (config, system, created, *latencies)
        tests.append((number, "performance", 100 + dice.random(), *common, int(not noisy)))
        if number % 10 == 0:
            tests.append((number, "accuracy", None, *common, 0))
            scores.append((number, 70 + dice.random()))
    db.executemany(
        "INSERT INTO run VALUES(?, ?, ?, 1, '', '', ?, ?, ?, 1, 1, 'alpha', '', ?, 'valid', "
        "'valid', '', ?, ?, NULL, NULL, 0, 0)",
        runs,
    )
    named = ("run", "mode", "value", "config", "system", "created", *_LATENCIES, "counts")
    columns = ", ".join(map(quoted, named))
    marks = ", ".join("?" * len(named))
    db.executemany(
        f"INSERT INTO test({columns}, status, metric, unit, better) "
        f"VALUES({marks}, 'valid', 'samples_per_second', 'samples/s', 'higher')",
        tests,
    )
    db.executemany(
        "INSERT INTO accuracy VALUES(?, 'top-1', '%', 'higher', ?, 76, 0, 50000)", scores
    )
