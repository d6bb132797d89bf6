"""The routes of a served SUT: ``sut.network.protocol`` says what each is."""

import asyncio
import hmac
from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from loadscope.errors import InputError, LoadScopeError, describe
from loadscope.suite.serve.served import Served
from loadscope.sut.network.protocol import (
    INSTANCE_HEADER,
    MEMORY,
    NAME,
    PREDICT,
    ROOT,
    TOKEN,
)
from loadscope.sut.network.wire import CONTENT_TYPE, MalformedError

MOST_BYTES = 1 << 30
"""Of a batch: two thousand images of float32, and what a server can hold beside its model."""

Handler = Callable[[Request], Awaitable[Response]]


class SutApp:
    """Answers a LoadGen on another host.

    Args:
        served: The loaded model.
        token: What clients must know; empty for no such word.
        queue: Batches that may wait beside those that are computed; further ones are refused with
            429, and the client comes again.
    """

    def __init__(self, served: Served, token: str, queue: int) -> None:
        self._served, self._token = served, token.encode()
        self._most = (served.told.workers or 1) + queue
        self._here = 0
        told = served.told.model_copy(update={"queue": queue})
        self._described = told.model_dump_json().encode()
        self.app = Starlette(
            routes=[
                Route(ROOT, self._guarded(self._describe)),
                Route(NAME, self._guarded(self._name)),
                Route(MEMORY, self._guarded(self._memory)),
                Route(PREDICT, self._guarded(self._predict), methods=["POST"]),
            ]
        )

    def _guarded(self, handler: Handler) -> Handler:
        async def guarded(request: Request) -> Response:
            given = request.headers.get("authorization", "").removeprefix("Bearer ").encode()
            if self._token and not hmac.compare_digest(given, self._token):
                answer = _failed(401, InputError("unknown token", f"give it in {TOKEN}"))
            else:
                answer = await handler(request)
            answer.headers[INSTANCE_HEADER] = self._served.told.instance
            return answer

        return guarded

    async def _describe(self, request: Request) -> Response:
        return Response(self._described, media_type="application/json")

    async def _name(self, request: Request) -> Response:
        return PlainTextResponse(self._served.told.name)

    async def _memory(self, request: Request) -> Response:
        return JSONResponse({"peak_memory_bytes": self._served.peak_memory()})

    async def _predict(self, request: Request) -> Response:
        if request.headers.get("content-type") != CONTENT_TYPE:
            return _failed(415, InputError(f"expected {CONTENT_TYPE}", "send tensors"))
        if self._here >= self._most:
            answer = _failed(429, InputError(f"{self._here} batches wait", "come again"))
            answer.headers["Retry-After"] = "1"
            return answer
        self._here += 1
        try:
            message = await _body(request)
            loop = asyncio.get_running_loop()
            found = await loop.run_in_executor(self._served.threads, self._served.answer, message)
        except MalformedError as error:
            return _failed(400, InputError(f"the batch is no tensors: {error}", "send it again"))
        except TooLargeError:
            most = f"expected at most {MOST_BYTES >> 20} MiB"
            return _failed(413, InputError(f"the batch: {most}", "use a smaller --batch-size"))
        except ClientDisconnect:
            return Response(status_code=400)
        except LoadScopeError as error:
            return _failed(400 if isinstance(error, InputError) else 500, error)
        finally:
            self._here -= 1
        return Response(found, media_type=CONTENT_TYPE)


class TooLargeError(Exception):
    """More was sent than is taken."""


async def _body(request: Request) -> bytearray:
    """The whole body; in one piece of memory, which arrays look into."""
    declared = request.headers.get("content-length", "0")
    if not declared.isdigit() or int(declared) > MOST_BYTES:
        raise TooLargeError
    message = bytearray()
    async for part in request.stream():
        message += part
        if len(message) > MOST_BYTES:
            raise TooLargeError
    return message


def _failed(status: int, error: LoadScopeError) -> Response:
    said = describe(error)
    # Paths of this machine are none of the client's.
    return JSONResponse({**said, "traceback": []}, status)
