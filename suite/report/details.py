"""Settings and provenance of a run as rows of names and values."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from loadscope.quantities import number
from loadscope.rundir.record import LayoutRecord
from loadscope.suite.report.batches import Completion
from loadscope.suite.run.view import RunView


@dataclass(frozen=True)
class Group:
    """A heading and its rows of name and value."""

    heading: str
    rows: tuple[tuple[str, str], ...]


def run_details(run: RunView, completion: Completion | None) -> list[Group]:
    """List everything that is needed to judge and repeat ``run``; empty groups are left out."""
    model = {
        "id": run.model.id,
        "sha256": run.model.sha256,
        "files": run.model.files if len(run.model.files or {}) > 1 else {},
        "checksum": "unverified" if run.model.verified is False else None,
        "source": run.model.source,
        "licence": run.model.licence,
        "device": run.model.device,
        "numerics": run.model.numerics,
        "options": run.model.options,
        "accuracy meaningful": run.model.accuracy_meaningful,
    }
    origin = {"created": run.created, "run directory": str(run.path), "command": run.command}
    groups: dict[str, Mapping[str, Any]] = {
        "Origin": origin,
        **{
            f"{mode.capitalize()} test": state.model_dump(mode="json", exclude_defaults=True)
            for mode, state in run.states.items()
        },
        "Settings as asked (times in ms)": run.spec.model_dump(mode="json"),
        "Settings in effect": run.effective.model_dump(mode="json"),
        "Layout": _layout(run.layout),
        "Batches": _batches(completion),
        "Model": model,
        "Data": run.data.model_dump(mode="json"),
        "Versions": run.versions,
        "Host": run.host.model_dump(mode="json"),
    }
    return [
        Group(heading, rows) for heading, tree in groups.items() if (rows := tuple(_flat(tree)))
    ]


def _layout(found: LayoutRecord | None) -> dict[str, Any]:
    if found is None:
        return {}
    told = found.model_dump(mode="json", exclude={"candidates"}, exclude_defaults=True)
    measured = sum(one.figure is not None for one in found.candidates)
    return {**told, "candidates measured": measured or None}


def _batches(completion: Completion | None) -> dict[str, str]:
    if completion is None:
        return {}
    return {
        "count": f"{completion.batches:,}",
        "samples, mean": number(completion.samples / completion.batches),
        "samples, largest": f"{completion.largest:,}",
        "workers": str(completion.workers),
        "time in the backend": f"{100 * completion.busy:.1f} %",
    }


def _flat(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for name, value in tree.items():
        path = f"{prefix}{name}"
        if isinstance(value, Mapping):
            yield from _flat(value, f"{path}.")
        elif value is not None and value not in ([], ()):
            yield path, _plain(value)


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ", ".join(_plain(item) for item in value)
    return str(value)
