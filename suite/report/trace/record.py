"""A trace as plain data, for ``loadscope report --trace --json``."""

from dataclasses import asdict
from typing import Any

from loadscope.scenarios.tokens.tracing import TOKENS
from loadscope.suite.trace.peaks import Peaks
from loadscope.suite.trace.view import TraceView
from loadscope.suite.worker.tracing.layers import Layer, by_type
from loadscope.suite.worker.tracing.predicts import Predicts


def trace_record(view: TraceView, peaks: Peaks | str) -> dict[str, Any]:
    """Return what the page shows of one trace; times in nanoseconds, see ``Predicts``."""
    export = view.export or {}
    return {
        "run_dir": str(view.run.path),
        "traced": True,
        "model": view.header.model,
        "framework": view.header.framework,
        "scenario": view.header.scenario,
        "levels": list(view.header.levels),
        **_predicts_record(view),
        **({"steps": [_predicts_record(one) for one in view.others]} if view.step else {}),
        "noise": view.noise and view.noise.model_dump(mode="json"),
        "warnings": list(view.warnings),
        "unavailable": view.header.unavailable,
        "overhead": dict(view.overhead.ratio) if view.overhead else {},
        "correction": view.correction,
        "spans": {
            "made": sum(view.spans.values()),
            "exported": export.get("exported"),
            "dropped": export.get("dropped"),
        },
        "peaks": asdict(peaks) if isinstance(peaks, Peaks) else None,
        "no_peaks_because": None if isinstance(peaks, Peaks) else peaks,
    }


def _predicts_record(found: Predicts) -> dict[str, Any]:
    """What is of one kind of step, where answers are generated; otherwise of all predicts."""
    steps: dict[str, Any] = {}
    if found.step:
        steps = {"step": found.step, "plain_ns": found.median_plain_ns}
    return steps | {
        "samples": found.samples,
        "predicts": found.predicts,
        "predict_ns": found.median_predict_ns,
        "layer_sum_ratio": found.coverage,
        "uncovered": asdict(found.rest) if found.rest else None,
        "phases_ns": dict(found.phases_ns),
        "layers": [
            layer_record(layer)
            | ({"per_token_ns": found.per_token_ns(layer)} if found.step == TOKENS else {})
            for layer in found.layers
        ],
        "types": [asdict(one) for one in by_type(found.layers)],
        "counters": dict(found.counters),
    }


def layer_record(layer: Layer) -> dict[str, Any]:
    """Return a layer with its derived figures."""
    return asdict(layer) | {
        "own_ns": layer.own_ns,
        "own_share": layer.own_share,
        "flops_per_second": layer.flops_per_second,
        "traffic": layer.traffic,
        "intensity": layer.intensity,
    }
