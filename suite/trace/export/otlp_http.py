"""Spans to a backend over OTLP/HTTP, in bounded time, with every span accounted for."""

import logging
import os
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from loadscope.errors import InputError
from loadscope.suite.trace.events import Event
from loadscope.suite.trace.export.batching import batched
from loadscope.suite.trace.export.identity import SCOPE, Identity, Scalar, span_attributes

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan

PATH = "/v1/traces"
_INSTALL = "OTLP over HTTP needs: pip install 'loadscope[trace]'"
_SPANS_A_REQUEST = 512
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_BUDGET = "OTEL_BSP_EXPORT_TIMEOUT"
_DEFAULT_BUDGET_MS = 30_000
"""The default of that variable after OpenTelemetry's specification of the SDK's environment."""


def endpoint(url: str | None) -> str | None:
    """Give the address that spans are posted to; None when nobody asked for any.

    Args:
        url: What the user gave, the backend's address with or without ``/v1/traces``; None takes
            the standard variables ``OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`` (used as it is) and
            ``OTEL_EXPORTER_OTLP_ENDPOINT``.

    Raises:
        InputError: It is no http or https address.
    """
    exact, base = (os.environ.get(name) for name in _ENDPOINTS)
    wanted = url or exact or base
    if not wanted:
        return None
    parts = urlsplit(wanted)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InputError(
            f"'{wanted}' is no address of an OTLP backend",
            "write for example http://localhost:4318",
        )
    if not url and exact:
        return exact
    return wanted if parts.path.endswith(PATH) else wanted.rstrip("/") + PATH


@dataclass
class Sent:
    """How far sending came: spans that the backend took, and what stopped it."""

    accepted: int = 0
    problem: str | None = None


def send_spans(
    address: str,
    resource: Mapping[str, Scalar],
    identity: Identity,
    events: Iterable[Event],
) -> Sent:
    """Post all spans to ``address``; return within the time that ``OTEL_BSP_EXPORT_TIMEOUT`` gives.

    The exporter's other standard variables (headers, timeout, compression, certificates) and
    ``OTEL_RESOURCE_ATTRIBUTES`` are obeyed. The first request that fails for good ends it.
    """
    try:
        budget = float(os.environ.get(_BUDGET) or _DEFAULT_BUDGET_MS) / 1000
    except ValueError:
        return Sent(problem=f"{_BUDGET}={os.environ[_BUDGET]} is no number of milliseconds")
    try:
        sending = _Sending(address, resource, identity)
    except ImportError as error:
        return Sent(problem=f"{error}; {_INSTALL}")
    # A server that answers byte by byte outlives any timeout of a socket; a thread can be left.
    worker = threading.Thread(target=sending.run, args=(events,), daemon=True)
    with _quiet_exporter():
        worker.start()
        worker.join(budget)
        stuck = worker.is_alive()
        sending.stop()
    if stuck:
        return Sent(sending.sent.accepted, f"it took longer than {budget:g} s altogether")
    return sending.sent


class _Sending:
    def __init__(self, address: str, resource: Mapping[str, Scalar], identity: Identity) -> None:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import OTELResourceDetector, Resource

        from loadscope.suite.trace.export.otlp_session import RememberingSession

        self.sent = Sent()
        self._identity = identity
        self._resource = Resource(resource).merge(OTELResourceDetector().detect())
        self._session = RememberingSession()
        self._exporter = OTLPSpanExporter(endpoint=address, session=self._session)
        self._stopped = threading.Event()

    def run(self, events: Iterable[Event]) -> None:
        from opentelemetry.sdk.trace.export import SpanExportResult

        try:
            for batch in batched(events, _SPANS_A_REQUEST):
                spans = [_span(self._identity, self._resource, event) for event in batch]
                if self._stopped.is_set():
                    return
                if self._exporter.export(spans) is not SpanExportResult.SUCCESS:
                    self.sent.problem = self._session.failure
                    return
                self.sent.accepted += len(batch) - self._session.rejected
                if self._session.refusal:
                    self.sent.problem = f"refused: {self._session.refusal}"
        except Exception as error:
            # The run is over and measured; no fault of a backend may take it down.
            self.sent.problem = f"{type(error).__name__}: {error}"

    def stop(self) -> None:
        self._stopped.set()
        self._exporter.shutdown()  # type: ignore[no-untyped-call]


def _span(identity: Identity, resource: "Resource", event: Event) -> "ReadableSpan":
    """A finished SDK span with the event's own times, parent and links."""
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope
    from opentelemetry.trace import Link, SpanContext, TraceFlags

    import loadscope

    def context(event_id: int) -> SpanContext:
        return SpanContext(
            identity.trace_id,
            identity.span_id(event_id),
            is_remote=False,
            trace_flags=TraceFlags(TraceFlags.SAMPLED),
        )

    return ReadableSpan(
        name=event.name,
        context=context(event.id),
        parent=context(event.parent) if event.parent else None,
        resource=resource,
        attributes=span_attributes(event),
        links=[Link(context(link)) for link in event.links],
        start_time=event.start_ns,
        end_time=event.end_ns,
        instrumentation_scope=InstrumentationScope(SCOPE, loadscope.__version__),
    )


@contextmanager
def _quiet_exporter() -> Iterator[None]:
    """Keep what the exporter logs off the terminal: the account says it once, in fewer words."""
    logger = logging.getLogger("opentelemetry.exporter.otlp.proto.http")
    before = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(before)
