"""Published results of MLPerf Inference: MLCommons' ``summary_results.json``, and trees of logs.

Figures, units, division and round are kept as they are printed. What an official system has is
never put into a series of ours.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from loadscope.errors import InputError
from loadscope.submission.rounds import CURRENT, load_round, rounds
from loadscope.suite.report.submission import is_submission, read_submission

SUMMARY_FILE = "summary_results.json"
# Keys of MLCommons' records, by the columns of the index.
_TEXTS = {
    "round": "version", "location": "Location", "submitter": "Submitter", "system": "System",
    "platform": "Platform", "division": "Category", "category": "Suite",
    "availability": "Availability", "benchmark": "Model", "scenario": "Scenario",
    "processor": "Processor", "accelerator": "Accelerator", "software": "Software",
    "accuracy": "Accuracy", "unit": "Performance_Units", "power_unit": "Power_Units",
    "numerics": "weight_data_types", "url": "Details",
}  # fmt: skip
_NUMBERS = {
    "processors": "host_processors_per_node", "cores": "host_processor_core_count",
    "accelerators": "a#", "nodes": "Nodes", "value": "Performance_Result", "power": "Power_Result",
}  # fmt: skip
_NEEDED = ("Location", "Submitter", "Model", "Scenario", "Performance_Result")
_ROUND = re.compile(r"v\d+\.\d+")

Record = dict[str, Any]
"""The columns of ``official`` but ``source``."""


def is_published(path: Path) -> bool:
    """Whether a path holds published results: MLCommons' summary, or a tree of a submission."""
    if path.is_file():
        return path.suffix == ".json"
    return (path / SUMMARY_FILE).is_file() or is_submission(path)


def official_records(path: Path, named: str = "") -> list[Record]:
    """Read published results.

    Args:
        path: MLCommons' summary, a checkout that has it, or a tree of logs.
        named: The round of a tree; empty to take it from the folder's name.

    Raises:
        InputError: It is neither, or the round is unknown.
    """
    summary = path if path.is_file() else path / SUMMARY_FILE
    records = list(_summary(summary) if summary.is_file() else _tree(path, named))
    # A location has several figures: of speed, of power, of tokens. One that comes again is one.
    return list({(one["round"], one["location"], one["unit"]): one for one in records}.values())


def _summary(path: Path) -> Iterator[Record]:
    try:
        told = json.loads(path.read_bytes())
    except OSError as error:
        raise InputError(f"cannot read {path}: {error.strerror}", "check its rights") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not JSON: {error}", "get it again") from error
    if not isinstance(told, list) or not told:
        raise InputError(f"{path}: expected a list of results", f"give MLCommons' {SUMMARY_FILE}")
    for number, one in enumerate(told):
        missing = [key for key in _NEEDED if not isinstance(one, dict) or key not in one]
        if missing:
            raise InputError(
                f"{path}: result {number + 1}: {missing[0]} not found",
                f"give MLCommons' {SUMMARY_FILE}",
            )
        yield _printed(one)


def _printed(one: Mapping[str, Any]) -> Record:
    texts = {column: _text(one.get(key)) for column, key in _TEXTS.items()}
    numbers = {column: _number(one.get(key)) for column, key in _NUMBERS.items()}
    return {**texts, **numbers, "inferred": int(bool(_number(one.get("inferred"))))}


def _tree(root: Path, named: str) -> Iterator[Record]:
    name = named or next(iter(_ROUND.findall(root.name)), "")
    rules = load_round(name if name in rounds() else CURRENT)
    for one in read_submission(root, rules):
        described = _described(root / one.division / one.submitter / "systems", one.system)
        location = "/".join(
            (one.division, one.submitter, "results", one.system, one.benchmark, one.scenario)
        )
        yield {
            "round": name,
            "location": location,
            "submitter": one.submitter,
            "system": _text(described.get("system_name")) or one.system,
            "platform": one.system,
            "division": one.division,
            "category": _text(described.get("system_type")),
            "availability": _text(described.get("status")),
            "benchmark": one.model,
            "scenario": one.scenario,
            "processor": _text(described.get("host_processor_model_name")),
            "processors": _number(described.get("host_processors_per_node")),
            "cores": _number(described.get("host_processor_core_count")),
            "accelerator": _text(described.get("accelerator_model_name")),
            "accelerators": _number(described.get("accelerators_per_node")),
            "nodes": _number(described.get("number_of_nodes")),
            "software": _text(described.get("framework")),
            "accuracy": "" if one.accuracy is None else f"{one.metric}: {one.accuracy:g}",
            "value": one.value,
            "unit": one.unit,
            "power": None,
            "power_unit": "",
            "inferred": int(bool(one.inferred)),
            "numerics": _weights(root, location),
            "url": "",
        }


def _described(folder: Path, system: str) -> Mapping[str, Any]:
    return _mapping(folder / f"{system}.json")


def _weights(root: Path, location: str) -> str:
    # v4.1 has them apart, and names the file by the system.
    apart = root / location.replace("/results/", "/measurements/", 1)
    files = [root / location / "measurements.json", *sorted(apart.glob("*.json"))]
    found = (_text(_mapping(path).get("weight_data_types")) for path in files)
    return next(filter(None, found), "")


def _mapping(path: Path) -> Mapping[str, Any]:
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return "" if value is None or isinstance(value, (dict, list)) else str(value).strip()


def _number(value: Any) -> float | None:
    """A number, which MLCommons writes as text now and then: ``"64"``, ``"N/A"``."""
    try:
        return None if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        return None
