"""The object of ``loadscope trace --json``: the layers of a predict, and what they cover."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from loadscope.suite.worker.tracing.events import Event, Header
from loadscope.suite.worker.tracing.layers import layer_cost
from loadscope.suite.worker.tracing.predicts import reduce_predicts

_LAYER = (
    "index", "parent", "name", "type", "start_ns", "duration_ns", "own_ns", "share", "own_share",
    "calls", "input_shapes", "output_shapes", "dtype", "bytes", "flops",
)  # fmt: skip


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
        The figures of ``Predicts`` and ``Layer``, times in nanoseconds; ``uncovered`` is where
        the time is that no layer covers, a layer's ``corrected_ns`` what is left of its
        ``duration_ns`` without the cost of tracing.
    """
    found = reduce_predicts(header, events)
    overhead: dict[str, float] = levels["overhead"]
    cost = layer_cost(overhead)
    return {
        "levels": list(header.levels),
        "samples": found.samples,
        "predicts": found.predicts,
        "predict_ns": found.median_predict_ns or None,
        "layer_sum_ratio": found.coverage,
        "uncovered": asdict(found.rest) if found.rest else None,
        "layers": [
            {
                **{key: getattr(layer, key) for key in _LAYER},
                "corrected_ns": round(layer.duration_ns / cost),
            }
            for layer in found.layers
        ],
        "overhead": overhead,
        "unavailable": header.unavailable,
        "outside": outside,
        "spans": {"made": len(events), "exported": 0, "dropped": 0},
    }
