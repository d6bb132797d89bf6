"""The client of ``loadscope serve-sut``."""

import json

import urllib3
from pydantic import ValidationError

from loadscope.errors import InputError, LoadScopeError, WorkError, described
from loadscope.rundir.remote_record import RemoteSut
from loadscope.sut.network.http import Http
from loadscope.sut.network.protocol import INSTANCE_HEADER, MEMORY, NAME, PREDICT, PROTOCOL, ROOT
from loadscope.sut.network.wire import CONTENT_TYPE, MalformedError, decode, encode
from loadscope.tensors import Tensors

SUT_NAME = "Network SUT"
"""What a name must have in it (inference_rules.adoc, "QDL Constraints")."""


class SutClient:
    """A SUT at an address; its methods may be called from several threads at once.

    Args:
        url: The address.
        instance: Which start of the SUT it has to be; any for an empty one.
    """

    def __init__(self, url: str, instance: str = "") -> None:
        self._url, self._instance = url, instance
        self._http = Http(url)

    def describe(self) -> RemoteSut:
        """What the SUT says of itself.

        Raises:
            InputError: It refuses us, or what answers is no SUT of ours.
            WorkError: It is not there.
        """
        answer = self._http.get(ROOT)
        try:
            if answer.status != 200:
                raise ValueError(f"status {answer.status}")
            told = RemoteSut.model_validate_json(answer.data)
        except (ValueError, ValidationError) as error:
            raise InputError(
                f"{self._url}: not a SUT of the protocol {PROTOCOL}: {str(error).splitlines()[0]}",
                "start it with loadscope serve-sut of this version",
            ) from error
        if told.protocol != PROTOCOL:
            raise InputError(
                f"{self._url}: speaks {told.protocol}, expected {PROTOCOL}",
                "use the same version of LoadScope on both hosts",
            )
        return told

    def name(self) -> str:
        """The SUT's name, by a way there and back, as LoadGen asks for it.

        Raises:
            WorkError: It does not answer.
        """
        return str(self._checked(self._http.get(NAME)).data.decode())

    def peak_memory(self) -> int:
        """The most memory that the SUT's process had, bytes."""
        return int(json.loads(self._checked(self._http.get(MEMORY)).data)["peak_memory_bytes"])

    def predict(self, batch: Tensors) -> Tensors:
        """Have a batch computed there.

        Raises:
            InputError, WorkError: What the SUT raised, or that the connection is lost.
        """
        answer = self._http.post(PREDICT, encode(batch), {"Content-Type": CONTENT_TYPE})
        try:
            # Arrays that look into bytes cannot be written to.
            return decode(bytearray(self._checked(answer).data))
        except MalformedError as error:
            raise WorkError(
                f"{self._url}: the answer is no tensors: {error}", "look at the SUT, and repeat"
            ) from error

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def _checked(self, answer: urllib3.BaseHTTPResponse) -> urllib3.BaseHTTPResponse:
        if answer.status != 200:
            raise self._failure(answer)
        found = answer.headers.get(INSTANCE_HEADER, "")
        if self._instance and found != self._instance:
            raise WorkError(
                f"{self._url}: the SUT was started again during the run",
                "repeat the run: it may not be the same model any more",
            )
        return answer

    def _failure(self, answer: urllib3.BaseHTTPResponse) -> LoadScopeError:
        try:
            return described(json.loads(answer.data), "look at the SUT's own output")
        except (ValueError, KeyError, TypeError):
            said = answer.data[:200].decode(errors="replace")
            return WorkError(
                f"{self._url}: status {answer.status}: {said}",
                "look at the SUT's own output",
            )


def ask(url: str) -> RemoteSut:
    """See ``reach.Ask``."""
    client = SutClient(url)
    try:
        return client.describe()
    finally:
        client.close()
