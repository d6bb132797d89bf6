"""What a run is a result of: digests of its configuration, system, environment and build.

A digest is that of canonical JSON: keys sorted, no blanks, what has its default left out, so that
a further setting changes no digest of runs that do not use it. It names its recipe, which changes
whenever the same run would get another digest.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from loadscope.names import Scenario
from loadscope.rundir.record import RunRecord
from loadscope.rundir.remote_record import RemoteRecord

_LETTERS = 20
CONFIG, SYSTEM, ENVIRONMENT, BUILD = "config/1", "system/1", "environment/1", "build/1"
_OLD = "-without-identity"
"""Behind the recipe of runs that were made before all that it takes was recorded."""

# Of a spec: what stands elsewhere in the record as it was in force, where files lay, and what tells
# how often or how exactly to measure, not what.
_NOT_CONFIGURATION = {
    "model", "framework", "scenario", "mode", "dataset_path", "count", "models", "user_conf",
    "repeat", "target_qps", "expected_latency", "batch_size", "workers", "threads", "instances",
    "max_wait", "options", "device", "layout", "layout_seconds", "sut",
}  # fmt: skip


@dataclass(frozen=True)
class Digest:
    """A digest and what it was made of.

    Attributes:
        recipe: How.
        facts: Of what, by name.
    """

    recipe: str
    facts: Mapping[str, Any]

    @property
    def value(self) -> str:
        """The digest: 20 hexadecimal letters."""
        return hashlib.sha256(f"{self.recipe}\n{self.json}".encode()).hexdigest()[:_LETTERS]

    @property
    def json(self) -> str:
        """The facts as canonical JSON."""
        return json.dumps(self.facts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def config(run: RunRecord) -> Digest:
    """What was measured, and how: two runs of one configuration on one system are repeats."""
    spec, model = run.spec, run.model
    asked = spec.model_dump(mode="json", exclude_defaults=True, exclude=_NOT_CONFIGURATION)
    facts = {
        **{name: value for name, value in asked.items() if value is not None},
        "round": run.round,
        "task": model.task,
        "model": model.id,
        "model_sha256": model.sha256,
        "numerics": model.numerics,
        "device": model.device,
        "options": dict(model.options),
        "framework": spec.framework,
        "scenario": str(run.scenario),
        "data_digest": run.data.digest,
        "samples": run.data.samples,
        "execution": run.effective.model_dump(mode="json", exclude_defaults=True),
        "target_qps": _rate(run),
        "rehearsal": bool(run.rehearsal),
        "traced": run.traced,
        "network": None if run.remote is None else _network(run.remote),
    }
    return Digest(CONFIG, {name: value for name, value in facts.items() if value not in (None, {})})


def _network(remote: RemoteRecord) -> dict[str, Any]:
    """The way to a SUT that is elsewhere, which moves latencies, and which LoadGen was there."""
    host = remote.loadgen_host
    return {
        "protocol": remote.protocol,
        "secure": remote.secure,
        "loadgen": [host.machine, host.processor, host.physical_cores],
    }


def _rate(run: RunRecord) -> float | str | None:
    """Server's rate: what was asked for, or how it came about; a latency is one at a rate."""
    if run.scenario is not Scenario.SERVER:
        return None
    return "found" if run.rate_search is not None else run.spec.target_qps or "calibrated"


def system(run: RunRecord) -> Digest:
    """What it ran on: all that moves speed, and nothing that drifts."""
    host = run.host
    facts: dict[str, Any] = {
        "machine": host.machine,
        "processor": host.processor,
        "physical_cores": host.physical_cores,
        "logical_cores": host.logical_cores,
        # The kernel keeps some of it, another part from version to version.
        "memory_gib": None if host.memory_bytes is None else round(host.memory_bytes / 2**30),
    }
    if host.devices:
        # A driver may be updated: it is a part of the software.
        facts["devices"] = [one.model_dump(exclude={"driver"}) for one in host.devices]
    if host.identity is None:
        return Digest(SYSTEM + _OLD, facts)
    told = host.identity.model_dump(mode="json", exclude={"hostname"})
    facts["usable_cores"] = list(host.usable_cores)
    return Digest(SYSTEM, {**facts, **told})


def environment(run: RunRecord) -> Digest:
    """What the system ran: kernel, drivers, and variables that change how frameworks compute."""
    facts: dict[str, Any] = {"system": run.host.system, "variables": run.host.environment}
    drivers = {one.name: one.driver for one in run.host.devices if one.driver}
    return Digest(ENVIRONMENT, facts | ({"drivers": drivers} if drivers else {}))


def build(run: RunRecord) -> Digest:
    """The versions of everything that took part."""
    return Digest(BUILD, dict(sorted(run.versions.items())))
