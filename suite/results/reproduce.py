"""Somebody else's result as a scenario script of ours, and what cannot be the same."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from loadscope.errors import InputError
from loadscope.names import DEFAULT_NUMERICS, Scenario
from loadscope.rundir.directory import RUN_FILE
from loadscope.rundir.spec import RecordedSpec, scenario_of
from loadscope.submission.check.log import read_log
from loadscope.submission.check.subjects import DETAIL, DIVISIONS, METRICS
from loadscope.submission.rounds import CURRENT, load_round, rounds
from loadscope.suite.models.manifest import Catalogue
from loadscope.suite.report.wording import metric_text, verdict
from loadscope.suite.results.found import run_folders
from loadscope.suite.run.view import RunView, load_run
from loadscope.sut.registry import BACKENDS

_DEFAULT = "onnxruntime"
# Words for data types in system descriptions, by ours.
_NUMERICS = {
    "fp32": "float32", "float32": "float32", "fp16": "float16", "float16": "float16",
    "bf16": "bfloat16", "bfloat16": "bfloat16", "int8": "int8",
}  # fmt: skip
# Of a spec: what is this project's own machine's, and not a setting of the result.
_LEFT_OUT = {"models", "user_conf", "dataset_path"}


@dataclass(frozen=True)
class Reproduction:
    """What comes nearest to a result.

    Attributes:
        title: What the result is.
        value, unit: Its figure; None where it tells none.
        settings: The scenario script.
        cannot: What cannot be the same, or is not known to be, a sentence each.
        catalogue: The models, where the result brought its own.
    """

    title: str
    value: float | None
    unit: str
    settings: Mapping[str, Any]
    cannot: tuple[str, ...]
    catalogue: Catalogue | None = None

    @property
    def script(self) -> str:
        """The script as a file, with what cannot be the same as a comment."""
        figure = "no figure" if self.value is None else f"{self.value:.6g} {self.unit}"
        lines = [f"# Nearest to {self.title}: {figure}.", "# What is not the same:"]
        lines += [f"#   {one}" for one in self.cannot]
        body = yaml.safe_dump(dict(self.settings), sort_keys=False, allow_unicode=True)
        return "\n".join(line.replace("\n", " ") for line in lines) + "\n" + body


def reproduce(result: Path, framework: str = "", named: str = "") -> Reproduction:
    """Say how to come nearest to a result.

    Args:
        result: A run directory, a folder with one, or a folder of an official tree:
            ``closed/SUBMITTER/results/SYSTEM/BENCHMARK/SCENARIO``.
        framework: Ours to use; empty for the one that the result names, else ONNX Runtime.
        named: The round of a tree; empty to take it from the path.

    Raises:
        InputError: It is neither, or no model here stands for the benchmark.
    """
    if not result.is_dir():
        wrong = "is a file" if result.exists() else "does not exist"
        raise InputError(f"{result} {wrong}", "give a run directory, or a result of a tree")
    run = next(run_folders(result), None)
    if run is not None:
        return _of_run(load_run(run), framework)
    return _of_tree(result.absolute(), framework, named)


def _of_run(run: RunView, framework: str) -> Reproduction:
    spec: RecordedSpec = run.spec
    settings = spec.model_dump(mode="json", exclude_defaults=True, exclude=_LEFT_OUT)
    data = spec.dataset_path
    cannot = list(_of_host(run))
    if data is not None and ("/" not in data or Path(data).exists()):
        settings["dataset_path"] = data
    else:
        cannot.append(f"data: add --dataset-path; theirs has the digest {run.data.digest}")
    if framework and framework != spec.framework:
        settings["framework"] = framework
        settings.pop("options", None)
        cannot.append(f"framework: theirs is {run.system}")
    for name in ("min_duration", "max_wait", "server_target_latency", "expected_latency"):
        if name in settings:
            settings[name] = f"{settings[name]:g}ms"
    catalogue = Catalogue.of_run(run.record) if run.record.manifest is not None else None
    if catalogue is not None and spec.models:
        settings["models"] = [str(path) for path in spec.models]
        cannot.append("model: it is not built in; --models has to name its manifest here")
    standing = verdict(run).text
    return Reproduction(
        title=f"{run.model.id} on {run.system}, {run.scenario} ({standing}, {metric_text(run)})",
        value=run.metric.value if run.metric else None,
        unit=run.metric.unit if run.metric else "",
        settings=settings,
        cannot=tuple(cannot),
        catalogue=catalogue,
    )


def _of_host(run: RunView) -> Iterator[str]:
    host = run.host
    yield f"hardware: {host.processor or host.machine}, {host.physical_cores} cores"
    yield f"software: {', '.join(f'{name} {version}' for name, version in run.versions.items())}"


def _of_tree(folder: Path, framework: str, named: str) -> Reproduction:
    parts = folder.parts
    division = next((part for part in reversed(parts) if part in DIVISIONS), "")
    at = len(parts) - 1 - parts[::-1].index(division) if division else 0
    below = parts[at:]
    scenario = scenario_of(below[-1]) if len(below) == 6 else None
    if not division or scenario is None or below[2] not in ("results", "measurements"):
        raise InputError(
            f"{folder} is neither a run (no {RUN_FILE}) nor a result of a tree",
            "give a run directory, or closed/SUBMITTER/results/SYSTEM/BENCHMARK/SCENARIO",
        )
    submitter, system, benchmark = below[1], below[3], below[4]
    home = Path(*parts[: at + 2])
    results, measurements = (
        home / name / system / benchmark / folder.name for name in ("results", "measurements")
    )
    described = _mapping(home / "systems" / f"{system}.json")
    told = _measurements(results) or _measurements(measurements)
    tree_round = named or next((part for part in _rounds(parts)), CURRENT)
    log = read_log(results / "performance" / "run_1" / DETAIL)
    model, entry_framework, why = _model(benchmark, framework, str(described.get("framework", "")))
    settings: dict[str, Any] = {"model": model, "framework": entry_framework,
                                "scenario": str(scenario),
                                "mode": ["performance", "accuracy"]}  # fmt: skip
    settings |= _logged(log.number, scenario, tree_round)
    value = log.number(METRICS[scenario])
    cannot = [
        f"hardware: {described.get('host_processors_per_node', '?')} x "
        f"{described.get('host_processor_model_name', '?')}, accelerators: "
        f"{described.get('accelerators_per_node', '?')} x "
        f"{described.get('accelerator_model_name', '') or 'none'}",
        f"framework: theirs is {described.get('framework', 'not told')}",
        *why,
        *_unlike(told, tree_round),
        "data: add --dataset-path with the benchmark's data set",
    ]
    return Reproduction(
        title=f"{division}/{submitter} {system} {benchmark} {scenario} of {tree_round}",
        value=value if value is None or not scenario.inline else value / 1e6,
        unit="ms" if scenario.inline else "samples/s",
        settings=settings,
        cannot=tuple(cannot),
    )


def _logged(number: Any, scenario: Scenario, tree_round: str) -> dict[str, Any]:
    """The settings that their log says were in force, where ours would be others."""
    rules, found = load_round(tree_round), dict[str, Any]()
    duration = number("effective_min_duration_ms")
    if duration is not None and duration != rules.min_duration_ms:
        found["min_duration"] = f"{duration:g}ms"
    if scenario is Scenario.SERVER:
        rate, bound = number("effective_target_qps"), number("effective_target_latency_ns")
        found |= {} if rate is None else {"target_qps": rate}
        found |= {} if bound is None else {"server_target_latency": f"{bound / 1e6:g}ms"}
    return found


def _model(benchmark: str, framework: str, theirs: str) -> tuple[str, str, list[str]]:
    """Our model of a benchmark, the framework, and what is to be said of both."""
    rules = load_round()
    official = rules.submission.aliases.get(benchmark, benchmark)
    entries = Catalogue.load().models
    standing = [
        (entry.mlperf.division != "closed", name)
        for name, entry in entries.items()
        if entry.mlperf and official in entry.mlperf.submission
    ]
    if not standing:
        known = sorted({one for entry in entries.values() if entry.mlperf
                        for one in entry.mlperf.submission})  # fmt: skip
        raise InputError(
            f"no model here stands for the benchmark {benchmark}", f"known: {', '.join(known)}"
        )
    opened, model = min(standing)
    said = ["weights: theirs may be others"] if not opened else [f"model: {model} is no closed one"]
    lowered = theirs.lower().replace(" ", "")
    chosen = framework or next((name for name in BACKENDS if name in lowered), _DEFAULT)
    return model, chosen, said


def _unlike(told: Mapping[str, Any], tree_round: str) -> Iterator[str]:
    weights = str(told.get("weight_data_types", ""))
    ours = _NUMERICS.get(weights.lower(), weights)
    if ours and ours != DEFAULT_NUMERICS:
        yield f"numerics: theirs are {weights}; see --option of the framework for ours"
    if told.get("weight_transformations"):
        yield f"weights: {told['weight_transformations']}"
    if tree_round != CURRENT:
        yield f"round: theirs is {tree_round}, with other seeds; LoadGen here is of {CURRENT}"


def _rounds(parts: tuple[str, ...]) -> Iterator[str]:
    known = rounds()
    for part in reversed(parts):
        yield from (name for name in known if name in part)


def _measurements(folder: Path) -> Mapping[str, Any]:
    """What tells of weights: one file of a folder, which v4.1 names by the system."""
    found = (_mapping(path) for path in sorted(folder.glob("*.json")))
    return next((one for one in found if "weight_data_types" in one), {})


def _mapping(path: Path) -> Mapping[str, Any]:
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
