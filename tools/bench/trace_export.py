"""Rows for the export of traces: 100,000 spans to the OTLP file."""

import json
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from loadscope.suite.worker.tracing.events import EVENTS_FILE, LEVELS, Event, Header, write_events
from loadscope.tools.bench.pairs import alternate, run_json

SPANS = 100_000
_LAYERS = 96
"""Layers a predict; with the four spans around them, a thousand predicts."""
_START = 1_764_000_000_000_000_000
_TIME_S, _MEMORY_MB = 5.0, 200.0


def trace_export_rows(pairs: int) -> Iterator[dict[str, Any]]:
    """Measure the export beside a loop that reads the events and writes them as JSON again."""
    with tempfile.TemporaryDirectory() as folder:
        run_dir = Path(folder)
        header = Header(LEVELS, "bench", "null", "Offline", 1, 1, 8)
        write_events(run_dir / EVENTS_FILE, header, _events())
        (run_dir / "run.json").write_text(json.dumps({"format": 1}), encoding="utf-8")

        def figure(what: str, key: str) -> float:
            found = run_json("loadscope.tools.bench.export_session", what, str(run_dir))
            return float(found[key])

        for key, unit, most in (("seconds", "s", _TIME_S), ("megabytes", "MB", _MEMORY_MB)):
            measured = alternate(pairs, partial(figure, "suite", key), partial(figure, "bare", key))
            yield {
                "framework": "null",
                "model": "trace",
                "scenario": "Offline",
                "what": f"{SPANS:,} spans to a file, {key}",
                "unit": unit,
                **measured,
                "target": f"at most {most:g}",
                "met": measured["suite"] <= most,
            }


def _events() -> Iterator[Event]:
    yield Event(1, 0, "application", "test", "test", _START, 10**12, 1)
    number = 1
    while number < SPANS:
        at = _START + number * 10_000
        batch, predict, session = number + 1, number + 2, number + 3
        yield Event(batch, 1, "application", "batch", "batch", at, 10**6, 1, (), {"samples": 8})
        yield Event(predict, batch, "model", "predict", "predict", at, 10**6, 1)
        yield Event(session, predict, "framework", "session", "run", at, 10**6, 1)
        number = session
        for index in range(min(_LAYERS, SPANS - number)):
            number += 1
            facts = {
                "index": index,
                "type": "Conv",
                "input_shapes": [[8, 64, 56, 56], [64, 64, 3, 3]],
                "output_shapes": [[8, 64, 56, 56]],
                "dtype": "float32",
                "bytes": 6_422_528,
                "flops": 1_849_688_064,
                "constituents": [f"layer1.{index}.conv1", f"layer1.{index}.relu"],
            }
            name = f"layer1.{index}.conv1"
            yield Event(
                number, session, "layer", "layer", name, at + index * 10_000, 9_000, 1, (), facts
            )
