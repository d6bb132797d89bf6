"""The layer table: a row a layer a predict, as CSV and Parquet."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from loadscope.files import replacing
from loadscope.suite.trace.export.batching import batched
from loadscope.suite.worker.tracing.events import Events, compact_json

COLUMNS = (
    "predict", "index", "parent", "name", "type", "start_ns", "duration_ns", "own_duration_ns",
    "input_shapes", "output_shapes", "dtype", "bytes", "flops", "constituents", "counters", "other",
)  # fmt: skip
"""``predict`` is the place of the predict in the trace, from 0; ``parent`` the index of the layer
whose body it is in, and ``own_duration_ns`` the time without its own body; ``counters`` and
``other`` are JSON objects: hardware counters of the layer, and what only its framework tells."""

_NAMED = ("index", "type", "input_shapes", "output_shapes", "dtype", "bytes", "flops",
          "constituents")  # fmt: skip
_ROWS_A_GROUP = 10_000


def layer_rows(events: Events) -> Iterator[dict[str, Any]]:
    """Yield the table's rows, in the order of the events; a key that is not known is None."""
    above: dict[int, int] = {}
    predicts: dict[int, int] = {}
    counters: dict[int, dict[str, Any]] = {}
    indices: dict[int, int | None] = {}
    bodies: dict[int, int] = {}
    for event in events():
        if event.kind == "predict":
            predicts[event.id] = len(predicts)
        elif event.kind == "session":
            above[event.id] = event.parent
        elif event.kind == "layer":
            above[event.id] = event.parent
            indices[event.id] = event.attributes.get("index")
            if event.parent in indices:
                bodies[event.parent] = bodies.get(event.parent, 0) + event.duration_ns
        elif event.kind == "counters":
            counters[event.parent] = event.attributes
    for event in events():
        if event.kind != "layer":
            continue
        place = event.parent
        while place in above:
            place = above[place]
        known = {name: event.attributes.get(name) for name in _NAMED}
        other = {key: value for key, value in event.attributes.items() if key not in _NAMED}
        yield {
            "predict": predicts.get(place),
            "parent": indices.get(event.parent),
            "name": event.name,
            "start_ns": event.start_ns,
            "duration_ns": event.duration_ns,
            "own_duration_ns": max(0, event.duration_ns - bodies.get(event.id, 0)),
            **known,
            "counters": counters.get(event.id),
            "other": other or None,
        }


def write_csv(path: Path, events: Events) -> int:
    """Write the table as CSV by rename; lists and objects are JSON text.

    Returns:
        How many rows.

    Raises:
        WorkError: The file system refuses.
    """
    count = 0
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for row in layer_rows(events):
            writer.writerow([_text(row[name]) for name in COLUMNS])
            count += 1
    return count


def write_parquet(path: Path, events: Events) -> int:
    """Write the table as Parquet by rename; shapes and constituents are lists.

    Returns:
        How many rows.

    Raises:
        ImportError: pyarrow is not installed.
        WorkError: The file system refuses.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    shapes = pa.list_(pa.list_(pa.int64()))
    types = {
        "predict": pa.int64(), "index": pa.int64(), "parent": pa.int64(), "name": pa.string(),
        "type": pa.string(), "start_ns": pa.int64(), "duration_ns": pa.int64(),
        "own_duration_ns": pa.int64(), "input_shapes": shapes, "output_shapes": shapes,
        "dtype": pa.string(), "bytes": pa.int64(), "flops": pa.int64(),
        "constituents": pa.list_(pa.string()), "counters": pa.string(), "other": pa.string(),
    }  # fmt: skip
    schema = pa.schema([(name, types[name]) for name in COLUMNS])
    count = 0
    with replacing(path) as temporary, pq.ParquetWriter(temporary, schema) as writer:
        for rows in batched(layer_rows(events), _ROWS_A_GROUP):
            for row in rows:
                for name in ("counters", "other"):
                    row[name] = _text(row[name])
            writer.write_table(pa.Table.from_pylist(rows, schema=schema))
            count += len(rows)
    return count


def _text(value: Any) -> Any:
    if isinstance(value, list | dict):
        return compact_json(value)
    return value
