import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from loadscope.errors import InputError
from loadscope.suite.trace.export import endpoint, export_all
from loadscope.suite.trace.export.identity import PREFIX, Identity
from loadscope.suite.worker.tracing.events import EVENTS_FILE, read_events

BASE, EXACT = "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
VARIABLES = (BASE, EXACT, "OTEL_SDK_DISABLED", "OTEL_TRACES_EXPORTER", "OTEL_BSP_EXPORT_TIMEOUT")


@pytest.fixture(autouse=True)
def short_timeouts(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "0.5")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


class Receiver:
    """What came in; ``status``, ``answer`` and ``pause`` say how it is answered."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, str], ExportTraceServiceRequest]] = []
        self.status = 200
        self.answer = b""
        self.pause = threading.Event()
        self.pause.set()
        self.address = ""

    @property
    def spans(self) -> list[Any]:
        return [
            span
            for _, _, request in self.requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.pause.wait(30)
            status = receiver.status
            if status == 200:
                request = ExportTraceServiceRequest.FromString(body)
                receiver.requests.append((self.path, dict(self.headers), request))
            self.send_response(status)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", str(len(receiver.answer)))
            self.end_headers()
            self.wfile.write(receiver.answer)

        def log_message(self, format: str, *args: Any) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.handle_error = lambda *_: None  # type: ignore[method-assign]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        receiver.address = f"http://127.0.0.1:{server.server_port}"
        try:
            yield receiver
        finally:
            receiver.pause.set()
            server.shutdown()
            thread.join()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as one:
        yield one


def export(run: Path, otlp: str | None = None) -> dict[str, Any]:
    return export_all(run, otlp, lambda *_: None)


def test_every_span_comes_back_as_it_was(
    make_trace: Callable[..., Path], receiver: Receiver
) -> None:
    run = make_trace(predicts=100)
    account = export(run, receiver.address)
    events = {event.id: event for event in read_events(run / EVENTS_FILE)[1]}
    assert (account["made"], account["exported"], account["dropped"]) == (len(events),) * 2 + (0,)
    identity = Identity.of(run)
    assert len(receiver.spans) == len(events)
    for span in receiver.spans:
        number = int.from_bytes(span.span_id, "big") & 0xFFFFFFFF
        event = events.pop(number)
        assert int.from_bytes(span.trace_id, "big") == identity.trace_id
        assert (span.name, span.start_time_unix_nano) == (event.name, event.start_ns)
        assert span.end_time_unix_nano == event.start_ns + event.duration_ns
        parent = identity.span_id(event.parent).to_bytes(8, "big") if event.parent else b""
        assert span.parent_span_id == parent
        links = [int.from_bytes(link.span_id, "big") for link in span.links]
        assert links == [identity.span_id(link) for link in event.links]
        values = {one.key: one.value for one in span.attributes}
        assert values[f"{PREFIX}level"].string_value == event.level
        if event.kind == "layer":
            shapes = values[f"{PREFIX}input_shapes"].string_value
            assert json.loads(shapes) == event.attributes["input_shapes"]
            assert values[f"{PREFIX}flops"].int_value == event.attributes["flops"]
            constituents = values[f"{PREFIX}constituents"].array_value.values
            assert [one.string_value for one in constituents] == event.attributes["constituents"]
    assert events == {}


def test_the_resource_names_service_host_and_model(traced: Path, receiver: Receiver) -> None:
    export(traced, receiver.address)
    (_, _, request), *_ = receiver.requests
    resource = request.resource_spans[0].resource.attributes
    values = {one.key: one.value.string_value for one in resource}
    assert values["service.name"] == "loadscope"
    assert values["host.arch"] == "amd64"
    assert values["host.cpu.model.name"] == "Test CPU"
    assert values["loadscope.framework"] == "onnxruntime"


def test_the_standard_variables_are_obeyed(
    traced: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.address)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-key=secret")
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=lab")
    assert export(traced)["dropped"] == 0
    path, headers, request = receiver.requests[0]
    assert (path, headers["x-key"]) == ("/v1/traces", "secret")
    resource = request.resource_spans[0].resource.attributes
    assert "lab" in [one.value.string_value for one in resource]


@pytest.mark.parametrize(
    ("given", "posted"),
    [
        ("http://h:4318", "http://h:4318/v1/traces"),
        ("http://h:4318/", "http://h:4318/v1/traces"),
        ("http://h:4318/v1/traces", "http://h:4318/v1/traces"),
        ("http://h:4318/v1/traces/", "http://h:4318/v1/traces"),
        ("https://h/otlp?token=t", "https://h/otlp/v1/traces?token=t"),
        ("https://h/otlp/v1/traces/?token=t", "https://h/otlp/v1/traces?token=t"),
        ("http://[::1]:4318", "http://[::1]:4318/v1/traces"),
    ],
)
def test_the_path_of_traces_is_added_once(
    given: str, posted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert endpoint(given) == posted
    monkeypatch.setenv(BASE, given)
    assert endpoint(None) == posted
    monkeypatch.setenv(EXACT, given)
    assert endpoint(None) == given


def test_nothing_is_sent_where_the_environment_forbids_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert endpoint(None) is None
    monkeypatch.setenv(BASE, "http://h")
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "none")
    assert endpoint(None) is None
    assert endpoint("http://h") is not None
    monkeypatch.delenv("OTEL_TRACES_EXPORTER")
    monkeypatch.setenv("OTEL_SDK_DISABLED", "True")
    assert endpoint(None) is None
    with pytest.raises(InputError, match="OTEL_SDK_DISABLED=true forbids"):
        endpoint("http://h")
    # Whatever is not 'true' is false.
    monkeypatch.setenv("OTEL_SDK_DISABLED", "1")
    assert endpoint(None) == "http://h/v1/traces"


@pytest.mark.parametrize("value", ["nan", "inf", "-1", "0", "soon", "1e300"])
@pytest.mark.parametrize("name", ["OTEL_BSP_EXPORT_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"])
def test_a_timeout_that_is_none_is_refused_before_a_test(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(InputError, match=f"{name}={value}: expected a positive number"):
        endpoint("http://h")
    assert endpoint(None) is None


def test_an_unknown_compression_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "zip")
    with pytest.raises(InputError, match="OTEL_EXPORTER_OTLP_COMPRESSION=zip"):
        endpoint("http://h")


def test_a_query_is_posted_and_not_shown(traced: Path, receiver: Receiver) -> None:
    account = export(traced, f"{receiver.address}/?token=secret")
    assert account["dropped"] == 0
    assert receiver.requests[0][0] == "/v1/traces?token=secret"
    assert account["targets"][-1]["target"] == f"{receiver.address}/v1/traces"


@pytest.mark.parametrize(
    "wrong",
    ["localhost:4318", "ftp://h", "http://", "http://[::1", "http://h:99999", "http://h:x", ""],
)
def test_what_is_no_address_is_refused(traced: Path, wrong: str) -> None:
    with pytest.raises(InputError, match="no address of an OTLP backend"):
        export(traced, wrong)


def whole_file(run: Path) -> int:
    lines = (run / "trace" / "otlp.jsonl").read_text(encoding="utf-8").splitlines()
    return sum(
        len(json.loads(line)["resourceSpans"][0]["scopeSpans"][0]["spans"]) for line in lines
    )


def failed(run: Path, address: str) -> str:
    """Export to a backend that takes nothing; the file must hold everything."""
    account = export(run, address)
    assert (account["exported"], account["dropped"]) == (0, account["made"])
    assert whole_file(run) == account["made"] > 0
    assert json.loads((run / "trace" / "export.json").read_text()) == account
    problem = account["targets"][-1]["problem"]
    assert isinstance(problem, str)
    return problem


def test_a_backend_that_is_down_loses_nothing_of_the_file(traced: Path) -> None:
    with receiving() as gone:
        address = gone.address
    assert failed(traced, address) == "Connection refused"


@pytest.mark.parametrize(
    ("status", "words"), [(503, "HTTP 503 Service Unavailable"), (400, "HTTP 400 Bad Request")]
)
def test_a_backend_that_refuses_is_counted(
    traced: Path, receiver: Receiver, status: int, words: str
) -> None:
    receiver.status = status
    assert failed(traced, receiver.address) == words


def test_a_backend_that_never_answers_is_left(traced: Path, receiver: Receiver) -> None:
    receiver.pause.clear()
    assert failed(traced, receiver.address) == "no answer in time"


def test_all_of_sending_has_an_end(
    traced: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "25")
    monkeypatch.setenv("OTEL_BSP_EXPORT_TIMEOUT", "300")
    receiver.pause.clear()
    assert "longer than 0.3 s" in failed(traced, receiver.address)


def test_spans_before_a_failure_count_as_exported(
    make_trace: Callable[..., Path], receiver: Receiver
) -> None:
    run = make_trace(predicts=60)
    seen = receiver.requests

    class OneOnly(list):  # type: ignore[type-arg]
        def append(self, item: Any) -> None:
            super().append(item)
            receiver.status = 400

    receiver.requests = OneOnly(seen)
    account = export(run, receiver.address)
    assert account["exported"] == len(receiver.spans) == 512
    assert account["exported"] + account["dropped"] == account["made"]


def test_spans_that_a_backend_refuses_in_a_success_are_dropped(
    traced: Path, receiver: Receiver
) -> None:
    refused = ExportTracePartialSuccess(rejected_spans=3, error_message="too old")
    receiver.answer = ExportTraceServiceResponse(partial_success=refused).SerializeToString()
    account = export(traced, receiver.address)
    assert account["dropped"] == 3
    assert "too old" in account["targets"][-1]["problem"]


def test_a_run_with_many_spans_is_not_cut(
    make_trace: Callable[..., Path], receiver: Receiver
) -> None:
    run = make_trace(predicts=400)
    account = export(run, receiver.address)
    assert account["exported"] == account["made"] == len(receiver.spans) > 6000
