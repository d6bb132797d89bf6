"""Reading run directories of format 1, as LoadScope wrote them until 2026-11.

Their ``run.json`` held the plan with its paths, and had no identity.
"""

import json
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from loadscope.names import DEFAULT_NUMERICS

# Settings that were taken out of the project; what they said of a run is gone with them.
_GONE_FROM_SPEC = ("idle",)
_GONE_FROM_EXECUTION = ("idle_poll",)


def upgraded_run(old: dict[str, Any]) -> dict[str, Any]:
    """The content of ``run.json`` in today's form.

    Args:
        old: The content of a ``run.json`` of format 1.
    """
    new = {key: value for key, value in old.items() if key != "plan"}
    plan = old.get("plan") or {}
    artifact = plan.get("artifact") or {}
    inputs = dict.fromkeys(item["dtype"] for item in artifact.get("inputs", ()))
    model = {
        "task": plan.get("task", ""),
        "format": artifact.get("format", ""),
        "input_types": list(inputs),
        "numerics": DEFAULT_NUMERICS,
        **old["model"],
    }
    data = {key: value for key, value in old["data"].items() if key != "path"}
    new |= {
        "format": 2,
        "manifest": old.get("manifest"),
        "uid": str(_identity(old)),
        "round": old.get("round", "v6.1"),
        "spec": _without(old["spec"], _GONE_FROM_SPEC),
        "effective": _without(old["effective"], _GONE_FROM_EXECUTION),
        "model": model,
        "data": data,
        "state": {mode: _state(state) for mode, state in old.get("state", {}).items()},
    }
    return new


def upgraded_result(old: dict[str, Any], uid: str) -> dict[str, Any]:
    """The content of ``result.json`` in today's form, for the run of this identity."""
    new = {key: value for key, value in old.items() if key != "run_dir"}
    states = {mode: _state(state) for mode, state in old.get("state", {}).items()}
    return new | {"uid": uid, "state": states}


def upgraded_plan(old: dict[str, Any]) -> dict[str, Any] | None:
    """The content of ``plan.json``, out of a ``run.json`` of format 1."""
    plan = old.get("plan")
    if plan is None:
        return None
    plan = {"data": old["data"].get("path", ""), **plan}
    return {**plan, "execution": _without(plan["execution"], _GONE_FROM_EXECUTION)}


def _identity(old: dict[str, Any]) -> object:
    """The same for every copy of a run: what began when, by which command, on what."""
    told = [old.get("created"), old.get("command"), old["model"].get("sha256"), old["data"]]
    return uuid5(NAMESPACE_URL, json.dumps(told, sort_keys=True))


def _state(state: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in state.items() if value is not None}


def _without(values: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key not in names}
