"""A server of the Open Inference Protocol behind the backend protocol."""

import json
from typing import Any
from urllib.parse import urlsplit

import urllib3
from numpy.typing import NDArray
from pydantic import ValidationError

from loadscope.errors import InputError, WorkError
from loadscope.rundir.remote_record import RemoteSut, ServedModel, ServedTensor
from loadscope.sut.backend import Artifact
from loadscope.sut.declared import BatchCheck
from loadscope.sut.effective import Effective
from loadscope.sut.network.http import Http
from loadscope.sut.openinference.info import INFO
from loadscope.sut.openinference.protocol import BINARY, DTYPES, PROTOCOL, request, response
from loadscope.tensors import ANY_SIZE, Tensors

_MORE = 200
"""Letters of a server's own error that are shown."""


class OpenInferenceBackend:
    """Has a model of a running server answer, with tensors as bytes where the server can.

    Options of the artifact:
        url: The model's address, ``http://HOST:PORT/v2/models/NAME`` or a version of it.
    """

    def load(self, artifact: Artifact, threads: int) -> None:
        """Find the model; the server has loaded it.

        Raises:
            InputError: No address is given, or there is no such model.
            WorkError: The server is not there.
        """
        INFO.check_options(artifact.options)
        if "url" not in artifact.options:
            raise InputError(
                "the server's address is not known", "give --sut http://HOST:PORT/v2/models/NAME"
            )
        self._url = artifact.options["url"]
        self._http, self._path = Http(self._url), urlsplit(self._url).path
        self._told, self._binary = _described(self._http, self._url)
        self._check = BatchCheck(artifact.inputs)
        self._inputs = [info.name for info in artifact.inputs]
        self._outputs = {info.name: 1 + len(info.shape) for info in artifact.outputs}

    def effective(self) -> Effective:
        """What the server says of itself; threads are its own matter."""
        return Effective({"sut": self._told.in_force})

    def predict(self, batch: Tensors) -> Tensors:
        """Send a batch and wait for the answer.

        Raises:
            InputError: The batch does not fit the declared inputs.
            WorkError: The connection is lost, or the server fails.
        """
        self._check(batch)
        inputs = {name: batch[name] for name in self._inputs}
        body, headers = request(inputs, list(self._outputs), self._binary)
        answer = self._http.post(f"{self._path}/infer", body, headers)
        if answer.status != 200:
            raise WorkError(f"{self._url}: {_said(answer)}", "look at the server's own output")
        try:
            found = response(answer.data, answer.headers)
            return {name: _of_rank(found[name], axes) for name, axes in self._outputs.items()}
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise WorkError(
                f"{self._url}: not an answer of {PROTOCOL}: {error}", "look at the server"
            ) from error

    def sut_name(self) -> str:
        """See ``RemoteBackend``: the server's, for which it is asked again."""
        _described(self._http, self._url)
        return self._told.name

    def close(self) -> None:
        """Close the connections; the server goes on."""
        self._http.close()


def ask(url: str) -> RemoteSut:
    """See ``reach.Ask``."""
    http = Http(url)
    try:
        return _described(http, url)[0]
    finally:
        http.close()


def _described(http: Http, url: str) -> tuple[RemoteSut, bool]:
    """What server and model say, and whether tensors can be sent as bytes."""
    server = _json(http, "/v2", url)
    model = _json(http, urlsplit(url).path, url)
    try:
        name, version = str(server["name"]), str(server.get("version", ""))
        extensions = [str(one) for one in server.get("extensions") or []]
        told = RemoteSut(
            protocol=PROTOCOL,
            server=f"{name} {version}".strip(),
            name=f"Network SUT {urlsplit(url).netloc} ({name} {model['name']})",
            in_force={"platform": str(model.get("platform", "")), "extensions": list(extensions)},
            model=ServedModel(id=str(model["name"]), source=url),
            inputs=tuple(map(_tensor, model.get("inputs") or [])),
            outputs=tuple(map(_tensor, model.get("outputs") or [])),
            versions={name: version} if version else {},
        )
    except (KeyError, TypeError, AttributeError, ValueError, ValidationError) as error:
        raise InputError(
            f"{url}: its metadata is not of {PROTOCOL}: {error}", "give a server that speaks it"
        ) from error
    return told, BINARY in extensions


def _of_rank(array: NDArray[Any], axes: int) -> NDArray[Any]:
    """An output with so many axes: mlserver has a vector as a column, whatever its metadata say."""
    if array.ndim > axes and set(array.shape[axes:]) == {1}:
        return array.reshape(array.shape[:axes])
    return array


def _tensor(told: dict[str, Any]) -> ServedTensor:
    """A tensor without its batch axis, which the protocol has as the first one."""
    datatype = told["datatype"]
    shape = tuple(ANY_SIZE if size < 0 else size for size in map(int, told["shape"][1:]))
    return ServedTensor(name=told["name"], dtype=DTYPES.get(datatype, datatype), shape=shape)


def _json(http: Http, path: str, url: str) -> dict[str, Any]:
    answer = http.get(path)
    if answer.status != 200:
        raise InputError(
            f"{url}: {path}: {_said(answer)}",
            "name a model that the server has, as /v2/models/NAME",
        )
    try:
        found = json.loads(answer.data)
    except ValueError as error:
        raise InputError(f"{url}: {path}: not JSON", f"give a server of {PROTOCOL}") from error
    if not isinstance(found, dict):
        raise InputError(f"{url}: {path}: not an object", f"give a server of {PROTOCOL}")
    return found


def _said(answer: urllib3.BaseHTTPResponse) -> str:
    """The status and the server's own error."""
    try:
        text = str(json.loads(answer.data)["error"])
    except (ValueError, KeyError, TypeError):
        text = answer.data.decode(errors="replace")
    return f"status {answer.status}: {text[:_MORE]}".strip()
