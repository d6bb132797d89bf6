"""The parts that damages of a submission tree are written with."""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loadscope.submission.rounds import load_round

CLOSED = "closed/Acme"
BOX = f"{CLOSED}/results/box"
SINGLE = f"{BOX}/resnet/SingleStream"
OFFLINE = f"{BOX}/resnet/Offline"
MULTI = f"{BOX}/resnet/MultiStream"
SERVER = f"{CLOSED}/results/box/resnet/Server"
OPEN = "open/Acme/results/box/my-model/Offline"
SYSTEM, OPEN_SYSTEM = f"{CLOSED}/systems/box.json", "open/Acme/systems/box.json"
RUN = "performance/run_1"
DETAIL, SUMMARY = "mlperf_log_detail.txt", "mlperf_log_summary.txt"
LOG = "mlperf_log_accuracy.json"
PERFORMANCE = f"{SINGLE}/{RUN}/{DETAIL}"
ACCURACY_TXT = f"{SINGLE}/accuracy/accuracy.txt"
BOM = b"\xef\xbb\xbf"
MAPPING = "open/Acme/model_mapping.json"
HASH = "hash=" + "0" * 64


@dataclass(frozen=True)
class Damage:
    """One way: ``do`` gets the tree's folder."""

    name: str
    rule: str
    do: Callable[[Path], Any]
    severity: str = "error"


def remove(path: str):
    def do(root: Path):
        target = root / path
        shutil.rmtree(target) if target.is_dir() else target.unlink()

    return do


def write(path: str, content: str | bytes = ""):
    def do(root: Path):
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content if isinstance(content, bytes) else content.encode())

    return do


def rename(path: str, name: str):
    return lambda root: (root / path).rename((root / path).with_name(name))


def move(path: str, to: str):
    return lambda root: shutil.move(root / path, root / to)


def copy(path: str, to: str):
    return lambda root: shutil.copytree(root / path, root / to)


def replace(path: str, old: str, new: str):
    def do(root: Path):
        text = (root / path).read_text()
        assert old in text
        (root / path).write_text(text.replace(old, new))

    return do


def cut(path: str, size: int):
    return lambda root: os.truncate(root / path, size)


def link(path: str, to: str):
    def do(root: Path):
        target = root / path
        if target.exists():
            target.unlink()
        target.symlink_to(to)

    return do


def fields(path: str, **values):
    """Set keys of a JSON object; None removes one."""

    def do(root: Path):
        content = json.loads((root / path).read_text()) | values
        kept = {key: value for key, value in content.items() if value is not None}
        (root / path).write_text(json.dumps(kept))

    return do


def logged(path: str, **values):
    """Set values in a detail log; None removes the entry."""

    def do(root: Path):
        lines = []
        for line in (root / path).read_text().splitlines():
            entry = json.loads(line.removeprefix(":::MLLOG "))
            if entry["key"] in values:
                if values[entry["key"]] is None:
                    continue
                entry["value"] = values[entry["key"]]
            lines.append(f":::MLLOG {json.dumps(entry)}\n")
        (root / path).write_text("".join(lines))

    return do


def with_error(path: str):
    def do(root: Path):
        entry = {"key": "error_runtime", "value": "too late", "metadata": {"is_error": True}}
        with (root / path).open("a") as file:
            file.write(f":::MLLOG {json.dumps(entry)}\n")

    return do


def again(path: str, key: str, value: Any):
    def do(root: Path):
        entry = {"key": key, "value": value, "metadata": {"is_error": False}}
        with (root / path).open("a") as file:
            file.write(f":::MLLOG {json.dumps(entry)}\n")

    return do


def both(*steps: Callable[[Path], Any]):
    def do(root: Path):
        for step in steps:
            step(root)

    return do


def sparse(path: str, size: int):
    def do(root: Path):
        with (root / path).open("wb") as file:
            file.truncate(size)

    return do


def fails_test01(baseline: str, compliance: str):
    folder = f"{SINGLE}/TEST01"
    return both(
        write(f"{folder}/verify_accuracy.txt", "TEST FAIL\n"),
        write(f"{folder}/accuracy/baseline_accuracy.txt", baseline),
        write(f"{folder}/accuracy/compliance_accuracy.txt", compliance),
    )


def line(path: str, key: str, change: Callable[[str], str]):
    """Change the line of a detail log that holds a key."""

    def do(root: Path):
        lines = (root / path).read_text().split("\n")
        at = next(place for place, text in enumerate(lines) if f'"{key}"' in text)
        lines[at] = change(lines[at])
        (root / path).write_bytes("\n".join(lines).encode())

    return do


def first(path: str, key: str, value: Any):
    """Log a value before every other."""

    def do(root: Path):
        entry = {"key": key, "value": value, "metadata": {"is_error": False}}
        text = (root / path).read_text()
        (root / path).write_text(f":::MLLOG {json.dumps(entry)}\n{text}")

    return do


def inferred(source: str, target: str):
    """Give a scenario the result of another one, and make the system an edge one without Server."""
    return both(
        remove(target), copy(source, target), remove(SERVER), fields(SYSTEM, system_type="edge")
    )


def old_layout(root: Path, submitter: str):
    """Move what lies with results to where rounds up to v5.1 have it."""
    (root / submitter / "src").rename(root / submitter / "code")
    for result in sorted((root / submitter / "results").glob("*/*/*")):
        place = result.relative_to(root / submitter / "results")
        described = root / submitter / "measurements" / place
        described.mkdir(parents=True)
        for name in ("user.conf", "README.md"):
            (result / name).rename(described / name)
        system = place.parts[0]
        (result / "measurements.json").rename(described / f"{system}_{place.name}.json")
        for test in result.glob("TEST*"):
            verified = root / submitter / "compliance" / place / test.name
            verified.parent.mkdir(parents=True, exist_ok=True)
            test.rename(verified)


def networked(**values):
    """Make the closed division's results those of the network division, with these fields."""

    def do(root: Path):
        (root / "closed").rename(root / "network")
        told = dict.fromkeys(load_round().submission.network_fields, "N/A") | {"is_network": "true"}
        told |= {"division": "network", **values}
        fields(SYSTEM.replace("closed", "network"), **told)(root)
        for log in (root / "network").rglob(DETAIL):
            logged(str(log.relative_to(root)), sut_name="Network SUT box")(root)

    return do


def open_networked(**values):
    """Have the open division's system reached by a network, with these fields."""

    def do(root: Path):
        told = dict.fromkeys(load_round().submission.network_fields, "N/A") | {"is_network": "true"}
        fields(OPEN_SYSTEM, **(told | values))(root)
        for log in (root / "open").rglob(DETAIL):
            logged(str(log.relative_to(root)), sut_name="Network SUT box")(root)

    return do


def rewrite(pattern: bytes, new: bytes, result: str):
    """Replace every match in a result's accuracy log."""

    def do(root: Path):
        log = root / result / "accuracy" / LOG
        changed, count = re.subn(pattern, new, log.read_bytes())
        assert count
        log.write_bytes(changed)

    return do


def whole_log(root: Path, samples: int):
    """Put a log of so few answers that it is not truncated, with its hash."""
    answers = [{"seq_id": one, "qsl_idx": one, "data": "00000000"} for one in range(samples)]
    log = json.dumps(answers).encode()
    (root / SINGLE / "accuracy" / LOG).write_bytes(log)
    digest = hashlib.sha256(log).hexdigest()
    (root / ACCURACY_TXT).write_text(f"accuracy=76.456%\nhash={digest}\n")
