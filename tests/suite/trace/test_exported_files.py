import base64
import csv
import json
import subprocess
import sys
import textwrap
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from google.protobuf import json_format
from hypothesis import given, settings
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.trace.v1.trace_pb2 import Span, TracesData
from opentelemetry.sdk.resources import Resource
from tests.suite.trace.conftest import HEADER
from tests.suite.trace.generated import traces

from loadscope.suite.trace.export import export_all
from loadscope.suite.trace.export.identity import Identity
from loadscope.suite.trace.export.otlp_http import _span
from loadscope.suite.trace.export.otlp_json import write_otlp_json
from loadscope.suite.trace.export.perfetto import write_perfetto
from loadscope.suite.worker.tracing.events import EVENTS_FILE, Event, read_events, write_events

IDENTITY = Identity(0x1234 << 64 | 1, 0xAB << 32)
FILES = ("otlp.jsonl", "perfetto.json", "layers.csv", "layers.parquet")


def export(run: Path) -> dict[str, Any]:
    return export_all(run, None, lambda *_: None)


def read_otlp(path: Path) -> list[Span]:
    """Parse with protobuf's own JSON reader, which wants identifiers in base64."""
    found: list[Span] = []
    for line in path.read_text(encoding="utf-8").removesuffix("\n").split("\n"):
        record = json.loads(line)
        for span in record["resourceSpans"][0]["scopeSpans"][0]["spans"]:
            for holder in (span, *span.get("links", [])):
                for key in ("traceId", "spanId", "parentSpanId"):
                    if key in holder:
                        holder[key] = base64.b64encode(bytes.fromhex(holder[key])).decode()
        data = json_format.ParseDict(record, TracesData())
        found.extend(data.resource_spans[0].scope_spans[0].spans)
    return found


def plain(span: Span) -> Span:
    """Leave out what is optional: that the span was sampled, and that its status is unset."""
    span.ClearField("status")
    span.ClearField("flags")
    for link in span.links:
        link.ClearField("flags")
    return span


@settings(max_examples=60, deadline=None)
@given(events=traces())
def test_the_file_and_the_sdk_say_the_same(tmp_path_factory: Any, events: list[Event]) -> None:
    path = tmp_path_factory.mktemp("otlp") / "otlp.jsonl"
    assert write_otlp_json(path, {}, IDENTITY, events) == len(events)
    sdk = encode_spans([_span(IDENTITY, Resource.get_empty(), event) for event in events])
    theirs = [span for scope in sdk.resource_spans[0].scope_spans for span in scope.spans]
    assert read_otlp(path) == [plain(span) for span in theirs]


@settings(max_examples=60, deadline=None)
@given(events=traces())
def test_slices_of_a_perfetto_track_are_nested_or_apart(
    tmp_path_factory: Any, events: list[Event]
) -> None:
    path = tmp_path_factory.mktemp("perfetto") / "perfetto.json"
    write_perfetto(path, HEADER, lambda: events)
    records = json.loads(path.read_text(encoding="utf-8"))["traceEvents"]
    tracks: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for record in records:
        if record["ph"] == "X":
            start = round(record["ts"] * 1000)
            tracks[record["tid"]].append((start, start + round(record["dur"] * 1000)))
    assert sum(map(len, tracks.values())) == sum(
        event.kind not in ("query", "counters") for event in events
    )
    for slices in tracks.values():
        ends: list[int] = []
        for start, end in sorted(slices, key=lambda one: (one[0], -one[1])):
            while ends and ends[-1] <= start:
                ends.pop()
            assert not ends or end <= ends[-1]
            ends.append(end)
    named = {record["tid"] for record in records if record["name"] == "thread_name"}
    assert named == tracks.keys()


def test_perfetto_has_queries_and_counters_of_their_own(traced: Path) -> None:
    export(traced)
    text = (traced / "trace" / "perfetto.json").read_text(encoding="utf-8")
    phases = defaultdict(list)
    for record in json.loads(text)["traceEvents"]:
        phases[record["ph"]].append(record)
    assert len(phases["b"]) == len(phases["e"]) == 12
    assert {record["name"] for record in phases["C"]} == {"page-faults", "task-clock"}
    assert min(record["ts"] for record in phases["X"]) == 0


def test_the_tables_have_a_row_a_layer_a_predict(traced: Path) -> None:
    export(traced)
    layers = [event for event in read_events(traced / EVENTS_FILE)[1] if event.kind == "layer"]
    with (traced / "trace" / "layers.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    table = pq.read_table(traced / "trace" / "layers.parquet").to_pylist()
    assert len(rows) == len(table) == len(layers) == 12
    assert [row["predict"] for row in table] == [0] * 4 + [1] * 4 + [2] * 4
    for row, column, event in zip(rows, table, layers, strict=True):
        assert (row["name"], int(row["duration_ns"])) == (event.name, event.duration_ns)
        assert (column["name"], column["start_ns"]) == (event.name, event.start_ns)
        assert json.loads(row["input_shapes"]) == column["input_shapes"]
        assert column["input_shapes"] == event.attributes["input_shapes"]
        assert column["constituents"] == event.attributes["constituents"]
        assert json.loads(column["other"]) == {"provider": "CPU"}


def test_a_body_is_inside_its_layer_in_every_file(make_trace: Callable[..., Path]) -> None:
    run = make_trace(predicts=1)
    header, stream = read_events(run / EVENTS_FILE)
    events = list(stream)
    outer, inner = (event for event in events if event.name in ("conv2", "pool"))
    # The pool becomes the body of the convolution before it.
    whole = replace(outer, duration_ns=inner.end_ns - outer.start_ns)
    changed = {outer.id: whole, inner.id: replace(inner, parent=outer.id)}
    write_events(run / EVENTS_FILE, header, (changed.get(one.id, one) for one in events))
    export(run)
    spans = {span.name: span for span in read_otlp(run / "trace" / "otlp.jsonl")}
    assert spans["pool"].parent_span_id == spans["conv2"].span_id
    records = json.loads((run / "trace" / "perfetto.json").read_text())["traceEvents"]
    slices = {one["name"]: one for one in records if one["ph"] == "X"}
    assert slices["pool"]["tid"] == slices["conv2"]["tid"]
    with (run / "trace" / "layers.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["name"]: row for row in csv.DictReader(file)}
    columns = {
        row["name"]: row for row in pq.read_table(run / "trace" / "layers.parquet").to_pylist()
    }
    assert (rows["pool"]["parent"], rows["conv2"]["parent"]) == (rows["conv2"]["index"], "")
    assert (columns["pool"]["parent"], columns["conv2"]["parent"]) == (1, None)
    for table in (rows, columns):
        assert int(table["conv2"]["duration_ns"]) == whole.duration_ns
        assert int(table["conv2"]["own_duration_ns"]) == whole.duration_ns - inner.duration_ns
        assert int(table["fc"]["own_duration_ns"]) == int(table["fc"]["duration_ns"])


def test_a_trace_has_the_same_ids_each_time(traced: Path) -> None:
    export(traced)
    first = {name: (traced / "trace" / name).read_bytes() for name in FILES[:3]}
    export(traced)
    assert first == {name: (traced / "trace" / name).read_bytes() for name in FILES[:3]}


def test_two_traces_have_different_ids(make_trace: Callable[..., Path]) -> None:
    assert Identity.of(make_trace("a")) != Identity.of(make_trace("b", predicts=4))


def test_a_full_disk_is_counted_and_fails_nothing(make_trace: Callable[..., Path]) -> None:
    run = make_trace(predicts=300)
    # The kernel refuses every write beyond 40,000 bytes: only the tables of layers fit.
    program = textwrap.dedent("""
        import json, resource, sys
        from pathlib import Path
        from loadscope.suite.trace.export import export_all
        resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))
        print(json.dumps(export_all(Path(sys.argv[1]), None, lambda *_: None)))
    """)
    done = subprocess.run(
        [sys.executable, "-P", "-c", program, str(run)], capture_output=True, text=True, check=True
    )
    account = json.loads(done.stdout)
    assert (account["exported"], account["dropped"]) == (0, account["made"])
    problems = {one["target"]: one["problem"] for one in account["targets"]}
    assert "File too large" in problems["otlp.jsonl"]
    assert "File too large" in problems["perfetto.json"]
    assert problems["layers.parquet"] is None
    names = {path.name for path in (run / "trace").iterdir()}
    assert names == {"events.jsonl", "layers.parquet", "export.json"}


def test_without_pyarrow_the_rest_is_there(traced: Path, monkeypatch: Any) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    account = export(traced)
    problem = account["targets"][3]["problem"]
    assert problem.endswith("Parquet needs: pip install 'loadscope[trace]'")
    assert (account["dropped"], account["targets"][3]["dropped"]) == (0, 12)
