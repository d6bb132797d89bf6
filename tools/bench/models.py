"""Rows for real models: the suite under LoadGen beside a bare loop of the same framework."""

import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from loadscope.cores import usable_cores
from loadscope.datasets.task import Progress
from loadscope.names import Scenario
from loadscope.paths import cache_root
from loadscope.rundir.spec import RunSpec
from loadscope.suite.fetch.datasets import fetch_dataset
from loadscope.suite.models.manifest import Catalogue
from loadscope.suite.run.resolve import resolve
from loadscope.sut.registry import backend_info
from loadscope.tools.bench.pairs import alternate, run_json

MODELS = ("efficientnet-lite0", "resnet50-seeded", "yolox-nano", "minilm-squad")
OFFLINE_LEAST = 0.97
SINGLE_STREAM_MOST = 1.03
INSTANCES_LEAST = 1.0
MEMORY_MOST = 300 * 2**20
MEMORY_SAMPLES = 1024
DATASETS = {
    "image-classification": "imagenet-sample20",
    "object-detection": "coco-generated",
}

Settings = dict[str, Any]
"""Of a ``RunSpec``, by name."""


@dataclass(frozen=True)
class BenchCase:
    """A model on a framework, with the plan of a run, which a bare loop follows too."""

    model: str
    framework: str
    dataset: str
    plan: dict[str, Any]


def cell(model: str, framework: str, questions: str, progress: Progress) -> BenchCase:
    """Have the model's file and the samples ready; texts are of the lengths of ``questions``."""
    dataset = DATASETS.get(Catalogue.load().get(model).task, questions)
    spec = RunSpec(
        model=model, framework=framework, scenario=Scenario.OFFLINE, dataset_path=dataset
    )
    return BenchCase(
        model, framework, dataset, resolve(spec, progress).plan.model_dump(mode="json")
    )


def offline_row(one: BenchCase, pairs: int, seconds: float) -> dict[str, Any]:
    """Offline samples a second against the best of the bare layouts that are safe, in that layout.

    So the row is what LoadGen and the suite cost; what the choice of a layout costs is in part
    tuning.
    """
    cores = usable_cores()
    most = 1 if backend_info(one.framework).one_caller else cores
    layouts = [
        {"workers": workers, "threads": cores // workers, "batch": batch}
        for workers in {1, most}
        for batch in (1, 4, 8, 16)
        if batch <= (one.plan["artifact"]["max_batch"] or batch)
    ]

    def bare(layout: dict[str, int], time: float) -> float:
        asked = {"plan": one.plan, **layout, "seconds": time}
        return float(
            run_json("loadscope.tools.bench.bare", json.dumps(asked))["samples_per_second"]
        )

    best = max(layouts, key=lambda layout: bare(layout, seconds / 2))
    same = {"workers": best["workers"], "threads": best["threads"], "batch_size": best["batch"]}
    measured = alternate(
        pairs,
        lambda: figure(one, Scenario.OFFLINE, same, seconds),
        lambda: bare(best, seconds),
    )
    return {
        **names(one, Scenario.OFFLINE, "rate", "samples/s"),
        **measured,
        "bare_layout": best,
        "target": f"ratio at least {OFFLINE_LEAST}",
        "met": measured["ratio"] >= OFFLINE_LEAST,
    }


def single_stream_row(one: BenchCase, pairs: int, seconds: float) -> dict[str, Any]:
    """SingleStream's 90th percentile against a bare loop of single samples on all cores."""
    asked = {
        "plan": one.plan,
        "workers": 1,
        "threads": usable_cores(),
        "batch": 1,
        "seconds": seconds,
    }
    measured = alternate(
        pairs,
        lambda: float(run_suite(one, Scenario.SINGLE_STREAM, seconds)["latency_ns"]["p90"]) / 1e6,
        lambda: float(run_json("loadscope.tools.bench.bare", json.dumps(asked))["p90_ms"]),
    )
    return {
        **names(one, Scenario.SINGLE_STREAM, "p90 latency", "ms"),
        **measured,
        "target": f"ratio at most {SINGLE_STREAM_MOST}",
        "met": measured["ratio"] <= SINGLE_STREAM_MOST,
    }


def memory_row(one: BenchCase, seconds: float) -> dict[str, Any]:
    """Peak memory of a run over 1,024 samples, beside model and float32 samples alone."""
    with tempfile.TemporaryDirectory() as folder:
        result = run_suite(one, Scenario.OFFLINE, seconds, many_images(Path(folder)))
    peak = result["state"]["performance"]["peak_memory_bytes"]
    needed = Path(one.plan["artifact"]["path"]).stat().st_size + MEMORY_SAMPLES * 3 * 224 * 224 * 4
    return {
        **names(one, Scenario.OFFLINE, f"peak memory, {MEMORY_SAMPLES} samples", "MB"),
        "suite": peak / 2**20,
        "bare": needed / 2**20,
        "ratio": peak / needed,
        "target": f"at most {MEMORY_MOST / 2**20:.0f} MB above model and samples",
        "met": peak - needed <= MEMORY_MOST,
    }


def instances_row(one: BenchCase, pairs: int, seconds: float) -> dict[str, Any]:
    """Offline with a pinned process a core beside threads of one process."""

    def rate(*more: str) -> float:
        return float(run_suite(one, Scenario.OFFLINE, seconds, None, *more)["samples_per_second"])

    measured = alternate(pairs, lambda: rate("--instances", str(usable_cores())), rate)
    return {
        **names(one, Scenario.OFFLINE, "rate, a process a core beside threads", "samples/s"),
        **measured,
        "target": f"ratio at least {INSTANCES_LEAST}",
        "met": measured["ratio"] >= INSTANCES_LEAST,
    }


def run_suite(
    one: BenchCase, scenario: Scenario, seconds: float, dataset: Path | None = None, *more: str
) -> dict[str, Any]:
    """A run of the suite in a process of its own.

    Args:
        one: The model.
        scenario: The scenario.
        seconds: Shortest duration of the test.
        dataset: Another data set than the model's.
        more: Further arguments of ``loadscope run``.
    """
    with tempfile.TemporaryDirectory() as folder:
        return run_json(
            "loadscope", "run", "--model", one.model, "--framework", one.framework,
            "--scenario", scenario, "--dataset-path", str(dataset or one.dataset), "--json",
            "--min-duration", f"{seconds}s", "--output", f"{folder}/run", *more,
        )  # fmt: skip


def arguments(settings: Settings) -> list[str]:
    """Settings as arguments of ``loadscope run``."""
    given: list[str] = []
    for name, value in settings.items():
        if name == "options":
            for option, chosen in value.items():
                given += ["--option", f"{option}={json.dumps(chosen)}"]
        elif value is not None:
            text = f"{value:g}ms" if name == "max_wait" else str(value)
            given += [f"--{name.replace('_', '-')}", text]
    return given


def figure(
    one: BenchCase,
    scenario: Scenario,
    settings: Settings,
    seconds: float,
    percentile: str = "",
    queries: int = 1,
) -> float:
    """A run's rate with settings in samples/s, or a percentile of its latency in ms.

    Args:
        one: The model.
        scenario: The scenario.
        settings: The run's.
        seconds: Shortest duration of the test.
        percentile: Its key, ``p90`` and the like; the rate if empty.
        queries: The fewest.
    """
    more = ("--min-query-count", str(queries), *arguments(settings))
    result = run_suite(one, scenario, seconds, None, *more)
    if not percentile:
        return float(result["samples_per_second"])
    return float(result["latency_ns"][percentile]) / 1e6


def names(one: BenchCase, scenario: Scenario, what: str, unit: str) -> dict[str, str]:
    """What a row is about."""
    return {
        "framework": one.framework,
        "model": one.model,
        "scenario": str(scenario),
        "what": what,
        "unit": unit,
    }


def many_images(folder: Path, enlarged: int = 1) -> Path:
    """Fill a folder with 1,024 different images: the twenty photographs at many JPEG qualities.

    Args:
        folder: An empty folder.
        enlarged: How many times as long the sides are made.
    """
    photographs = DATASETS["image-classification"]
    source = fetch_dataset(photographs, cache_root(), lambda *_: None)
    lines = (source / "val_map.txt").read_text(encoding="utf-8").splitlines()
    (folder / "val").mkdir()
    names: list[str] = []
    for number in range(MEMORY_SAMPLES):
        name, label = lines[number % len(lines)].split()
        with Image.open(source / "val" / name) as photograph:
            size = photograph.width * enlarged, photograph.height * enlarged
            photograph.convert("RGB").resize(size).save(
                folder / "val" / f"{number:04d}.jpg", quality=40 + number // len(lines)
            )
        names.append(f"{number:04d}.jpg {label}\n")
    (folder / "val_map.txt").write_text("".join(names), encoding="utf-8")
    return folder


def model_rows(
    models: Sequence[str],
    frameworks: Sequence[str],
    questions: str,
    pairs: int,
    seconds: float,
    progress: Progress,
) -> Iterator[dict[str, Any]]:
    """All rows of all models on all frameworks."""
    for model in models:
        for framework in frameworks:
            one = cell(model, framework, questions, progress)
            yield offline_row(one, pairs, seconds)
            yield single_stream_row(one, pairs, seconds)
            yield instances_row(one, pairs, seconds)
            if model == "resnet50-seeded":
                yield memory_row(one, seconds)
