"""Published results of MLPerf Inference: MLCommons' ``summary_results.json``, and trees of logs.

Figures, units, division and round are kept as they are printed. What an official system has is
never put into a series of ours.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from loadscope.errors import InputError
from loadscope.suite.report.submission import is_submission
from loadscope.suite.results.official_record import Record, number, text
from loadscope.suite.results.published_tree import tree_records

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
_RUN = "/performance/run_1"
"""What v6.0 has behind the folder of a result, where other rounds name the folder alone."""


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
    records = list(_summary(summary) if summary.is_file() else tree_records(path, named))
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
    for place, one in enumerate(told, 1):
        missing = [key for key in _NEEDED if not isinstance(one, dict) or key not in one]
        if missing:
            raise InputError(
                f"{path}: result {place}: {missing[0]} not found",
                f"give MLCommons' {SUMMARY_FILE}",
            )
        yield _printed(one)


def _printed(one: Mapping[str, Any]) -> Record:
    texts = {column: text(one.get(key)) for column, key in _TEXTS.items()}
    numbers = {column: number(one.get(key)) for column, key in _NUMBERS.items()}
    texts["location"] = texts["location"].removeprefix("./").removesuffix(_RUN)
    return {**texts, **numbers, "inferred": int(bool(number(one.get("inferred"))))}
