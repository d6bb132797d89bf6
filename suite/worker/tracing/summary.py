"""The object of ``loadscope trace --json``: the layers of a predict, and what they cover."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from loadscope.scenarios.tokens.tracing import TOKENS
from loadscope.suite.worker.tracing.events import Event, Header
from loadscope.suite.worker.tracing.layers import layer_cost
from loadscope.suite.worker.tracing.predicts import Predicts, reduce_predicts, steps_of

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
        ``duration_ns`` without the cost of tracing. Of generated answers they are of the
        commonest ``step``, and ``steps`` has those of the others; ``plain_ns`` is the median of the
        ``plain`` steps that no tracer ran, ``per_token_ns`` a layer's own time by the samples of
        its step, which each gain a token.
    """
    overhead: dict[str, float] = levels["overhead"]
    cost = layer_cost(overhead)
    first, *others = [reduce_predicts(header, events, step) for step in steps_of(events)]
    return {
        "levels": list(header.levels),
        **_of_step(first, cost),
        **({"steps": [_of_step(one, cost) for one in others]} if first.step else {}),
        "overhead": overhead,
        "unavailable": header.unavailable,
        "outside": outside,
        "spans": {"made": len(events), "exported": 0, "dropped": 0},
    }


def _of_step(found: Predicts, cost: float) -> dict[str, Any]:
    """The figures of one kind of step, or of all predicts where there are no steps."""
    steps: dict[str, Any] = {}
    if found.step:
        steps = {
            "step": found.step,
            "plain_ns": found.median_plain_ns,
            "plain": len(found.plain_ns),
        }
    return steps | {
        "samples": found.samples,
        "predicts": found.predicts,
        "predict_ns": found.median_predict_ns or None,
        "layer_sum_ratio": found.coverage,
        "uncovered": asdict(found.rest) if found.rest else None,
        "layers": [
            {
                **{key: getattr(layer, key) for key in _LAYER},
                "corrected_ns": round(layer.duration_ns / cost),
                **({"per_token_ns": found.per_token_ns(layer)} if found.step == TOKENS else {}),
            }
            for layer in found.layers
        ],
    }
