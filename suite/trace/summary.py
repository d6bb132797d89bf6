"""The object of ``loadscope trace --json``: one batch's layers, medians over the batches."""

import statistics
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from loadscope.suite.trace.coverage import median_rest, rest_of
from loadscope.suite.trace.events import Event, Header
from loadscope.suite.trace.layers import layer_cost


def summarise(
    header: Header, events: Sequence[Event], levels: dict[str, Any], outside: int
) -> dict[str, Any]:
    """Summarise a trace.

    Args:
        header: Of the trace.
        events: All of its events.
        levels: From ``measure_levels``.
        outside: Records that were left out, since they lay outside their parents.

    Returns:
        Times in nanoseconds. ``uncovered`` is where the time is that no layer covers.
        ``layers`` are those of the batch whose predict took the median time; a layer's
        ``duration_ns`` is the median over all batches that ran the same layers on as many
        samples, ``corrected_ns`` what is left of it without the cost of tracing.
    """
    children: dict[int, list[Event]] = defaultdict(list)
    for event in events:
        children[event.parent].append(event)
    predicts = [event for event in events if event.kind == "predict"]
    sessions = {
        one.id: session
        for one in predicts
        for session in children[one.id]
        if session.kind == "session"
    }
    layers = {one.id: _layers(sessions.get(one.id), children) for one in predicts}
    rest = median_rest(
        [rest_of(one, sessions[one.id], found) for one in predicts if (found := layers[one.id])]
    )
    sums = [
        sum(layer.duration_ns for layer in found) / predict.duration_ns
        for predict in predicts
        if predict.duration_ns and (found := layers[predict.id])
    ]
    overhead: dict[str, float] = levels["overhead"]
    ratio = layer_cost(overhead)
    shown: list[dict[str, Any]] = []
    middle = None
    if predicts:
        ranked = sorted(predicts, key=lambda one: one.duration_ns)
        middle = ranked[(len(ranked) - 1) // 2]
        same = [found for found in layers.values() if _alike(found) == _alike(layers[middle.id])]
        for at, layer in enumerate(layers[middle.id]):
            duration = round(statistics.median(found[at].duration_ns for found in same))
            shown.append(
                {
                    "index": layer.attributes["index"],
                    "name": layer.name,
                    "type": layer.attributes["type"],
                    "start_ns": layer.start_ns,
                    "duration_ns": duration,
                    "corrected_ns": round(duration / ratio),
                    **{
                        key: layer.attributes[key]
                        for key in ("input_shapes", "output_shapes", "dtype", "bytes", "flops")
                    },
                }
            )
    return {
        "levels": list(header.levels),
        "predict_ns": round(statistics.median(one.duration_ns for one in predicts))
        if predicts
        else None,
        "layer_sum_ratio": round(statistics.median(sums), 4) if sums else None,
        "uncovered": asdict(rest) if rest else None,
        "layers": shown,
        "overhead": overhead,
        "unavailable": header.unavailable,
        "outside": outside,
        "spans": {"made": len(events), "exported": 0, "dropped": 0},
    }


def _layers(session: Event | None, children: dict[int, list[Event]]) -> list[Event]:
    return [one for one in children[session.id] if one.kind == "layer"] if session else []


def _alike(layers: Sequence[Event]) -> list[Any]:
    return [(layer.name, layer.attributes["output_shapes"]) for layer in layers]
