"""A trace as plain data, for ``loadscope report --trace --json``."""

from dataclasses import asdict
from typing import Any

from loadscope.suite.trace.peaks import Peaks
from loadscope.suite.trace.view import TraceView
from loadscope.suite.worker.tracing.layers import Layer, by_type


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
        "samples": view.samples,
        "predicts": view.predicts,
        "predict_ns": view.median_predict_ns,
        "layer_sum_ratio": view.coverage,
        "uncovered": asdict(view.rest) if view.rest else None,
        "phases_ns": dict(view.phases_ns),
        "layers": [layer_record(layer) for layer in view.layers],
        "types": [asdict(one) for one in by_type(view.layers)],
        "counters": dict(view.counters),
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


def layer_record(layer: Layer) -> dict[str, Any]:
    """Return a layer with its derived figures."""
    return asdict(layer) | {
        "own_ns": layer.own_ns,
        "own_share": layer.own_share,
        "flops_per_second": layer.flops_per_second,
        "traffic": layer.traffic,
        "intensity": layer.intensity,
    }
