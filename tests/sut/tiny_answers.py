"""What every backend does with the model of ``tiny_onnx``, in whatever format it takes."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from tests.sut.tiny_onnx import INPUTS

from loadscope.errors import InputError


def answer_and_stay(backend):
    """The declared outputs in their order and types; the next call leaves them as they are."""
    INPUTS["images"].flags.writeable = False
    first = backend.predict(INPUTS)
    second = backend.predict({"images": np.ones((1, 2), np.float32)})
    assert list(first) == ["best", "doubled"]
    assert first["best"].tolist() == [1, 0, 1]
    assert first["doubled"].tolist() == [[2, 4], [8, 6], [0, 10]]
    assert second["doubled"].tolist() == [[2, 2]]
    assert {name: value.dtype.name for name, value in first.items()} == {
        "best": "int64",
        "doubled": "float32",
    }


def fill_up_a_batch_of_four(backend):
    """Three samples are answered by three, with layers too."""
    assert backend.effective().settings["fixed_batch"] == 4
    for predict in (backend.predict, backend.tracer(with_layers=True).predict):
        answers = predict(INPUTS)
        assert answers["best"].tolist() == [1, 0, 1]
        assert answers["doubled"].tolist() == [[2, 4], [8, 6], [0, 10]]


def answer_threads_at_once(backend, calls=400):
    """Each caller gets its own answers."""

    def right(number: int) -> bool:
        images = np.full((1 + number % 3, 2), number, np.float32)
        return bool((backend.predict({"images": images})["doubled"] == 2 * number).all())

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(right, range(calls)))


def refuse_what_is_no_model(backend, artifact, content):
    """Write a file in the artifact's place, none at all for None; the message has its path."""
    if content is not None:
        artifact.path.write_bytes(content)
    with pytest.raises(InputError, match=f"cannot load {artifact.path}"):
        backend.load(artifact, threads=1)


def refuse_after_close(backend):
    """Nothing is answered that is no longer there."""
    backend.close()
    with pytest.raises(RuntimeError, match="after close"):
        backend.predict(INPUTS)
