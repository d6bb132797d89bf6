"""Spans to a backend over OTLP/HTTP, in bounded time, with every span accounted for."""

import logging
import math
import os
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

from loadscope.errors import InputError
from loadscope.suite.trace.export.batching import batched
from loadscope.suite.trace.export.identity import SCOPE, Identity, Scalar, span_attributes
from loadscope.suite.worker.tracing.events import Event

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan

PATH = "/v1/traces"
_INSTALL = "OTLP over HTTP needs: pip install 'loadscope[trace]'"
_SPANS_A_REQUEST = 512
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_DISABLED = "OTEL_SDK_DISABLED"
_EXPORTER = "OTEL_TRACES_EXPORTER"
_BUDGET = "OTEL_BSP_EXPORT_TIMEOUT"
_TIMEOUTS = ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT")
_COMPRESSIONS = ("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "OTEL_EXPORTER_OTLP_COMPRESSION")
_METHODS = ("none", "gzip", "deflate")
_DEFAULT_BUDGET_MS = 30_000
"""The default of that variable after OpenTelemetry's specification of the SDK's environment."""


def endpoint(url: str | None) -> str | None:
    """Give the address that spans are posted to; None when nobody asked for any.

    Args:
        url: What the user gave, the backend's address with or without ``/v1/traces``; None takes
            the standard variables ``OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`` (used as it is) and
            ``OTEL_EXPORTER_OTLP_ENDPOINT``, unless ``OTEL_SDK_DISABLED`` or
            ``OTEL_TRACES_EXPORTER`` say that nothing is to be sent.

    Raises:
        InputError: It is no http or https address, ``OTEL_SDK_DISABLED`` forbids what ``url``
            asks for, or another of the variables has a value that cannot be obeyed.
    """
    disabled = os.environ.get(_DISABLED, "").strip().lower() == "true"
    if url is None:
        off = disabled or os.environ.get(_EXPORTER, "").strip().lower() == "none"
        names = [] if off else [name for name in _ENDPOINTS if os.environ.get(name, "").strip()]
        if not names:
            return None
        found = _address(os.environ[names[0]], names[0], exact=names[0] == _ENDPOINTS[0])
    elif disabled:
        raise InputError(
            f"--otlp {url}: {_DISABLED}=true forbids sending spans", f"unset {_DISABLED}"
        )
    else:
        found = _address(url, "--otlp", exact=False)
    _milliseconds()
    for name in filter(os.environ.get, _TIMEOUTS):
        _positive(name, "seconds")
    for name in filter(os.environ.get, _COMPRESSIONS):
        if os.environ[name].strip().lower() not in _METHODS:
            raise InputError(
                f"{name}={os.environ[name]}: unknown compression",
                f"use one of: {', '.join(_METHODS)}",
            )
    return found


def shown(address: str) -> str:
    """An address without what may be secret in it: user, password and query."""
    parts = urlsplit(address)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _address(text: str, source: str, exact: bool) -> str:
    """Read an address; the path of traces is added to one that is not exact."""
    try:
        parts = urlsplit(text.strip())
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        # A bracket that is not closed, a port that is no number.
        usable = False
    if not usable or any(map(str.isspace, text.strip())):
        raise InputError(
            f"{source}: '{text}' is no address of an OTLP backend",
            "write for example http://localhost:4318",
        )
    path = parts.path
    if not exact:
        path = path.rstrip("/")
        path = path if path.endswith(PATH) else path + PATH
    return urlunsplit((parts.scheme, parts.netloc, path, parts.query, ""))


def _milliseconds() -> float:
    return _positive(_BUDGET, "milliseconds") if os.environ.get(_BUDGET) else _DEFAULT_BUDGET_MS


def _positive(name: str, unit: str) -> float:
    try:
        value = float(os.environ[name])
    except ValueError:
        value = math.nan
    if not 0 < value <= threading.TIMEOUT_MAX:
        raise InputError(
            f"{name}={os.environ[name]}: expected a positive number of {unit}", f"unset {name}"
        )
    return value


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

    Raises:
        InputError: As in ``endpoint``.
    """
    budget = _milliseconds() / 1000
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
