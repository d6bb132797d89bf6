"""A submission from the emulated machine: packaged there, scored and checked on both."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from loadscope.files import write_json
from loadscope.submission.rounds import CURRENT, load_round
from loadscope.tools.arch.checks import CheckRow
from loadscope.tools.arch.inside import LANE, Done, Inside, loadscope_here

_SECONDS = 300
_SUBMITTER, _SYSTEM = "LoadScope", "emulated"
# What the fields that may not be left to the default say of a machine that is not one.
_FIELDS = {"status": "rdi", "system_name": "an emulated machine", "system_type": "edge"}
# The rules of check that a run below full length breaks, and a tree of another fault does not.
_LENGTHS = {
    "test.sample-count",
    "test.min-duration",
    "test.real-duration",
    "test.query-count",
    "accuracy.data-set",
}


def submission_rows(inside: Inside, run: str, manifest: Path, data: Path) -> Iterator[CheckRow]:
    """Package a run there; score it and check its tree here.

    The tree is a rehearsal: what ``check`` must find in it are the lengths that the run's own
    record names, and nothing else.

    Args:
        inside: The emulated machine.
        run: Name of the run directory in the lane.
        manifest: The run's manifest, here.
        data: The run's data set, here.
    """
    write_json(inside.folder / f"{_SYSTEM}.json", _system())
    there = inside.architecture.debian
    title = f"a submission packaged on {there}"
    arguments = ["submit", "--rehearsal", "--division", "open", "--submitter", _SUBMITTER]
    arguments += ["--runs", str(LANE / run), "--system", str(LANE / f"{_SYSTEM}.json")]
    done = inside.loadscope(title, [*arguments, "--output", str(LANE / "tree"), "--json"], _SECONDS)
    packaged = done.json()
    if done.status or packaged is None:
        yield CheckRow(title, False, done.failure(), done.seconds)
        return
    checked = inside.loadscope("check", ["check", str(LANE / "tree"), "--json"], _SECONDS)
    yield CheckRow(
        title,
        bool(packaged["results"]) and checked.json() is not None,
        f"{len(packaged['results'])} result, {len(_findings(checked))} findings of check there",
        done.seconds + checked.seconds,
    )
    yield _scored_here(inside, run, manifest, data)
    yield _checked_here(inside, run, checked)


def _scored_here(inside: Inside, run: str, manifest: Path, data: Path) -> CheckRow:
    """Scoring rewrites the score, so that it is done on a copy."""
    title = "that submission's accuracy scored on x86-64"
    copy = inside.folder / f"{run}-scored-here"
    shutil.copytree(inside.folder / run, copy)
    (line,) = (inside.folder / "tree").rglob("accuracy/accuracy.txt")
    packaged = line.read_text("utf-8").splitlines()[0]
    there = json.loads((copy / "accuracy/score.json").read_text("utf-8"))
    for name in ("score.json", "accuracy.txt"):
        (copy / "accuracy" / name).unlink()
    arguments = ["accuracy", str(copy), "--dataset-path", str(data), "--models", str(manifest)]
    done = loadscope_here([*arguments, "--json"])
    here = done.json()
    if here is None:
        return CheckRow(title, False, done.failure(), done.seconds)
    again = (copy / "accuracy/accuracy.txt").read_text("utf-8").strip()
    detail = (
        f"{here['metric']} {here['value']:.2f} %, on {inside.architecture.debian} "
        f"{there['value']:.2f} %; the tree says {packaged}"
    )
    return CheckRow(title, here == there and again == packaged, detail, done.seconds)


def _checked_here(inside: Inside, run: str, there: Done) -> CheckRow:
    title = "that submission checked on x86-64"
    here = loadscope_here(["check", str(inside.folder / "tree"), "--json"])
    record = json.loads((inside.folder / run / "run.json").read_text("utf-8"))
    short = {finding["rule"] for finding in _findings(here)}
    detail = (
        f"the same {len(_findings(here))} findings as on {inside.architecture.debian}: "
        f"{', '.join(sorted(short))}; of the "
        f"rehearsal: {'; '.join(record['rehearsal'])}"
    )
    same = here.json() is not None and _findings(here) == _findings(there)
    return CheckRow(
        title, same and short <= _LENGTHS, detail if same else here.failure(), here.seconds
    )


def _findings(done: Done) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (done.json() or {}).get("findings", [])
    return found


def _system() -> dict[str, str]:
    """A system description of the lane; every field that is no choice says that it is emulated."""
    fields = load_round(CURRENT).submission.system_fields
    filled = {
        name: "0" if rule.whole_number else "emulated"
        for name, rule in fields.items()
        if not rule.may_be_empty and name not in ("division", "submitter")
    }
    return {**filled, "number_of_nodes": "1", **_FIELDS}
