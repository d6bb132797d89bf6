"""An HTTP session that remembers why a request failed, and what an answer refused."""

from typing import Any

import requests
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse


class RememberingSession(requests.Session):
    """What the exporter posts through; it hides the reasons of failures, and half-refusals.

    Attributes:
        failure: Why the last request failed, in a few words.
        rejected: Spans that the last answer refused although it was a success.
        refusal: Why, in the backend's words; None while nothing was refused.
    """

    def __init__(self) -> None:
        super().__init__()
        self.failure = "no reason given"
        self.rejected = 0
        self.refusal: str | None = None

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """Send one request and take note of how it went."""
        self.rejected = 0
        try:
            response = super().send(request, **kwargs)
        except requests.Timeout:
            self.failure = "no answer in time"
            raise
        except requests.RequestException as error:
            self.failure = _root_cause(error)
            raise
        if response.ok:
            self._read(response.content)
        else:
            self.failure = f"HTTP {response.status_code} {response.reason}"
        return response

    def _read(self, content: bytes) -> None:
        answer = ExportTraceServiceResponse()
        try:
            answer.ParseFromString(content)
        except DecodeError:
            # Some backends answer in words; success is what the status says.
            return
        self.rejected = answer.partial_success.rejected_spans
        if self.rejected:
            self.refusal = answer.partial_success.error_message or "no reason given"


def _root_cause(error: BaseException) -> str:
    """The operating system's words where they are known, else the library's."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and cause.strerror:
            return cause.strerror
        cause = cause.__cause__ or cause.__context__
    return f"{type(error).__name__}: {error}"
