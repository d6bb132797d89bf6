import contextlib
import functools
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import (
    BaseHTTPRequestHandler,
    SimpleHTTPRequestHandler,
    ThreadingHTTPServer,
)
from pathlib import Path
from typing import Any

import pytest
import yaml

from loadscope.datasets.task import Progress

ServeFolder = Callable[[Path], contextlib.AbstractContextManager[str]]


@dataclass
class FileServer:
    """A web server on the loopback that serves one file, well or badly as told."""

    address: str = ""
    content: bytes = b""
    etag: str = ""
    ranges: bool = True
    # One entry is used up by each request: a status to refuse with, or how much to send.
    statuses: list[int] = field(default_factory=list)
    cuts: list[int] = field(default_factory=list)
    # Seconds between the halves of an answer.
    delay: float = 0.0
    # Sends this much of the next answer, then waits for the event.
    hold_after: int = 0
    release: threading.Event = field(default_factory=threading.Event)
    requests: list[dict[str, str]] = field(default_factory=list)

    def url(self, name: str = "weights.bin") -> str:
        return f"{self.address}/{name}"

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        headers = {name.lower(): value for name, value in handler.headers.items()}
        self.requests.append(headers)
        if self.statuses:
            handler.send_error(self.statuses.pop(0))
            return
        start = self._start(headers)
        if start >= len(self.content) > 0:
            handler.send_error(416)
            return
        body = self.content[start:]
        handler.send_response(206 if start else 200)
        if start:
            last = len(self.content) - 1
            handler.send_header("Content-Range", f"bytes {start}-{last}/{len(self.content)}")
        handler.send_header("Content-Length", str(len(body)))
        if self.etag:
            handler.send_header("ETag", self.etag)
        handler.end_headers()
        self._send(handler, body[: self.cuts.pop(0)] if self.cuts else body)

    def _start(self, headers: dict[str, str]) -> int:
        wanted = headers.get("range", "")
        if not self.ranges or not wanted or headers.get("if-range") != self.etag:
            return 0
        return int(wanted.removeprefix("bytes=").removesuffix("-"))

    def _send(self, handler: BaseHTTPRequestHandler, body: bytes) -> None:
        half = self.hold_after or len(body) // 2
        handler.wfile.write(body[:half])
        handler.wfile.flush()
        if self.hold_after:
            self.hold_after = 0
            self.release.wait(30)
        time.sleep(self.delay)
        handler.wfile.write(body[half:])


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[FileServer]:
    files = FileServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            try:
                files.answer(self)
            except ConnectionError:
                self.close_connection = True

        def log_message(self, format: str, *args: Any) -> None:
            pass

    # A proxy of the environment must not come between us and the loopback.
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    # Trying again is what is tested, not waiting for it.
    monkeypatch.setattr("loadscope.suite.fetch.web._PAUSES", (0.0, 0.0, 0.0))
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        files.address = f"http://127.0.0.1:{listening.server_port}"
        thread = threading.Thread(target=listening.serve_forever, args=(0.02,))
        thread.start()
        yield files
        files.release.set()
        listening.shutdown()
        thread.join()


@pytest.fixture
def hub(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, serve_folder: ServeFolder
) -> Iterator[Path]:
    """The folder of a hub on the loopback: ``<owner>/<name>/resolve/<revision>/<file>``."""
    folder = tmp_path / "hub"
    folder.mkdir()
    with serve_folder(folder) as address:
        monkeypatch.setenv("HF_ENDPOINT", address)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setenv("LOADSCOPE_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr("loadscope.suite.fetch.web._PAUSES", ())
        yield folder


@pytest.fixture(scope="session")
def serve_folder() -> ServeFolder:
    return _served


@contextlib.contextmanager
def _served(folder: Path) -> Iterator[str]:
    """Serve a folder on the loopback, at the address that is given."""

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: Any) -> None:
            pass

    handler = functools.partial(Handler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as listening:
        thread = threading.Thread(target=listening.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{listening.server_port}"
        listening.shutdown()
        thread.join()


@pytest.fixture
def stages() -> list[tuple[str, int, int]]:
    return []


@pytest.fixture
def progress(stages: list[tuple[str, int, int]]) -> Progress:
    def report(what: str, done: int, total: int) -> None:
        stages.append((what, done, total))

    return report


def model_entry(**changes: Any) -> dict[str, Any]:
    """A valid entry of a manifest, for an ONNX file beside it."""
    return {
        "title": "Tiny",
        "task": "image-classification",
        "licence": "Apache-2.0",
        "mlperf": {
            "submission": ["resnet"],
            "loadgen": "resnet50",
            "compliance": "resnet50",
            "rules": "Resnet50-v1.5",
            "division": "open",
        },
        "dataset": "imagenet",
        "classes": 1000,
        "accuracy": {"metric": "top-1", "published": 75.1},
        "preprocess": {
            "geometry": "crop-then-resize",
            "resampler": "opencv-bicubic",
            "mean": [127, 127, 127],
            "std": [128, 128, 128],
        },
        "postprocess": {"kind": "argmax", "output": "logits"},
        "artifacts": {
            "onnxruntime": {
                "source": "file:tiny.onnx",
                "format": "onnx",
                "layout": "NCHW",
                "inputs": {"images": {"dtype": "float32", "shape": [3, 224, 224]}},
                "outputs": {"logits": {"dtype": "float32", "shape": [1000]}},
            }
        },
        **changes,
    }


@pytest.fixture(scope="session")
def entry() -> Callable[..., dict[str, Any]]:
    return model_entry


@pytest.fixture
def write_manifest(tmp_path: Path) -> Callable[..., Path]:
    """Write entries, by id, to a manifest file."""

    def write(models: dict[str, Any], name: str = "models.yaml", **top: Any) -> Path:
        path = tmp_path / name
        text = yaml.safe_dump({"schema": 1, "models": models, **top}, sort_keys=False)
        path.write_text(text, encoding="utf-8")
        return path

    return write
