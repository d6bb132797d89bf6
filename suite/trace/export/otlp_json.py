"""The trace in OTLP's JSON encoding, a line a batch of spans.

The file has the form that the OpenTelemetry Collector's file receiver reads: every line is a
``TracesData`` message. After the protocol's rules identifiers are hexadecimal and 64-bit integers
strings. It is written here and not by the SDK, which takes several times as long a span.
"""

import math
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path

import loadscope
from loadscope.files import replacing
from loadscope.suite.trace.export.batching import batched
from loadscope.suite.trace.export.identity import (
    SCOPE,
    Identity,
    Scalar,
    Value,
    span_attributes,
)
from loadscope.suite.worker.tracing.events import Event, compact_json

_SPANS_A_LINE = 1000
_INTERNAL = 1
"""``SPAN_KIND_INTERNAL``."""
_NOT_FINITE = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}


def write_otlp_json(
    path: Path, resource: Mapping[str, Scalar], identity: Identity, events: Iterable[Event]
) -> int:
    """Write all spans by rename.

    Returns:
        How many.

    Raises:
        WorkError: The file system refuses.
    """
    count = 0
    scope = compact_json({"name": SCOPE, "version": loadscope.__version__})
    opening = (
        f'{{"resourceSpans":[{{"resource":{{"attributes":{_attributes(resource)}}},'
        f'"scopeSpans":[{{"scope":{scope},"spans":['
    )
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        for batch in batched(events, _SPANS_A_LINE):
            spans = ",".join(_span(identity, event) for event in batch)
            file.write(f"{opening}{spans}]}}]}}]}}\n")
            count += len(batch)
    return count


def _span(identity: Identity, event: Event) -> str:
    trace = f'"traceId":"{identity.trace_id:032x}","spanId":'
    parent = f'"parentSpanId":"{identity.span_id(event.parent):016x}",' if event.parent else ""
    links = ",".join(f'{{{trace}"{identity.span_id(link):016x}"}}' for link in event.links)
    return (
        f'{{{trace}"{identity.span_id(event.id):016x}",{parent}"name":{_text(event.name)},'
        f'"kind":{_INTERNAL},"startTimeUnixNano":"{event.start_ns}",'
        f'"endTimeUnixNano":"{event.end_ns}","attributes":{_attributes(span_attributes(event))}'
        + (f',"links":[{links}]}}' if links else "}")
    )


def _attributes(values: Mapping[str, Value]) -> str:
    pairs = (f'{{"key":{_text(key)},"value":{_any_value(value)}}}' for key, value in values.items())
    return f"[{','.join(pairs)}]"


def _any_value(value: Value) -> str:
    if isinstance(value, str):
        return f'{{"stringValue":{_text(value)}}}'
    if isinstance(value, bool):
        return '{"boolValue":true}' if value else '{"boolValue":false}'
    if isinstance(value, int):
        return f'{{"intValue":"{value}"}}'
    if isinstance(value, float):
        return f'{{"doubleValue":{_double(value)}}}'
    items = ",".join(_any_value(item) for item in value)
    return f'{{"arrayValue":{{"values":[{items}]}}}}'


def _double(value: float) -> str:
    # The protocol's JSON has words for what JSON has no number for.
    return repr(value) if math.isfinite(value) else f'"{_NOT_FINITE[repr(value)]}"'


@lru_cache(maxsize=4096)
def _text(value: str) -> str:
    """JSON of a string; names and shapes come back in every predict."""
    return compact_json(value)
