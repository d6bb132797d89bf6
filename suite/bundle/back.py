"""Results on the way back: run directories as an archive, without what is not to leave."""

import json
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from loadscope.datasets.task import Progress
from loadscope.errors import InputError
from loadscope.rundir.directory import PLAN_FILE, RUN_FILE, RunDirectory
from loadscope.rundir.find import find_runs
from loadscope.suite.bundle.make import pack
from loadscope.sums import write_sums

_HOST_KEPT = ("machine", "byte_order", "physical_cores", "logical_cores", "memory_bytes")
"""What of a machine's description is agreed upon: what every published result says of its system,
and nothing that tells one machine from its like."""
_WORDS = ("process.log", "error.json", PLAN_FILE, "progress.json", ".lock", "cancel")
"""Files of use on the machine alone, or with its paths in them."""


def pack_results(
    paths: Iterable[Path], output: Path, without_machine: bool, progress: Progress
) -> int:
    """Write run directories as an archive that ``loadscope results add`` takes.

    No weights are in it: a run directory has the digests of a model's files, and what this leaves
    out besides is the manifest's paths.

    Args:
        paths: Run directories, or folders of them.
        output: The archive, ``.tar.gz``; it must not be there.
        without_machine: Whether descriptions of machines are reduced to the agreed fields.
        progress: Told of long work.

    Returns:
        How many runs there are.

    Raises:
        InputError: There is no run, or the archive is there already.
    """
    if output.exists():
        raise InputError(f"{output} is there already", "choose another --output")
    runs = sorted(find_runs(paths))
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output.parent, prefix=f".{output.name}.") as scratch:
        folder = Path(scratch)
        for run in runs:
            # Two folders of runs may have one name in both.
            record = RunDirectory(run).read()
            target = folder / f"{run.resolve().name}-{str(record.uid)[:8]}"
            shutil.copytree(run, target, ignore=shutil.ignore_patterns(*_WORDS), symlinks=True)
            if without_machine:
                _reduce(target / RUN_FILE)
        write_sums(folder)
        pack(folder, output, progress, compress=True)
    return len(runs)


def _reduce(path: Path) -> None:
    told = json.loads(path.read_text(encoding="utf-8"))
    told["host"] = _kept(told["host"])
    if told.get("remote"):
        told["remote"]["loadgen_host"] = _kept(told["remote"]["loadgen_host"])
        told["remote"] |= {"url": "http://sut", "name": "Network SUT"}
    told["command"] = ""
    for part in ("spec", "model", "manifest"):
        told[part] = _without_folders(told.get(part))
    path.write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def _kept(host: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in host.items() if name in _HOST_KEPT}


def _without_folders(value: Any) -> Any:
    """The same with paths of the machine cut down to their last name."""
    if isinstance(value, dict):
        return {name: _without_folders(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_without_folders(each) for each in value]
    if isinstance(value, str):
        before, slash, _ = value.partition("/")
        if slash and (before in ("", "file:") or before.endswith("=")):
            return f"{before}{value.rpartition('/')[2]}"
    return value
