"""Find how a model's work is best spread, where the test runs, the first time it comes there."""

from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path

from loadscope.cores import allowed_cores
from loadscope.paths import cache_root
from loadscope.rundir.directory import RunDirectory
from loadscope.rundir.layout_record import LayoutRecord
from loadscope.rundir.record import RunRecord
from loadscope.scenarios.execution import Execution
from loadscope.scenarios.layouts import candidates, described
from loadscope.suite.run.layout_cache import (
    LayoutFile,
    as_layout,
    keep_layout,
    kept_layout,
    layout_key,
    layout_path,
)
from loadscope.suite.run.layout_search import Look, search_layout
from loadscope.suite.run.process_plan import LayoutSearch, ProcessPlan


def settle(run_dir: Path, look: Look) -> None:
    """Have the plan of a run say what is in effect, before the first test.

    Args:
        run_dir: The run directory; ``plan.json`` is replaced.
        look: See ``Look``.
    """
    run = RunDirectory(run_dir)
    plan = ProcessPlan.of(run)
    if plan.search is not None:
        run.write_plan(with_layout(plan, run.read(), look).model_dump_json(indent=2))


def with_layout(plan: ProcessPlan, record: RunRecord, look: Look) -> ProcessPlan:
    """The plan with a layout: a kept one, or the best of those that fit into the time.

    Args:
        plan: A plan, with or without a search.
        record: Of the run, with what the layout depends on.
        look: See ``Look``.
    """
    asked = plan.search
    if asked is None:
        return plan
    cores, rule = allowed_cores(), plan.execution
    found = candidates(plan.scenario, cores, rule, asked.given, asked.limits)
    if len(found) == 1:
        return _settled(plan, rule, _only(asked))
    key = layout_key(record, plan, asked, cores, found)
    path = layout_path(cache_root(), key)
    kept = None if asked.fresh else kept_layout(path)
    if kept is not None and kept.record is not None:
        values = {name: value for name, value in kept.layout if value is not None}
        told = kept.record.model_copy(update={"origin": "kept", "name": path.stem})
        return _settled(plan, replace(rule, **values), told, kept.known)
    if not asked.seconds:
        why = "none is kept from before, and none was looked for"
        return _settled(plan, rule, LayoutRecord(origin="rule", why=why))
    chosen, told, known = search_layout(plan, asked, found, look)
    if told.origin == "rule":
        return _settled(plan, chosen, told)
    told = told.model_copy(update={"name": path.stem})
    keep_layout(path, LayoutFile(layout=as_layout(chosen), key=key, known=known, record=told))
    return _settled(plan, chosen, told, known)


def layout_line(record: RunRecord) -> str:
    """The layout of a run and how it was come by, for people; empty where nothing is known."""
    if record.layout is None:
        return ""
    told = described(Execution(**record.effective.model_dump()))
    noisy = "".join(f"; noisy: {line}" for line in record.layout.warnings)
    return f"layout: {told} ({record.layout.origin}; {record.layout.why}{noisy})"


def keep_tuned(plan: ProcessPlan, record: RunRecord, best: Execution, why: str) -> None:
    """Keep what ``loadscope tune`` has found for the runs to come.

    Args:
        plan: As it was resolved, with its search.
        record: As in ``with_layout``.
        best: The layout.
        why: What is said of it.
    """
    if plan.search is None:
        return
    cores = allowed_cores()
    found = candidates(plan.scenario, cores, plan.execution, plan.search.given, plan.search.limits)
    if len(found) > 1:
        key = layout_key(record, plan, plan.search, cores, found)
        path = layout_path(cache_root(), key)
        told = LayoutRecord(origin="searched", why=why, name=path.stem, created=_now())
        keep_layout(path, LayoutFile(layout=as_layout(best), key=key, record=told))


def _only(asked: LayoutSearch) -> LayoutRecord:
    if asked.file:
        return LayoutRecord(origin="file", why=f"from {asked.file}")
    if any(value is not None for value in asdict(asked.given).values()):
        return LayoutRecord(origin="given", why="given by hand")
    return LayoutRecord(origin="given", why="the only one that there is for this model here")


def _settled(
    plan: ProcessPlan, chosen: Execution, told: LayoutRecord, known: float | None = None
) -> ProcessPlan:
    changes = {"execution": chosen, "search": None, "layout": told, "known": known}
    return plan.model_copy(update=changes)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
