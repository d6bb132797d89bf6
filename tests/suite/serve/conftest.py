import contextlib
import textwrap
import threading
import time

import pytest
import uvicorn

from loadscope.listening import listening
from loadscope.rundir.spec import make_spec
from loadscope.suite.serve.app import SutApp
from loadscope.suite.serve.served import load

MANIFEST = """
schema: 1
models:
  tiny:
    title: Tiny
    task: image-classification
    licence: Apache-2.0
    mlperf: {submission: [resnet], loadgen: resnet50, compliance: resnet50,
             rules: Resnet50-v1.5, division: open}
    dataset: imagenet
    classes: 10
    accuracy: {metric: top-1, meaningful: false}
    preprocess: {geometry: crop-then-resize, crop_fraction: 0.875, size: 32,
                 resampler: opencv-bilinear, colour: rgb,
                 mean: [127, 127, 127], std: [128, 128, 128]}
    postprocess: {kind: argmax, output: scores}
    artifacts:
      "null":
        source: file:nothing.bin
        format: none
        layout: NCHW
        inputs: {image: {dtype: float32, shape: [3, 32, 32]}}
        outputs: {scores: {dtype: float32, shape: [10]}}
"""


@contextlib.contextmanager
def serving(served, token="", queue=64, **settings):
    """Serve in a thread of this process; gives the port."""
    sock = listening("127.0.0.1", 0)
    config = uvicorn.Config(
        SutApp(served, token, queue).app,
        log_level="error",
        lifespan="off",
        timeout_graceful_shutdown=1,
        timeout_keep_alive=600,
        **settings,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [sock]})
    thread.start()
    deadline = time.monotonic() + 30
    while not server.started:
        assert time.monotonic() < deadline and thread.is_alive()
        time.sleep(0.01)
    try:
        yield sock.getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(30)
        sock.close()


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """A manifest with the model ``tiny`` on the null backend."""
    folder = tmp_path_factory.mktemp("tiny")
    (folder / "nothing.bin").write_bytes(b"none")
    path = folder / "tiny.yaml"
    path.write_text(textwrap.dedent(MANIFEST))
    return path


@pytest.fixture(scope="module")
def served(tiny, cache):
    """Have it loaded, with options."""
    made = []

    def make(most_batch=None, **options):
        settings = {"model": "tiny", "framework": "null", "scenario": "Server", "workers": 2}
        spec = make_spec({**settings, "threads": 1, "models": [tiny], "options": options}, "a test")
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("LOADSCOPE_CACHE", str(cache))
            made.append(load(spec, most_batch, lambda *_: None))
        return made[-1]

    yield make
    for one in made:
        one.threads.shutdown()


@pytest.fixture(scope="module")
def sut(served):
    """The port of a SUT that takes half a millisecond for a batch."""
    with serving(served(delay_us=500)) as port:
        yield port
