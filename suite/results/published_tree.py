"""Published results read from a tree of a round's repository: logs, systems, measurements.

MLCommons prints a result's figure in a unit of the benchmark's, not in LoadGen's: tokens a second
where LoadGen counted tokens. The rules are those by which the figures of ``summary_results.json``
(v4.1 to v6.0) follow from the logs of the same rounds.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from loadscope.names import Scenario
from loadscope.submission.check.files import Files
from loadscope.submission.check.subjects import METRICS, Result, Tree
from loadscope.submission.rounds import CURRENT, load_round, rounds
from loadscope.suite.report.submission import judged_figure
from loadscope.suite.results.official_record import Record, number, text

_ROUND = re.compile(r"v\d+\.\d+")
_SERVER_LIKE = {"Interactive": Scenario.SERVER}
"""LoadGen's scenario of those that are only a benchmark's settings of it."""
# LoadGen's keys of a rate in tokens, which it counts where a sample has any number of them; those
# of v4.1 and before infer it from a fixed length.
_TOKENS = {
    Scenario.OFFLINE: ("result_tokens_per_second", "result_inferred_tokens_per_second"),
    Scenario.SERVER: (
        "result_completed_tokens_per_second",
        "result_inferred_completed_tokens_per_second",
    ),
}
_TOKEN_LATENCIES = "requested_use_token_latencies"
_WHOLE_LATENCY = "result_90.00_percentile_latency_ns"
"""Of SingleStream with tokens, for early stopping looks at the first token there."""
_UNITS = {
    Scenario.SINGLE_STREAM: "Latency (ms)",
    Scenario.MULTI_STREAM: "Latency (ms)",
    Scenario.OFFLINE: "Samples/s",
    Scenario.SERVER: "Queries/s",
}
_IN_SECONDS = ("wan-2.2-t2v-a14b",)
_TOKENS_AS_SAMPLES = ("whisper",)

# By the beginning of a benchmark's name: what MLCommons prints of its accuracy, in this order.
_SCORES = {
    "resnet": ("acc",), "rgat": ("acc",), "retinanet": ("mAP",), "yolo": ("mAP",),
    "pointpainting": ("mAP",), "bert": ("F1",), "3d-unet": ("DICE",), "dlrm-v2": ("AUC",),
    "whisper": ("ACCURACY",), "stable-diffusion-xl": ("CLIP_SCORE", "FID_SCORE"),
    "llama2-70b": ("ROUGE1", "ROUGE2", "ROUGEL", "TOKENS_PER_SAMPLE"),
    "llama3.1-405b": ("ROUGEL", "exact_match", "TOKENS_PER_SAMPLE"),
    "llama3.1-8b": ("ROUGE1", "ROUGE2", "ROUGEL", "ROUGELSUM", "GEN_LEN"),
    "gptj": ("ROUGE1", "ROUGE2", "ROUGEL", "GEN_LEN"),
    "mixtral-8x7b": ("ROUGE1", "ROUGE2", "ROUGEL", "TOKENS_PER_SAMPLE", "gsm8k_accuracy",
                     "mbxp_accuracy"),
    "deepseek-r1": ("exact_match", "TOKENS_PER_SAMPLE"), "gpt-oss": ("exact_match",),
    "qwen3-vl": ("F1_HIERARCHICAL",), "dlrm-v3": ("DLRM_ACC", "DLRM_AUC"),
}  # fmt: skip
_PATTERNS = {
    "acc": r"accuracy=\s*([\d.]+)",
    "ACCURACY": r"accuracy=\s*([\d.]+)",
    "mAP": r"mAP=\s*([\d.]+)",
    "AUC": r"AUC=\s*([\d.]+)",
    "DICE": r"mean =\s*([\d.]+)",
    "gsm8k_accuracy": r"'gsm8k':\s*([\d.]+)",
    "mbxp_accuracy": r"'mbxp':\s*([\d.]+)",
    "DLRM_ACC": r"lifetime_accuracy/\w+:\s*([\d.]+)",
    "DLRM_AUC": r"lifetime_gauc/\w+:\s*([\d.]+)",
    "F1_HIERARCHICAL": r"\"f1\":\s*([\d.]+)",
}
"""Where it stands in ``accuracy.txt``; of any other name in a mapping, under that name."""


def round_of(root: Path, named: str = "") -> str:
    """The round of a tree: the one named, else that of the folder's name; empty if none."""
    return named or next(iter(_ROUND.findall(root.name)), "")


def tree_records(root: Path, named: str) -> Iterator[Record]:
    """Read the results of a tree.

    Args:
        root: The folder that has ``closed/`` or ``open/``.
        named: The round; empty to take it from the folder's name.
    """
    name = round_of(root, named)
    rules = load_round(name if name in rounds() else CURRENT)
    for submitter in Tree(Files.walk(root), rules).submitters:
        for system in submitter.systems:
            for benchmark in system.benchmarks:
                for result in benchmark.results:
                    yield _record(result, name)


def _record(result: Result, name: str) -> Record:
    benchmark, system = result.benchmark, result.benchmark.system
    described = system.described[0] or {}
    value, unit, inferred = _figure(result)
    accelerators = number(described.get("accelerators_per_node"))
    return {
        "round": name,
        "location": _shown(result.path),
        "submitter": _shown(system.submitter.name),
        "system": text(described.get("system_name")) or _shown(system.name),
        "platform": _shown(system.name),
        "division": result.division,
        "category": text(described.get("system_type")),
        "availability": text(described.get("status")),
        "benchmark": _shown(benchmark.name),
        "scenario": _shown(result.scenario),
        "processor": text(described.get("host_processor_model_name")),
        "processors": number(described.get("host_processors_per_node")),
        "cores": number(described.get("host_processor_core_count")),
        "accelerator": text(described.get("accelerator_model_name")) if accelerators else "",
        "accelerators": accelerators or None,
        "nodes": number(described.get("number_of_nodes")),
        "software": text(described.get("framework")),
        "accuracy": _accuracy(result),
        "value": value,
        "unit": unit,
        "power": None,
        "power_unit": "",
        "inferred": int(inferred),
        "numerics": _weights(result),
        "url": "",
    }


def _shown(name: str) -> str:
    """A name whole; file systems take bytes that are no letters."""
    return name.encode(errors="replace").decode()


def _figure(result: Result) -> tuple[float | None, str, bool]:
    """The figure as MLCommons prints it, its unit, and whether another scenario was run."""
    log, benchmark = result.performance.log, result.benchmark.name
    asked = _SERVER_LIKE.get(result.scenario)
    if asked is None and result.scenario in set(Scenario):
        asked = Scenario(result.scenario)
    ran = result.performance.scenario
    unit = _UNITS[asked] if asked else ""
    if asked is None or ran is None:
        return None, unit, False
    if asked != ran:
        return judged_figure(result, ran), unit, True
    tokens = next(filter(None, map(log.number, _TOKENS.get(ran, ()))), None)
    if tokens:
        return tokens, unit if benchmark in _TOKENS_AS_SAMPLES else "Tokens/s", False
    value = log.number(METRICS[ran])
    if ran is Scenario.SINGLE_STREAM and log.values.get(_TOKEN_LATENCIES):
        value = log.number(_WHOLE_LATENCY)
    if value is not None and ran.inline:
        seconds = benchmark in _IN_SECONDS
        return value / (1e9 if seconds else 1e6), "Latency (s)" if seconds else unit, False
    return value, unit, False


def _accuracy(result: Result) -> str:
    names = next(
        (names for start, names in _SCORES.items() if result.benchmark.name.startswith(start)), ()
    )
    content = result.files.text(f"{result.path}/accuracy/accuracy.txt").content if names else ""
    said = []
    for name in names:
        pattern = _PATTERNS.get(name, rf"['\"](?i:{name})['\"]:\s*['\"]?([\d.]+)")
        # A script that was run again has written its last word last.
        found = re.findall(pattern, content)
        said += [f"{name}: {found[-1]}"] if found else []
    return "  ".join(said)


def _weights(result: Result) -> str:
    # Some submitters name the file by the scenario, or in other letters.
    folder = result.files.root / result.descriptions
    told = (
        result.files.mapping(result.measurements)[0],
        *map(_mapping, sorted(folder.glob("*.json"))),
    )
    return next(filter(None, (text((one or {}).get("weight_data_types")) for one in told)), "")


def _mapping(path: Path) -> Mapping[str, Any]:
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
